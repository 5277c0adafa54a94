/** Exponential and Laplace distributions. */
import { atMost } from "../input/arguments.js";
import { openUniform, type Parameter } from "../random/arguments.js";
import type { Tensor } from "../tensor.js";
import { check, Distribution, FINITE, POSITIVE, tensors, together, within } from "./distribution.js";

/**
 * Exponential with rate `rate`, from 0 on. `ValueError` for a rate that is not positive.
 *
 * @example
 * new ad.distributions.Exponential(2).logProb([0, 1]); // [0.6931472, -1.306853]
 */
export class Exponential extends Distribution {
  readonly name = "Exponential";
  /** As given. */
  readonly rate: Tensor;
  constructor(rate: Parameter) {
    atMost("Exponential", arguments, 1);
    const own = tensors("Exponential", { rate });
    check("Exponential", "rate", own.rate, POSITIVE, rate);
    super(own.rate.shape, [], own.rate.dtype);
    this.rate = own.rate;
  }
  protected density(x: Tensor): Tensor {
    return within(x.lt(0), x, 1, (y) => this.rate.log().sub(this.rate.mul(y)));
  }
  protected draw(key: Tensor, shape: readonly number[]): Tensor {
    return openUniform("Exponential.sample", key, shape, this.dtype).log().neg().div(this.rate);
  }
  protected first(): Tensor {
    return this.rate.reciprocal();
  }
  protected second(): Tensor {
    return this.rate.square().reciprocal();
  }
  protected override disorder(): Tensor {
    return this.rate.log().neg().add(1);
  }
  protected override below(x: Tensor): Tensor {
    const outside = x.lt(0);
    return outside.where(0, outside.where(1, x).mul(this.rate).neg().expm1().neg());
  }
  protected override at(p: Tensor): Tensor {
    return p.neg().log1p().neg().div(this.rate);
  }
}

/**
 * Laplace: exponential to both sides of `loc`, with mean distance `scale`. `ValueError` for a scale that is not positive.
 *
 * @example
 * new ad.distributions.Laplace(0, 1).cdf([-1, 0, 1]); // [0.1839397, 0.5, 0.8160603]
 */
export class Laplace extends Distribution {
  readonly name = "Laplace";
  /** As given; broadcasts to `batchShape`. */
  readonly loc: Tensor;
  /** As given; broadcasts to `batchShape`. */
  readonly scale: Tensor;
  constructor(loc: Parameter, scale: Parameter) {
    atMost("Laplace", arguments, 2);
    const own = tensors("Laplace", { loc, scale });
    check("Laplace", "loc", own.loc, FINITE, loc);
    check("Laplace", "scale", own.scale, POSITIVE, scale);
    super(together("Laplace", own), [], own.loc.dtype);
    [this.loc, this.scale] = [own.loc, own.scale];
  }
  protected density(x: Tensor): Tensor {
    return x.sub(this.loc).abs().div(this.scale).add(this.scale.mul(2).log()).neg();
  }
  protected draw(key: Tensor, shape: readonly number[]): Tensor {
    return this.at(openUniform("Laplace.sample", key, shape, this.dtype));
  }
  protected first(): Tensor {
    return this.loc;
  }
  protected second(): Tensor {
    return this.scale.square().mul(2);
  }
  protected override disorder(): Tensor {
    return this.scale.mul(2).log().add(1);
  }
  protected override below(x: Tensor): Tensor {
    const z = x.sub(this.loc).div(this.scale);
    const left = z.lt(0);
    // Each side by itself: neither loses the digits of a small tail, and at 0 the derivative is that of the right side.
    const lower = left.where(z, 0).exp().mul(0.5);
    return left.where(lower, left.where(0, z).neg().exp().mul(-0.5).add(1));
  }
  protected override at(p: Tensor): Tensor {
    const left = p.lt(0.5);
    const lower = left.where(p, 0.5).mul(2).log();
    const upper = left.where(0.5, p).neg().add(1).mul(2).log().neg();
    return left.where(lower, upper).mul(this.scale).add(this.loc);
  }
}
