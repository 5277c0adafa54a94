/** Kullback-Leibler divergences, by a table of pairs of families. */
import { ShapeError, ValueError } from "../errors.js";
import { describe } from "../input/describe.js";
import { atMost } from "../input/arguments.js";
import { onesLike } from "../creation.js";
import { xlogy } from "../ops/elementwise.js";
import { triangularSolve } from "../ops/linalg.js";
import type { Tensor } from "../tensor.js";
import { call, inScope } from "../transforms/machinery.js";
import { Bernoulli, Categorical } from "./classes.js";
import { Distribution } from "./distribution.js";
import { Exponential, Laplace } from "./exponential.js";
import { Beta, Dirichlet, Gamma, logBeta } from "./gamma.js";
import { halfLogDet, mahalanobis, MultivariateNormal } from "./multivariate-normal.js";
import { LogNormal, Normal } from "./normal.js";
import { Poisson } from "./poisson.js";
import { StudentT } from "./student.js";
import { Uniform } from "./uniform.js";

/** A family: the class of its distributions. */
export type Family<D extends Distribution = Distribution> = abstract new (...args: never[]) => D;
type Formula = (p: never, q: never) => Tensor;
type Row = readonly [p: Family, q: Family, formula: Formula];

/** A row whose formula gets what it says. */
const row = <P extends Distribution, Q extends Distribution>(p: Family<P>, q: Family<Q>, formula: (p: P, q: Q) => Tensor): Row => [
  p,
  q,
  formula,
];

const normals = (p: Normal | LogNormal, q: Normal | LogNormal): Tensor => {
  const ratio = p.scale.div(q.scale);
  return ratio.square().add(p.loc.sub(q.loc).div(q.scale).square()).sub(1).mul(0.5).sub(ratio.log());
};

const gammas = (a: Tensor, rate: Tensor, b: Tensor, other: Tensor): Tensor =>
  b
    .mul(rate.log().sub(other.log()))
    .add(b.lgamma().sub(a.lgamma()))
    .add(a.sub(b).mul(a.digamma()))
    .add(other.sub(rate).mul(a.div(rate)));

/** To a normal distribution the divergence needs no more than entropy, mean and variance. */
const toNormal = (p: Distribution, q: Normal): Tensor =>
  p.mean
    .sub(q.loc)
    .square()
    .add(p.variance)
    .div(q.scale.square().mul(2))
    .add(q.scale.log())
    .add(0.5 * Math.log(2 * Math.PI))
    .sub(p.entropy());

/** p (log p - log q), and 0 where p is. */
const weighed = (p: Tensor, logP: Tensor, logQ: Tensor): Tensor => {
  const none = p.eq(0);
  return none.where(0, p.mul(none.where(0, logP).sub(none.where(0, logQ))));
};

