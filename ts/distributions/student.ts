/** Student's t distribution. */
import { atMost } from "../input/arguments.js";
import type { Parameter } from "../random/arguments.js";
import { split } from "../random/keys.js";
import type { Tensor } from "../tensor.js";
import { check, Distribution, FINITE, POSITIVE, standardGamma, standardNormal, tensors, together } from "./distribution.js";

/**
 * Student's t with `df` degrees of freedom, moved to `loc` (default 0) and stretched by `scale` (default 1). The mean is NaN for df up to 1, the variance Infinity for df up
 * to 2 and NaN up to 1. Draws are differentiable once. `ValueError` for a df or scale that is not positive.
 *
 * @example
 * new ad.distributions.StudentT(1).logProb(0); // -1.14473
 */
export class StudentT extends Distribution {
  readonly name = "StudentT";
  /** As given; broadcasts to `batchShape`. */
  readonly df: Tensor;
  /** As given; broadcasts to `batchShape`. */
  readonly loc: Tensor;
  /** As given; broadcasts to `batchShape`. */
  readonly scale: Tensor;
  constructor(df: Parameter, loc: Parameter = 0, scale: Parameter = 1) {
    atMost("StudentT", arguments, 3);
    const own = tensors("StudentT", { df, loc, scale });
    check("StudentT", "df", own.df, POSITIVE, df);
    check("StudentT", "loc", own.loc, FINITE, loc);
    check("StudentT", "scale", own.scale, POSITIVE, scale);
    super(together("StudentT", own), [], own.df.dtype);
    [this.df, this.loc, this.scale] = [own.df, own.loc, own.scale];
  }
  /** log of the density's constant, negated: log B(df/2, 1/2) + log(df)/2. */
  private constant(): Tensor {
    const half = this.df.mul(0.5);
    return half.lgamma().sub(half.add(0.5).lgamma()).add(this.df.mul(Math.PI).log().mul(0.5));
  }
  protected density(x: Tensor): Tensor {
    const z = x.sub(this.loc).div(this.scale);
    return z.square().div(this.df).log1p().mul(this.df.add(1)).mul(-0.5).sub(this.constant()).sub(this.scale.log());
  }
  protected draw(key: Tensor, shape: readonly number[]): Tensor {
    const [one, two] = split(key).unstack(0) as [Tensor, Tensor];
    const half = this.df.mul(0.5);
    const z = standardNormal(one, this.dtype, shape);
    return z
      .mul(half.div(standardGamma(two, half, shape)).sqrt())
      .mul(this.scale)
      .add(this.loc);
  }
  protected first(): Tensor {
    return this.df.gt(1).where(this.loc, Number.NaN);
  }
  protected second(): Tensor {
    const tame = this.df.gt(2);
    const df = tame.where(this.df, 3);
    const finite = this.scale.square().mul(df.div(df.sub(2)));
    return tame.where(finite, this.df.gt(1).where(Number.POSITIVE_INFINITY, this.df.mul(Number.NaN)));
  }
  protected override disorder(): Tensor {
    const half = this.df.mul(0.5);
    const spread = half.add(0.5).digamma().sub(half.digamma());
    return this.df.add(1).mul(0.5).mul(spread).add(this.constant()).add(this.scale.log());
  }
}
