/** Hosts that make no modules at run time: programs are planned, and run op by op. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { afterAll, expect, it, vi } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

// What makes programs is a module too, and no code of the run: a host that refuses that has it from a file.
ad.compile(() => {});

const Module = vi.spyOn(WebAssembly, "Module").mockImplementation(() => {
  throw new WebAssembly.CompileError("Wasm code generation disallowed by embedder");
});
afterAll(() => Module.mockRestore());

it("gives the same numbers, and asks the host once", () => {
  ad.scope(() => {
    const f = (x: Tensor) => x.mul(2).add(1).mul(x).sin().sum(0).sqrt().abs();
    const [g, h] = [ad.compile(f), ad.compile(ad.hessian((x: Tensor) => f(x).sum()))];
    for (const seed of [1, 2, 3]) {
      const x = ad.random.uniform(ad.random.key(seed), [20, 3]);
      expect(g(x).toArray()).toEqual(f(x).toArray());
      const y = x.slice([0, 0], [2, 3]);
      expect((h(y) as Tensor).toArray()).toEqual((ad.hessian((x: Tensor) => f(x).sum())(y) as Tensor).toArray());
    }
    expect(Module).toHaveBeenCalledOnce();
    expect(g.stats()).toMatchObject({ recordings: 1, replays: 2, eager: 0, groups: 0 });
  });
});
