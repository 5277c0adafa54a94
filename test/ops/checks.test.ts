/** The check of values refuses what is wrong only relatively. */
import { describe, expect, it } from "vitest";
import { mapped } from "./array.js";
import type { Case } from "./cases.js";
import { checkValue } from "./checks.js";

const tail: Case = {
  name: "exp",
  call: (x) => x.exp(),
  reference: mapped(Math.exp),
  samples: [{ note: "in the tail", inputs: [{ shape: [2], data: [-80, 0.5] }] }],
};
const check = (op: Case, dtype: "float32" | "float64") => () => checkValue(op, op.samples[0]!, dtype);

describe.each(["float32", "float64"] as const)("a small value in %s", (dtype) => {
  it("passes where it has its digits", check(tail, dtype));

  it("is not 0", () => {
    expect(check({ ...tail, call: (x) => x.exp().mul(x.gt(-50)) }, dtype)).toThrow("in the tail: element 0 is 0");
  });

  it("is not what is left of a difference of larger ones, unless the row says that its terms cancel", () => {
    const cancelling = { ...tail, call: (x: Parameters<Case["call"]>[0]) => x.exp().add(1e-3).sub(1e-3) };
    expect(check(cancelling, dtype)).toThrow("in the tail: element 0 is");
    check({ ...cancelling, floor: 1 }, dtype)();
  });
});
