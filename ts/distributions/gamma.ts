/** Gamma, beta and Dirichlet distributions; draws by implicit reparameterisation (Figurnov, Mohamed and Mnih 2018). */
import { atMost } from "../input/arguments.js";
import { ShapeError } from "../errors.js";
import { xlogy } from "../ops/elementwise.js";
import { openUniform, type Parameter } from "../random/arguments.js";
import { split } from "../random/keys.js";
import type { Tensor } from "../tensor.js";
import { check, Distribution, POSITIVE, standardGamma, tensors, together, within } from "./distribution.js";

/** log B(a, b). */
export const logBeta = (a: Tensor, b: Tensor): Tensor => a.lgamma().add(b.lgamma()).sub(a.add(b).lgamma());

/**
 * Logarithms of gamma draws: those of a + 1 times u^(1/a) (Marsaglia and Tsang 2000, section 6), which for a small `a` are far below the
 * smallest number, while their logarithms and quotients are not.
 */
function logGamma(name: string, key: Tensor, a: Tensor, shape: readonly number[]): Tensor {
  const [body, boost] = split(key).unstack(0) as [Tensor, Tensor];
  const u = openUniform(name, boost, shape, a.dtype);
  return standardGamma(body, a.add(1), shape).log().add(u.log().div(a));
}

/**
 * Gamma with shape `concentration` and `rate`, one over the scale. Draws are differentiable once. `ValueError` for parameters that are not positive.
 *
 * @example
 * new ad.distributions.Gamma(3, 2).logProb(1); // -0.6137056
 */
export class Gamma extends Distribution {
  readonly name = "Gamma";
  /** As given; broadcasts to `batchShape`. */
  readonly concentration: Tensor;
  /** As given; broadcasts to `batchShape`. */
  readonly rate: Tensor;
  constructor(concentration: Parameter, rate: Parameter) {
    atMost("Gamma", arguments, 2);
    const own = tensors("Gamma", { concentration, rate });
    check("Gamma", "concentration", own.concentration, POSITIVE, concentration);
    check("Gamma", "rate", own.rate, POSITIVE, rate);
    super(together("Gamma", own), [], own.rate.dtype);
    [this.concentration, this.rate] = [own.concentration, own.rate];
  }
  protected density(x: Tensor): Tensor {
    const { concentration: a, rate: b } = this;
    return within(x.lt(0), x, 1, (y) => xlogy(a.sub(1), y).sub(b.mul(y)).add(a.mul(b.log())).sub(a.lgamma()));
  }
  protected draw(key: Tensor, shape: readonly number[]): Tensor {
    return standardGamma(key, this.concentration, shape).div(this.rate);
  }
  protected first(): Tensor {
    return this.concentration.div(this.rate);
  }
  protected second(): Tensor {
    return this.concentration.div(this.rate.square());
  }
  protected override disorder(): Tensor {
    const a = this.concentration;
    return a.sub(this.rate.log()).add(a.lgamma()).sub(a.sub(1).mul(a.digamma()));
  }
}

/**
 * Beta on [0, 1] with exponents `concentration1` - 1 of x and `concentration0` - 1 of 1 - x. Draws are differentiable once. `ValueError` for parameters that are not positive.
 *
 * @example
 * new ad.distributions.Beta(2, 3).logProb(0.5); // 0.4054651
 */
