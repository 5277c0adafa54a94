/** The implicit generator: seeding, saving, restoring. */
import * as ad from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

describe("the state of the implicit generator", () => {
  const draw = () => ad.nn.dropout(ad.ones([64]), { p: 0.5 }).toArray();

  it("comes back through JSON and goes on from there", () => {
    ad.manualSeed(11);
    draw();
    const saved = JSON.parse(JSON.stringify(ad.random.getState()));
    const expected = [draw(), draw()];
    expect(expected[0]).not.toEqual(expected[1]);
    ad.random.setState(saved);
    expect([draw(), draw()]).toEqual(expected);
    ad.manualSeed(12);
    expect(draw()).not.toEqual(expected[0]);
    ad.random.setState(saved);
    expect(draw()).toEqual(expected[0]);
  });

  it("is a copy: drawing does not change what was saved", () => {
    ad.manualSeed(5);
    const saved = ad.random.getState();
    draw();
    expect(saved).toEqual({ seed: 5, draws: 0 });
    expect(ad.random.getState()).toEqual({ seed: 5, draws: 1 });
  });

  it.each([[undefined], [null], [3], ["state"], [{}], [{ seed: 1 }], [{ seed: 1.5, draws: 0 }], [{ seed: 1, draws: -1 }]])(
    "refuses %j",
    (garbage) => {
      const before = ad.random.getState();
      expect(() => ad.random.setState(garbage as never)).toThrowError(
        expect.objectContaining({ name: "ValueError", message: expect.stringContaining("getState") }),
      );
      expect(ad.random.getState()).toEqual(before);
    },
  );
});
