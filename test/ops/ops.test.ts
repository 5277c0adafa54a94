/** The op table, checked. */
import * as ad from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";
import { cases } from "./cases.js";
import { checkDirectional, checkModesAgree, checkSecondOrder, checkThirdOrder, checkValue, checkVmap, isSmall, tensors } from "./checks.js";

endsAtBaseline();

describe.each(cases.map((op) => [op.name, op] as const))("%s", (_, op) => {
  it("has at least 25 samples' worth of inputs or says why not", () => {
    // Reductions over one axis list have fewer shapes to offer; together the rows of an op have more than 25.
    const ofOp = cases.filter((c) => c.name.split("(")[0] === op.name.split("(")[0]);
    expect(ofOp.reduce((n, c) => n + c.samples.length, 0)).toBeGreaterThanOrEqual(25);
  });

  it.each(["float32", "float64"] as const)("has the reference's values in %s", (dtype) => {
    for (const sample of op.samples) clean(() => checkValue(op, sample, dtype));
  });

  if (!op.discrete) {
    it.each(["float32", "float64"] as const)("has the same derivative forward and in reverse in %s", (dtype) => {
      for (const sample of op.samples) clean(() => checkModesAgree(op, sample, dtype));
    });

    it("has the derivative that differences give", () => {
      for (const sample of op.samples) if (!sample.singular) clean(() => checkDirectional(op, sample));
    });

    it("passes gradcheck on small inputs", () => {
      for (const sample of op.samples.filter((s) => isSmall(s) && !s.singular).slice(0, 8)) {
        clean(() => ad.gradcheck(op.call, tensors(sample, "float64"), { rtol: 1e-7, atol: 1e-8 }));
      }
    });

    it("has one second derivative in the four nestings", () => {
      for (const sample of op.samples) if (!sample.singular && isSmall(sample)) clean(() => checkSecondOrder(op, sample));
    });

    it("has one third derivative in several nestings", () => {
      for (const sample of op.samples.filter((s) => !s.singular && isSmall(s)).slice(-8)) clean(() => checkThirdOrder(op, sample));
    });
  }

  it("maps over a batch as a loop does", () => {
    for (const sample of op.samples) if (!sample.singular) clean(() => checkVmap(op, sample));
  });
});
