/** The Poisson distribution. */
import { split } from "../random/keys.js";
import { atMost } from "../input/arguments.js";
import { xlogy } from "../ops/elementwise.js";
import { openUniform, type Parameter } from "../random/arguments.js";
import type { Tensor } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { check, Distribution, POSITIVE, tensors, within } from "./distribution.js";

/** Rates up to here are drawn by inversion. */
const SMALL = 10;
/** A Poisson number of rate 10 exceeds it with probability 1e-26. */
const LARGEST = 60;
/** No proposal of so many is accepted with probability below 1e-14, at any rate from 10 on. */
const ROUNDS = 24;

const NAME = "Poisson.sample";

/** The number of values of the distribution function below a uniform number. */
function byInversion(key: Tensor, rate: Tensor, shape: readonly number[]): Tensor {
  const u = openUniform(NAME, key, shape, "float64");
  let term = rate.neg().exp();
  let [below, count] = [term, u.gt(term).cast("float64")];
  for (let k = 1; k < LARGEST; k++) {
    [term, below, count] = inScope(() => {
      const next = term.mul(rate).div(k);
      const sum = below.add(next);
      return [next, sum, count.add(u.gt(sum).cast("float64"))] as const;
    }) as [Tensor, Tensor, Tensor];
  }
  return count;
}

/**
 * Transformed rejection (Hörmann 1993, PTRS) without its shortcuts. The number of rounds is fixed, so that it is the same program for all numbers, also compiled
 * and under vmap.
 */
function byRejection(key: Tensor, rate: Tensor, shape: readonly number[]): Tensor {
  const b = rate.sqrt().mul(2.53).add(0.931);
  const a = b.mul(0.02483).sub(0.059);
  const logInverse = b.sub(3.4).reciprocal().mul(1.1328).add(1.1239).log();
  const logRate = rate.log();
  const keys = split(key, 2 * ROUNDS).unstack(0);
  let result = rate.floor();
  let open: Tensor | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    [result, open] = inScope(() => {
      const u = openUniform(NAME, keys[2 * round]!, shape, "float64").sub(0.5);
      const v = openUniform(NAME, keys[2 * round + 1]!, shape, "float64");
      const us = u
        .abs()
        .neg()
        .add(0.5)
        .maximum(2 ** -54);
      const k = a.mul(2).div(us).add(b).mul(u).add(rate).add(0.43).floor();
      const possible = k.maximum(0);
      const density = possible.mul(logRate).sub(rate).sub(possible.add(1).lgamma());
      const accepted = v.log().add(logInverse).sub(a.div(us.square()).add(b).log()).le(density).logicalAnd(k.ge(0));
      const now = open === undefined ? accepted : accepted.logicalAnd(open);
      const left = accepted.logicalNot();
      return [now.where(k, result), open === undefined ? left : left.logicalAnd(open)] as const;
    }) as [Tensor, Tensor];
  }
  return result;
}

/**
 * Poisson: counts with mean `rate`. Draws are floats, as PyTorch's, and have no derivative; there is no closed form of the entropy. `ValueError` for a rate that is
 * not positive.
 *
 * @example
 * new ad.distributions.Poisson(3).logProb([0, 2]); // [-3, -1.495923]
 */
export class Poisson extends Distribution {
  readonly name = "Poisson";
  /** As given. */
  readonly rate: Tensor;
  constructor(rate: Parameter) {
    atMost("Poisson", arguments, 1);
    const own = tensors("Poisson", { rate });
    check("Poisson", "rate", own.rate, POSITIVE, rate);
    super(own.rate.shape, [], own.rate.dtype);
    this.rate = own.rate;
  }
  protected density(x: Tensor): Tensor {
    return within(x.lt(0).logicalOr(x.floor().ne(x).logicalAnd(x.isFinite())), x, 0, (k) =>
      xlogy(k, this.rate).sub(this.rate).sub(k.add(1).lgamma()),
    );
  }
  protected draw(key: Tensor, shape: readonly number[]): Tensor {
    const [one, two] = split(key).unstack(0) as [Tensor, Tensor];
    const rate = this.rate.stopGradient().cast("float64");
    const small = byInversion(one, rate.minimum(SMALL), shape);
    const large = byRejection(two, rate.maximum(SMALL), shape);
    return rate.le(SMALL).where(small, large).cast(this.dtype);
  }
  protected first(): Tensor {
    return this.rate;
  }
  protected second(): Tensor {
    return this.rate;
  }
}