export class Beta extends Distribution {
  readonly name = "Beta";
  /** As given; broadcasts to `batchShape`. */
  readonly concentration1: Tensor;
  /** As given; broadcasts to `batchShape`. */
  readonly concentration0: Tensor;
  constructor(concentration1: Parameter, concentration0: Parameter) {
    atMost("Beta", arguments, 2);
    const own = tensors("Beta", { concentration1, concentration0 });
    check("Beta", "concentration1", own.concentration1, POSITIVE, concentration1);
    check("Beta", "concentration0", own.concentration0, POSITIVE, concentration0);
    super(together("Beta", own), [], own.concentration1.dtype);
    [this.concentration1, this.concentration0] = [own.concentration1, own.concentration0];
  }
  protected density(x: Tensor): Tensor {
    const { concentration1: a, concentration0: b } = this;
    return within(x.lt(0).logicalOr(x.gt(1)), x, 0.5, (y) =>
      xlogy(a.sub(1), y)
        .add(xlogy(b.sub(1), y.neg().add(1)))
        .sub(logBeta(a, b)),
    );
  }
  protected draw(key: Tensor, shape: readonly number[]): Tensor {
    const [one, two] = split(key).unstack(0) as [Tensor, Tensor];
    const a = logGamma("Beta.sample", one, this.concentration1, shape);
    return a.sub(logGamma("Beta.sample", two, this.concentration0, shape)).sigmoid();
  }
  protected first(): Tensor {
    return this.concentration1.div(this.concentration1.add(this.concentration0));
  }
  protected second(): Tensor {
    const [a, b] = [this.concentration1, this.concentration0];
    const total = a.add(b);
    return a.div(total).mul(b.div(total)).div(total.add(1));
  }
  protected override disorder(): Tensor {
    const [a, b] = [this.concentration1, this.concentration0];
    const total = a.add(b);
    return logBeta(a, b).sub(a.sub(1).mul(a.digamma())).sub(b.sub(1).mul(b.digamma())).add(total.sub(2).mul(total.digamma()));
  }
}

/**
 * Dirichlet: probabilities of k classes, with `concentration` [..., k]. Draws are differentiable once. `ValueError` for a concentration that is not positive,
 * `ShapeError` for one without an axis.
 *
 * @example
 * new ad.distributions.Dirichlet([1, 1, 2]).logProb([0.2, 0.3, 0.5]); // 1.098612
 */
export class Dirichlet extends Distribution {
  readonly name = "Dirichlet";
  /** As given, [...batchShape, ...eventShape]. */
  readonly concentration: Tensor;
  constructor(concentration: Parameter) {
    atMost("Dirichlet", arguments, 1);
    const own = tensors("Dirichlet", { concentration });
    if (own.concentration.ndim === 0) throw new ShapeError("Dirichlet: concentration has shape []; expected [..., classes]", "Dirichlet");
    check("Dirichlet", "concentration", own.concentration, POSITIVE, concentration);
    super(own.concentration.shape.slice(0, -1), own.concentration.shape.slice(-1), own.concentration.dtype);
    this.concentration = own.concentration;
  }
  protected density(x: Tensor): Tensor {
    const a = this.concentration;
    const negative = x.lt(0);
    const inside = xlogy(a.sub(1), negative.where(0.5, x)).sum(-1).add(a.sum(-1).lgamma()).sub(a.lgamma().sum(-1));
    // On the simplex as far as its own rounding goes, which PyTorch takes for it too.
    const off = x.sum(-1).sub(1).abs().gt(1e-6);
    return negative.any(-1).logicalOr(off).where(Number.NEGATIVE_INFINITY, inside);
  }
  protected draw(key: Tensor, shape: readonly number[]): Tensor {
    return logGamma("Dirichlet.sample", key, this.concentration, [...shape, ...this.eventShape]).softmax(-1);
  }
  protected first(): Tensor {
    return this.concentration.div(this.concentration.sum(-1, { keepdims: true }));
  }
  protected second(): Tensor {
    const total = this.concentration.sum(-1, { keepdims: true });
    const mean = this.concentration.div(total);
    return mean.mul(mean.neg().add(1)).div(total.add(1));
  }
  protected override disorder(): Tensor {
    const a = this.concentration;
    const total = a.sum(-1);
    return a
      .lgamma()
      .sum(-1)
      .sub(total.lgamma())
      .add(total.sub(a.shape.at(-1)!).mul(total.digamma()))
      .sub(a.sub(1).mul(a.digamma()).sum(-1));
  }
}
