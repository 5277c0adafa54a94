/** Draws of distributions: moments, distances of Kolmogorov and Smirnov, derivatives; and what is refused. */
import * as ad from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const D = ad.distributions;
const key = () => ad.random.key(7);
const N = 20_000;
const f64 = (value: number | ad.Nested) => ad.tensor(value, { dtype: "float64" });

/** Mean and variance within five standard errors. */
function moments(draws: ad.Tensor, mean: number, variance: number): void {
  const x = draws.cast("float64");
  const centred = x.sub(mean);
  const fourth = centred.pow(4).mean().item() - variance ** 2;
  expect(Math.abs(x.mean().item() - mean)).toBeLessThan(5 * Math.sqrt(variance / x.size));
  expect(Math.abs(centred.square().mean().item() - variance)).toBeLessThan(5 * Math.sqrt(fourth / x.size));
}

/** sup |F_n - F| √n, which exceeds 1.95 with probability 0.001. */
function kolmogorovSmirnov(draws: ad.Tensor, cdf: (x: ad.Tensor) => ad.Tensor): number {
  const sorted = draws.flatten().cast("float64").sort();
  const n = sorted.size;
  const F = cdf(sorted);
  const steps = ad.arange(n, { dtype: "float64" });
  const above = steps.add(1).div(n).sub(F).max().item();
  return Math.max(above, F.sub(steps.div(n)).max().item()) * Math.sqrt(n);
}

const univariate: [string, () => ad.distributions.Distribution][] = [
  ["Normal", () => new D.Normal(f64(1), 2)],
  ["LogNormal", () => new D.LogNormal(f64(0.2), 0.3)],
  ["Laplace", () => new D.Laplace(f64(1), 2)],
  ["Exponential", () => new D.Exponential(f64(3))],
  ["Uniform", () => new D.Uniform(f64(-1), 4)],
];

