/** The uniform distribution. */
import { dtypeCode } from "../dtype.js";
import { atMost } from "../input/arguments.js";
import { apply } from "../ops/apply.js";
import { shown, type Parameter } from "../random/arguments.js";
import type { Tensor } from "../tensor.js";
import { check, demandReadable, Distribution, FINITE, tensors, together } from "./distribution.js";

/**
 * Uniform on [low, high). `ValueError` unless low is below high.
 *
 * @example
 * new ad.distributions.Uniform(0, 4).logProb([1, 5]); // [-1.386294, -Infinity]
 */
export class Uniform extends Distribution {
  readonly name = "Uniform";
  /** As given; broadcasts to `batchShape`. */
  readonly low: Tensor;
  /** As given; broadcasts to `batchShape`. */
  readonly high: Tensor;
  constructor(low: Parameter, high: Parameter) {
    atMost("Uniform", arguments, 2);
    const own = tensors("Uniform", { low, high });
    check("Uniform", "low", own.low, FINITE, low);
    check("Uniform", "high", own.high, FINITE, high);
    const shape = together("Uniform", own);
    demandReadable(
      "Uniform",
      () => own.low.lt(own.high),
      `the parameter low must be below high, got ${shown(own.low)} and ${shown(own.high)}`,
    );
    super(shape, [], own.low.dtype);
    [this.low, this.high] = [own.low, own.high];
  }
  private width(): Tensor {
    return this.high.sub(this.low);
  }
  protected density(x: Tensor): Tensor {
    const outside = x.lt(this.low).logicalOr(x.ge(this.high));
    // A NaN is neither, and stays one.
    return outside.where(Number.NEGATIVE_INFINITY, x.isNaN().where(Number.NaN, this.width().log().neg()));
  }
  protected draw(key: Tensor, shape: readonly number[]): Tensor {
    return this.at(apply("randomUniform", [key], [dtypeCode(this.dtype), ...shape]));
  }
  protected first(): Tensor {
    return this.low.add(this.high).mul(0.5);
  }
  protected second(): Tensor {
    return this.width().square().div(12);
  }
  protected override disorder(): Tensor {
    return this.width().log();
  }
  protected override below(x: Tensor): Tensor {
    return x.sub(this.low).div(this.width()).clamp(0, 1);
  }
  protected override at(p: Tensor): Tensor {
    return p.mul(this.width()).add(this.low);
  }
}
