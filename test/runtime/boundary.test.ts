/** What TypeScript knows of the engine is generated; here it meets the engine itself. */
import { readFileSync } from "node:fs";
import path from "node:path";
import * as ad from "adjoint";
import { describe, expect, it } from "vitest";
import { ADDRESSES, ERRORS, LevelKind, UPDATES, type Exports } from "../../ts/runtime/boundary.js";

const raw = () => ad.testing.rawExports() as unknown as Exports;
const source = readFileSync(path.resolve("ts/runtime/boundary.ts"), "utf8");

describe("the generated boundary", () => {
  it("declares what the module exports, no less and no more", () => {
    const declared = [...source.matchAll(/^ {2}(\w+)\([^)]*\): \w+;$/gm)].map(([, name]) => name!);
    const exported = Object.entries(raw())
      .filter(([name, f]) => typeof f === "function" && !name.startsWith("__"))
      .map(([name]) => name);
    expect(declared.length).toBeGreaterThan(60);
    expect(exported.sort()).toEqual(declared.sort());
  });

  it("tells addresses from other numbers", () => {
    // Half of the memory lies above 2 GiB: an address is never negative.
    for (const name of ADDRESSES) expect(source).toMatch(new RegExp(`^ {2}${name}\\(`, "m"));
    expect(ADDRESSES).toContain("read");
    expect(ADDRESSES).not.toContain("op2");
  });

  it("has a class with a stable name and code for every failure", () => {
    for (const [name, { code }] of Object.entries(ERRORS)) {
      const type = ad[name as keyof typeof ERRORS];
      const error = new type("why", "op");
      expect([error.name, error.code, error.op, error instanceof ad.AdjointError]).toEqual([name, code, "op", true]);
    }
    const others = ["PoisonedError", "StackOverflowError", "NotInitializedError", "GradcheckError", "FormatError"] as const;
    expect(others.map((name) => [new ad[name]("").name, new ad[name]("").code])).toEqual([
      ["PoisonedError", "POISONED"],
      ["StackOverflowError", "STACK_OVERFLOW"],
      ["NotInitializedError", "NOT_INITIALIZED"],
      ["GradcheckError", "GRADCHECK"],
      ["FormatError", "FORMAT"],
    ]);
    expect(new ad.AdjointError("").code).toBe("ADJOINT");
  });

  it("lists the options of an update as often as it passes values", () => {
    for (const { options, values } of Object.values(UPDATES)) {
      const given = Object.fromEntries(options.map((name, i) => [name, i + 1]));
      expect((values as (o: unknown) => number[])(given)).toEqual(options.map((_, i) => i + 1));
    }
  });
});

describe("a failure is 0, and 0 is a failure", () => {
  const fails = (answer: number, code: keyof typeof ERRORS) => {
    expect(answer).toBe(0);
    expect(raw().error_code()).toBe(ERRORS[code].number);
    raw().clear_error();
  };
  const disposed = 1 << 20;
  /** The ids that the next call reads. */
  const scratch = (...ids: number[]) => {
    const address = raw().scratch(ids.length) >>> 0;
    new Float64Array(raw().memory.buffer, address, ids.length).set(ids);
  };
  const first = () => new Float64Array(raw().memory.buffer, raw().scratch(1) >>> 0, 1)[0];

  it("of levels", () => {
    expect(raw().level_kind(1)).toBe(LevelKind.Grad);
    fails(raw().level_kind(77), "EscapedValueError");
    fails(raw().level_push(9), "ValueError");
    ad.vmap((x: ad.Tensor) => {
      expect([raw().level_kind(2), first()]).toEqual([LevelKind.Batch, 3]);
      return x;
    })(ad.ones([3]));
    ad.dualLevel(() => expect(raw().level_kind(2)).toBe(LevelKind.Dual));
  });

  it("of questions about values", () => {
    scratch();
    expect([raw().top_level(0), raw().recording_level(0, 1)]).toEqual([1, 1]);
    scratch(disposed);
    fails(raw().top_level(1), "DisposedError");
    scratch(disposed);
    fails(raw().recording_level(1, 0), "DisposedError");
    fails(raw().tangent_of(2, disposed), "DisposedError");
    fails(raw().gradient(disposed), "DisposedError");
    fails(raw().update(99, disposed, disposed), "ValueError");
    // An earlier failure, unread, is not taken for one of these.
    expect(raw().level_kind(77)).toBe(0);
    const p = ad.tensor([1], { requiresGrad: true });
    expect(p.grad).toBeNull();
    ad.jvp((x: ad.Tensor) => x.mul(2), [ad.tensor(1)], [ad.tensor(1)]);
    raw().clear_error();
    p.dispose();
  });
});