describe("draws", () => {
  it.each(univariate)("%s: distance of Kolmogorov and Smirnov, inverse of the distribution function", (_, make) => {
    clean(() => {
      const d = make();
      expect(kolmogorovSmirnov(d.sample(key(), [N]), (x) => d.cdf(x))).toBeLessThan(1.95);
      const p = f64([0.01, 0.3, 0.5, 0.8, 0.999]);
      expect(d.cdf(d.icdf(p)).div(p).sub(1).abs().max().item()).toBeLessThan(1e-9);
      expect(d.icdf([-0.1, 1.1]).isNaN().all().item()).toBe(1);
    });
  });

  // Cases of other families whose distribution function is elementary.
  it.each([
    ["Gamma(1, 2)", () => new D.Gamma(f64(1), 2), (x: ad.Tensor) => x.mul(-2).expm1().neg()],
    ["Gamma(1/2, 1)", () => new D.Gamma(f64(0.5), 1), (x: ad.Tensor) => x.sqrt().erf()],
    ["Beta(0.3, 1)", () => new D.Beta(f64(0.3), 1), (x: ad.Tensor) => x.pow(0.3)],
    [
      "Beta(1/2, 1/2)",
      () => new D.Beta(f64(0.5), 0.5),
      (x: ad.Tensor) =>
        x
          .sqrt()
          .asin()
          .mul(2 / Math.PI),
    ],
    ["StudentT(1)", () => new D.StudentT(f64(1)), (x: ad.Tensor) => x.atan().div(Math.PI).add(0.5)],
    ["StudentT(2)", () => new D.StudentT(f64(2)), (x: ad.Tensor) => x.div(x.square().add(2).sqrt()).add(1).mul(0.5)],
  ] as const)("%s: distance of Kolmogorov and Smirnov", (_, make, cdf) => {
    clean(() => {
      expect(kolmogorovSmirnov(make().sample(key(), [N]), cdf)).toBeLessThan(1.95);
    });
  });

  it.each([
    ...univariate,
    ["Gamma", () => new D.Gamma(f64(2.5), 3)],
    ["Beta", () => new D.Beta(f64(2.5), 0.4)],
    ["StudentT", () => new D.StudentT(f64(9), 1, 2)],
    ["Poisson, small", () => new D.Poisson(f64(0.7))],
    ["Poisson at the border", () => new D.Poisson(f64(10))],
    ["Poisson above it", () => new D.Poisson(f64(10.5))],
    ["Poisson, large", () => new D.Poisson(f64(5000))],
    ["Bernoulli", () => new D.Bernoulli({ probs: f64(0.2) })],
    ["Bernoulli by logits", () => new D.Bernoulli({ logits: 1 })],
  ] as [string, () => ad.distributions.Distribution][])("%s: moments", (_, make) => {
    clean(() => {
      const d = make();
      const draws = d.sample(key(), [N]);
      expect([draws.shape, draws.dtype]).toEqual([[N], d.dtype]);
      moments(draws, d.mean.item(), d.variance.item());
      expect(d.logProb(draws).isFinite().all().item()).toBe(1);
    });
  });

  it.each([0.7, 3, 10, 12, 40])("Poisson(%d): the frequencies are the probabilities", (rate) => {
    clean(() => {
      const d = new D.Poisson(f64(rate));
      const draws = d.sample(key(), [N]);
      const counts = ad.arange(Math.ceil(rate * 3) + 5, { dtype: "float64" });
      const found = counts.unsqueeze(-1).eq(draws).cast("float64").sum(-1);
      const expected = d.logProb(counts).exp().mul(N);
      const kept = expected.gt(5);
      const chi = kept
        .where(found.sub(expected).square().div(kept.where(expected, 1)), 0)
        .sum()
        .item();
      const freedom = kept.cast("float64").sum().item() - 1;
      expect(chi).toBeLessThan(freedom + 5 * Math.sqrt(2 * freedom));
    });
  });

  it("Categorical, Dirichlet and MultivariateNormal", () => {
    clean(() => {
      const p = new D.Categorical({
        probs: f64([
          [1, 1, 2],
          [0, 3, 1],
        ]),
      });
      const classes = p.sample(key(), [N]);
      expect([classes.shape, classes.dtype]).toEqual([[N, 2], "int32"]);
      const share = classes
        .unsqueeze(-1)
        .eq(ad.arange(3, { dtype: "int32" }))
        .cast("float64")
        .mean(0);
      expect(share.sub(p.probs).abs().max().item()).toBeLessThan(5 * Math.sqrt(0.25 / N));
      expect(share.at(1).at(0).item()).toBe(0);

      const d = new D.Dirichlet(f64([0.001, 0.5, 3]));
      const simplex = d.sample(key(), [N]);
      expect(simplex.sum(-1).sub(1).abs().max().item()).toBeLessThan(1e-12);
      for (const i of [1, 2]) moments(simplex.transpose().at(i), d.mean.at(i).item(), d.variance.at(i).item());

      const m = new D.MultivariateNormal(f64([1, -1]), {
        covarianceMatrix: f64([
          [2, 0.6],
          [0.6, 1],
        ]),
      });
      const x = m.sample(key(), [N]).sub(m.mean);
      const covariance = x.transpose().matmul(x).div(N);
      expect(covariance.sub(m.covarianceMatrix).abs().max().item()).toBeLessThan(0.1);
      expect(
        ad.allclose(m.covarianceMatrix, [
          [2, 0.6],
          [0.6, 1],
        ]),
      ).toBe(true);
    });
  });

  it("derivatives of draws: those of the mean, by the mean of many", () => {
    clean(() => {
      const by = (draw: (a: ad.Tensor) => ad.Tensor, at: number) =>
        ad
          .grad((a: ad.Tensor) => draw(a).mean())(f64(at))
          .item();
      expect(by((a) => new D.Normal(a, 2).sample(key(), [N]), 1)).toBeCloseTo(1, 10);
      expect(by((a) => new D.Gamma(a, 2).sample(key(), [N]), 1.5)).toBeCloseTo(0.5, 1);
      expect(by((a) => new D.Exponential(a).sample(key(), [N]), 2)).toBeCloseTo(-0.25, 1);
      // a / (a + b), with derivative b / (a + b)².
      expect(by((a) => new D.Beta(a, 2).sample(key(), [N]), 0.5)).toBeCloseTo(2 / 6.25, 1);
      expect(by((a) => new D.Dirichlet(ad.stack([a, f64(2)])).sample(key(), [N]).slice([0, 0], [N, 1]), 0.5)).toBeCloseTo(2 / 6.25, 1);
      // The second moment of t is df / (df - 2).
      expect(by((df) => new D.StudentT(df).sample(key(), [N]).square(), 12)).toBeCloseTo(-0.02, 1);
      for (const discrete of [
        (a: ad.Tensor) => new D.Poisson(a).sample(key(), [9]),
        (a: ad.Tensor) => new D.Bernoulli({ probs: a }).sample(key(), [9]),
      ])
        expect(by(discrete, 0.5)).toBe(0);
    });
  });

  it("shapes, without a key, compiled, under vmap", () => {
    clean(() => {
      const d = new D.Normal(f64([[0], [1]]), f64([1, 2, 3]));
      expect([d.batchShape, d.mean.shape, d.entropy().shape, d.sample([5]).shape, d.logProb(0).shape]).toEqual([
        [2, 3],
        [2, 3],
        [2, 3],
        [5, 2, 3],
        [2, 3],
      ]);
      ad.manualSeed(3);
      const one = d.sample().toArray();
      expect(d.sample().toArray()).not.toEqual(one);
      ad.manualSeed(3);
      expect(d.sample().toArray()).toEqual(one);
      for (const make of [
        (a: ad.Tensor) => new D.Normal(a, 1),
        (a: ad.Tensor) => new D.Gamma(a, 1),
        (a: ad.Tensor) => new D.Beta(a, 1),
        (a: ad.Tensor) => new D.StudentT(a),
        (a: ad.Tensor) => new D.Poisson(a),
        (a: ad.Tensor) => new D.Uniform(0, a),
        (a: ad.Tensor) => new D.Bernoulli({ logits: a }),
        (a: ad.Tensor) => new D.Categorical({ probs: ad.stack([a, a.square()]) }),
      ] as ((a: ad.Tensor) => ad.distributions.Distribution)[]) {
        const draw = (k: ad.Tensor, a: ad.Tensor) => {
          const p = make(a);
          const x = p.sample(k, [4]);
          return ad.stack([x.cast("float64"), p.logProb(x)]);
        };
        const plain = [0.5, 2, 30].map((a, i) => draw(ad.random.key(i), f64(a)).toArray());
        const compiled = ad.compile(draw);
        expect([0.5, 2, 30].map((a, i) => (compiled(ad.random.key(i), f64(a)) as ad.Tensor).toArray())).toEqual(plain);
        const mapped = ad.vmap(draw)(ad.stack([0, 1, 2].map((i) => ad.random.key(i))), f64([0.5, 2, 30])) as ad.Tensor;
        expect(ad.allclose(mapped, f64(plain as ad.Nested), { rtol: 1e-12 })).toBe(true);
      }
    });
  });
});

