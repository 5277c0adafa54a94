/** Normal and log-normal distributions. */
import { atMost } from "../input/arguments.js";
import type { Parameter } from "../random/arguments.js";
import type { Tensor } from "../tensor.js";
import { check, Distribution, FINITE, POSITIVE, standardNormal, tensors, together, within } from "./distribution.js";

const HALF_LOG_TAU = 0.5 * Math.log(2 * Math.PI);

abstract class LocationScale extends Distribution {
  /** As given; broadcasts to `batchShape`. */
  readonly loc: Tensor;
  /** As given; broadcasts to `batchShape`. */
  readonly scale: Tensor;

  constructor(name: string, given: { loc: Parameter; scale: Parameter }) {
    const { loc, scale } = tensors(name, given);
    check(name, "loc", loc, FINITE, given.loc);
    check(name, "scale", scale, POSITIVE, given.scale);
    super(together(name, { loc, scale }), [], loc.dtype);
    [this.loc, this.scale] = [loc, scale];
  }

  /** log of the normal density. */
  protected gauss(x: Tensor): Tensor {
    return x.sub(this.loc).div(this.scale).square().mul(-0.5).sub(this.scale.log()).sub(HALF_LOG_TAU);
  }
  /** Normal probability of at most x. */
  protected gaussBelow(x: Tensor): Tensor {
    return x.sub(this.loc).div(this.scale.mul(-Math.SQRT2)).erfc().mul(0.5);
  }
  /** Inverse of `gaussBelow`. */
  protected gaussAt(p: Tensor): Tensor {
    return p.mul(2).sub(1).erfinv().mul(this.scale.mul(Math.SQRT2)).add(this.loc);
  }
  /** Normal draws. */
  protected gaussDraw(key: Tensor, shape: readonly number[]): Tensor {
    return standardNormal(key, this.dtype, shape).mul(this.scale).add(this.loc);
  }
  /** Normal entropy. */
  protected gaussDisorder(): Tensor {
    return this.scale.log().add(HALF_LOG_TAU + 0.5);
  }
}

/**
 * Normal with mean `loc` and standard deviation `scale`. `ValueError` for a scale that is not positive.
 *
 * @example
 * new ad.distributions.Normal(0, 1).logProb(0); // -0.9189385
 */
export class Normal extends LocationScale {
  readonly name = "Normal";
  constructor(loc: Parameter, scale: Parameter) {
    atMost("Normal", arguments, 2);
    super("Normal", { loc, scale });
  }
  protected density(x: Tensor): Tensor {
    return this.gauss(x);
  }
  protected draw(key: Tensor, shape: readonly number[]): Tensor {
    return this.gaussDraw(key, shape);
  }
  protected first(): Tensor {
    return this.loc;
  }
  protected second(): Tensor {
    return this.scale.square();
  }
  protected override disorder(): Tensor {
    return this.gaussDisorder();
  }
  protected override below(x: Tensor): Tensor {
    return this.gaussBelow(x);
  }
  protected override at(p: Tensor): Tensor {
    return this.gaussAt(p);
  }
}

/**
 * What has a normal logarithm, with mean `loc` and standard deviation `scale` of it. `ValueError` for a scale that is not positive.
 *
 * @example
 * new ad.distributions.LogNormal(0, 1).mean; // 1.648721
 */
export class LogNormal extends LocationScale {
  readonly name = "LogNormal";
  constructor(loc: Parameter, scale: Parameter) {
    atMost("LogNormal", arguments, 2);
    super("LogNormal", { loc, scale });
  }
  protected density(x: Tensor): Tensor {
    return within(x.le(0), x, 1, (y) => {
      const log = y.log();
      return this.gauss(log).sub(log);
    });
  }
  protected draw(key: Tensor, shape: readonly number[]): Tensor {
    return this.gaussDraw(key, shape).exp();
  }
  protected first(): Tensor {
    return this.scale.square().mul(0.5).add(this.loc).exp();
  }
  protected second(): Tensor {
    const s = this.scale.square();
    return s.expm1().mul(this.loc.mul(2).add(s).exp());
  }
  protected override disorder(): Tensor {
    return this.gaussDisorder().add(this.loc);
  }
  protected override below(x: Tensor): Tensor {
    const outside = x.le(0);
    return outside.where(0, this.gaussBelow(outside.where(1, x).log()));
  }
  protected override at(p: Tensor): Tensor {
    return this.gaussAt(p).exp();
  }
}
