/** What pullbacks and pushforwards hold at top level, and who releases it. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { expect, it, vi } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f = (x: Tensor) => x.sin().mul(x.cos()).exp();
const makers = [
  ["vjp", (x: Tensor) => ad.vjp(f, x)],
  ["linearize", (x: Tensor) => ad.linearize(f, x)],
] as const;

it.each(makers)("%s in a synchronous loop is flat when it is disposed, or in a scope", (_, make) => {
  const x = ad.ones([128, 128]);
  const turns = [
    () => {
      const [y, along] = make(x);
      along(y);
      along.dispose();
    },
    () => {
      const [y, along] = make(x);
      along(y);
      along[Symbol.dispose]();
    },
    () =>
      ad.scope(() => {
        const [y, along] = make(x);
        along(y);
      }),
  ];
  for (const turn of turns) {
    let early = 0;
    for (let i = 1; i <= 600; i++) {
      turn();
      if (i === 200) early = ad.memory().bytes;
    }
    // Plain values come and go by some half megabytes; a run holds 64 KB and more.
    expect(ad.memory().bytes - early).toBeLessThan(8 * 2 ** 20);
  }
});

it.each(makers)("%s: what was disposed, twice too, says so when it is called", (name, make) => {
  const [y, along] = make(ad.ones([3]));
  along.dispose();
  along.dispose();
  expect(() => along(y)).toThrow(ad.ValueError);
  expect(() => along(y)).toThrow(new RegExp(`^${name}: this pu.* was disposed`));
});

it("256 MB of them are warned of, once, by name of the cure", () => {
  const warning = vi.spyOn(console, "warn").mockImplementation(() => {});
  try {
    const x = ad.ones([1024, 1024]);
    const pullbacks = Array.from({ length: 80 }, () => {
      const [y, pullback] = ad.vjp(f, x);
      y.dispose();
      return pullback;
    });
    expect(warning).toHaveBeenCalledOnce();
    expect(warning.mock.calls[0]![0]).toMatch(/pullback\.dispose\(\).*using.*scope/);
    for (const pullback of pullbacks) pullback.dispose();
    x.dispose();
  } finally {
    warning.mockRestore();
  }
});