const builtin = (): Row[] => [
  row(Normal, Normal, normals),
  row(LogNormal, LogNormal, normals),
  row(Laplace, Laplace, (p, q) => {
    const [ratio, distance] = [p.scale.div(q.scale), p.loc.sub(q.loc).abs()];
    return ratio.mul(distance.div(p.scale).neg().exp()).add(distance.div(q.scale)).sub(1).sub(ratio.log());
  }),
  row(Exponential, Exponential, (p, q) => {
    const ratio = q.rate.div(p.rate);
    return ratio.sub(1).sub(ratio.log());
  }),
  row(Uniform, Uniform, (p, q) => {
    const outside = q.low.gt(p.low).logicalOr(q.high.lt(p.high));
    return outside.where(Number.POSITIVE_INFINITY, q.entropy().sub(p.entropy()));
  }),
  row(Gamma, Gamma, (p, q) => gammas(p.concentration, p.rate, q.concentration, q.rate)),
  row(Exponential, Gamma, (p, q) => gammas(onesLike(p.rate), p.rate, q.concentration, q.rate)),
  row(Gamma, Exponential, (p, q) => gammas(p.concentration, p.rate, onesLike(q.rate), q.rate)),
  row(Beta, Beta, (p, q) => {
    const [a, b] = [p.concentration1, p.concentration0];
    const [da, db] = [a.sub(q.concentration1), b.sub(q.concentration0)];
    return logBeta(q.concentration1, q.concentration0)
      .sub(logBeta(a, b))
      .add(da.mul(a.digamma()))
      .add(db.mul(b.digamma()))
      .sub(da.add(db).mul(a.add(b).digamma()));
  }),
  row(Dirichlet, Dirichlet, (p, q) => {
    const [a, b] = [p.concentration, q.concentration];
    const total = a.sum(-1, { keepdims: true });
    const each = b
      .lgamma()
      .sub(a.lgamma())
      .add(a.sub(b).mul(a.digamma().sub(total.digamma())));
    return each.sum(-1).add(a.sum(-1).lgamma()).sub(b.sum(-1).lgamma());
  }),
  row(Poisson, Poisson, (p, q) => xlogy(p.rate, p.rate.div(q.rate)).sub(p.rate).add(q.rate)),
  row(Bernoulli, Bernoulli, (p, q) =>
    weighed(p.probs, p.logarithm(1), q.logarithm(1)).add(weighed(p.probs.neg().add(1), p.logarithm(0), q.logarithm(0))),
  ),
  row(Categorical, Categorical, (p, q) => weighed(p.probs, p.logits, q.logits).sum(-1)),
  row(MultivariateNormal, MultivariateNormal, (p, q) => {
    const [L, M] = [p.scaleTril, q.scaleTril];
    // Of one rank: else the matrix may be taken for vectors, one for each of the other.
    const rank = Math.max(L.ndim, M.ndim);
    const same = (x: Tensor) => x.reshape([...Array<number>(rank - x.ndim).fill(1), ...x.shape]);
    const trace = triangularSolve(same(M), same(L), { lower: true }).square().sum([-2, -1]);
    return trace
      .add(mahalanobis(M, p.loc.sub(q.loc)))
      .sub(p.eventShape[0]!)
      .mul(0.5)
      .add(halfLogDet(M))
      .sub(halfLogDet(L));
  }),
  row(Normal, Laplace, (p, q) => {
    const d = p.loc.sub(q.loc);
    const z = d.div(p.scale.mul(Math.SQRT2));
    const distance = p.scale
      .mul(Math.sqrt(2 / Math.PI))
      .mul(z.square().neg().exp())
      .add(d.mul(z.erf()));
    return distance.div(q.scale).add(q.scale.mul(2).log()).sub(p.entropy());
  }),
  ...[Exponential, Laplace, Uniform, Gamma, Beta, LogNormal, StudentT].map((family) => row(family as Family, Normal, toNormal)),
];

/** The newest first; made when first asked for, so that a bundle without it may leave it out. */
let rows: Row[] | undefined;
const table = (): Row[] => (rows ??= builtin());

/**
 * The Kullback-Leibler divergence of q from p, E_p[log p - log q] in nats, in closed form; shape of both batches, broadcast. Differentiable in the parameters of both. `ValueError` for a
 * pair without a formula (`registerKl` adds one), `ShapeError` for events of different shapes.
 *
 * @example
 * ad.distributions.kl(new ad.distributions.Normal(0, 1), new ad.distributions.Normal(1, 2)); // 0.4431472
 */
export function kl(p: Distribution, q: Distribution): Tensor {
  atMost("kl", arguments, 2);
  for (const d of [p, q])
    if (!(d instanceof Distribution)) throw new ValueError(`kl: expected two distributions, got ${describe(d)}`, "kl");
  const found = table().find(([a, b]) => p instanceof a && q instanceof b);
  if (found === undefined)
    throw new ValueError(
      `kl: there is no formula for ${p.name} and ${q.name}; registerKl adds one, or take the mean of p.logProb(x) - q.logProb(x) over draws x of p`,
      "kl",
    );
  if (p.eventShape.join() !== q.eventShape.join())
    throw new ShapeError(`kl: events of shape [${p.eventShape.join(", ")}] and [${q.eventShape.join(", ")}]`, "kl");
  return inScope(() => call("kl", found[2], [p, q]) as Tensor);
}

/**
 * Adds the divergence of a pair of families (classes; subclasses count as them) for `kl`. The pair registered last goes first.
 *
 * @example
 * const { Poisson, Exponential, registerKl } = ad.distributions;
 * registerKl(Poisson, Exponential, () => ad.tensor(Infinity));
 */
export function registerKl<P extends Distribution, Q extends Distribution>(
  p: Family<P>,
  q: Family<Q>,
  formula: (p: P, q: Q) => Tensor,
): void {
  atMost("registerKl", arguments, 3);
  for (const family of [p, q] as unknown[])
    if (typeof family !== "function" || !(family.prototype instanceof Distribution))
      throw new ValueError(`registerKl: expected a class of distributions, got ${describe(family)}`, "registerKl");
  if (typeof formula !== "function")
    throw new ValueError(`registerKl: expected a function of p and q, got ${describe(formula)}`, "registerKl");
  table().unshift(row(p, q, formula));
}