describe("the ends", () => {
  it("outside of the support the probability is 0, without a derivative", () => {
    clean(() => {
      for (const [d, x] of [
        [new D.Exponential(f64(1)), -1],
        [new D.LogNormal(f64(0), 1), 0],
        [new D.Gamma(f64(2), 1), -1],
        [new D.Beta(f64(2), 1), 1.5],
        [new D.Uniform(f64(0), 1), 1],
        [new D.Poisson(f64(2)), 1.5],
        [new D.Poisson(f64(2)), -1],
        [new D.Bernoulli({ probs: f64(0.5) }), 2],
        [new D.Categorical({ probs: f64([1, 2]) }), 2],
        [new D.Dirichlet(f64([1, 2])), [0.5, 0.6]],
      ] as [ad.distributions.Distribution, ad.Nested | number][]) {
        expect(d.logProb(x).item(), d.name).toBe(-Infinity);
        if (typeof x === "number" && d.name !== "Categorical")
          expect(
            ad
              .grad((y: ad.Tensor) => d.logProb(y))(f64(x))
              .item(),
            d.name,
          ).toBe(0);
      }
      expect(new D.Normal(0, 1).logProb(Number.NaN).isNaN().item()).toBe(1);
      expect(new D.Uniform(0, 1).logProb(Number.NaN).isNaN().item()).toBe(1);
      expect(new D.Gamma(1, 1).logProb(0).item()).toBe(0);
      expect(new D.Beta(1, 1).logProb([0, 1]).toArray()).toEqual([0, 0]);
      expect(new D.Categorical({ probs: [0, 1] }).entropy().item()).toBe(0);
      expect(new D.Bernoulli({ probs: [0, 1] }).entropy().abs().toArray()).toEqual([0, 0]);
      const apart = D.kl(new D.Categorical({ probs: [0.5, 0.5] }), new D.Categorical({ probs: [0, 1] }));
      expect(apart.item()).toBe(Infinity);
      expect(D.kl(new D.Categorical({ probs: [0, 1] }), new D.Categorical({ probs: [0.5, 0.5] })).item()).toBeCloseTo(Math.LN2, 6);
      expect(D.kl(new D.Uniform(0, 2), new D.Uniform(0, 1)).item()).toBe(Infinity);
    });
  });

  it("parameters and places that are refused are named", () => {
    const refused = (make: () => unknown, words: RegExp, type: new (...args: never[]) => Error = ad.ValueError) =>
      clean(() => {
        expect(make).toThrow(type);
        expect(make).toThrow(words);
      });
    refused(() => new D.Normal(0, -1), /Normal: the parameter scale must be positive and finite, got -1/);
    refused(() => new D.Normal(0, [1, 0]), /scale .* a tensor of shape \[2\]/);
    refused(() => new D.Normal(Number.NaN, 1), /loc/);
    refused(() => new D.Normal(0, undefined as never), /scale is missing/);
    refused(() => new D.Normal([1, 2], [1, 2, 3]), /broadcast/, ad.ShapeError);
    refused(() => new D.Gamma(0, 1), /concentration/);
    refused(() => new D.Beta(1, -1), /concentration0/);
    refused(() => new D.Dirichlet([1, 0]), /concentration/);
    refused(() => new D.Dirichlet(1), /classes/, ad.ShapeError);
    refused(() => new D.Poisson(-1), /rate/);
    refused(() => new D.Exponential(Infinity), /rate/);
    refused(() => new D.StudentT(0), /df/);
    refused(() => new D.Uniform(1, 1), /low must be below high/);
    refused(() => new D.Bernoulli({ probs: 1.5 }), /probs must be between 0 and 1/);
    refused(() => new D.Bernoulli({ probs: 0.5, logits: 1 }), /both/);
    refused(() => new D.Bernoulli({} as never), /neither/);
    refused(() => new D.Bernoulli({ prob: 0.5 } as never), /unknown option "prob"/);
    refused(() => new D.Categorical({ probs: [0, 0] }), /positive sum/);
    refused(() => new D.Categorical({ probs: 1 }), /classes/, ad.ShapeError);
    refused(
      () =>
        new D.MultivariateNormal([0, 0], {
          covarianceMatrix: [
            [1, 2],
            [2, 1],
          ],
        }),
      /covarianceMatrix must be positive definite/,
    );
    refused(
      () =>
        new D.MultivariateNormal([0, 0], {
          scaleTril: [
            [1, 0],
            [2, -1],
          ],
        }),
      /diagonal of scaleTril/,
    );
    refused(() => new D.MultivariateNormal([0, 0], { scaleTril: [[1]] }), /scaleTril has shape \[1, 1\]/, ad.ShapeError);
    refused(() => new D.MultivariateNormal([0, 0], {}), /none/);
    refused(() => new D.Poisson(1).entropy(), /Poisson.entropy/);
    refused(() => new D.Gamma(1, 1).cdf(1), /Gamma.cdf/);
    refused(() => new D.Normal(0, 1).sample(3 as never), /Normal.sample/);
    refused(() => new D.Normal(0, 1).logProb(undefined as never), /Normal.logProb/);
    refused(() => D.kl(new D.Poisson(1), new D.Normal(0, 1)), /no formula for Poisson and Normal/);
    refused(() => D.kl(1 as never, new D.Normal(0, 1)), /two distributions/);
    refused(() => D.registerKl(1 as never, D.Normal, () => ad.tensor(0)), /class of distributions/);
    refused(() => D.kl(new D.Dirichlet([1, 2]), new D.Dirichlet([1, 2, 3])), /events/, ad.ShapeError);
  });

  it("while a program is recorded parameters cannot be read: bad ones give NaN there; those it closes over are read", () => {
    clean(() => {
      const f = ad.compile((scale: ad.Tensor) => new D.Normal(0, scale).entropy());
      expect(f(f64(-1)).isNaN().item()).toBe(1);
      const g = ad.compile((x: ad.Tensor) => new D.Normal(0, -1).logProb(x));
      expect(() => g(f64(-1))).toThrow(ad.ValueError);
    });
  });

  it("subclasses use what their family has; a pair registered later goes first", () => {
    class Unit extends D.Normal {
      constructor() {
        super(0, 1);
      }
    }
    clean(() => {
      expect(D.kl(new Unit(), new D.Normal(0, 1)).item()).toBe(0);
      D.registerKl(Unit, D.Normal, () => ad.tensor(5));
      expect(D.kl(new Unit(), new D.Normal(0, 1)).item()).toBe(5);
      expect(D.kl(new D.Normal(0, 1), new Unit()).item()).toBe(0);
    });
  });
});
