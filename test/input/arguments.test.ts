/** What functions outside of the op table do with arguments they do not read. */
import * as ad from "adjoint";
import { describe, expect, it } from "vitest";

describe("arguments nobody reads", () => {
  const w = () => [ad.tensor([1], { requiresGrad: true })];
  it.each<[string, (...more: unknown[]) => unknown]>([
    ["tensor", (...more) => (ad.tensor as any)(1, {}, ...more)],
    ["zeros", (...more) => (ad.zeros as any)([1], {}, ...more)],
    ["ones", (...more) => (ad.ones as any)([1], {}, ...more)],
    ["full", (...more) => (ad.full as any)([1], 2, {}, ...more)],
    ["zerosLike", (...more) => (ad.zerosLike as any)([1], {}, ...more)],
    ["eye", (...more) => (ad.eye as any)(1, 1, {}, ...more)],
    ["arange", (...more) => (ad.arange as any)(0, 1, 1, {}, ...more)],
    ["linspace", (...more) => (ad.linspace as any)(0, 1, 2, {}, ...more)],
    ["SGD", (...more) => new (ad.optim.SGD as any)(w(), {}, ...more)],
    ["AdamW", (...more) => new (ad.optim.AdamW as any)(w(), {}, ...more)],
    ["clipGradNorm", (...more) => (ad.optim.clipGradNorm as any)(w(), 1, {}, ...more)],
    ["clipGradValue", (...more) => (ad.optim.clipGradValue as any)(w(), 1, ...more)],
    ["manualSeed", (...more) => (ad.manualSeed as any)(0, ...more)],
  ])("of %s are refused", (name, call) => {
    expect(() => call()).not.toThrow();
    expect(() => call(7)).toThrow(ad.ValueError);
    expect(() => call(7)).toThrow(new RegExp(`^${name}: takes at most`));
  });
});
