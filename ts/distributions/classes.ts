/** Distributions of classes: Bernoulli and categorical, by probabilities or by logits. */
import { arange } from "../creation.js";
import { ShapeError, ValueError } from "../errors.js";
import { atMost } from "../input/arguments.js";
import { readOptions } from "../input/options.js";
import { xlogy } from "../ops/elementwise.js";
import { openUniform, raw, type Parameter } from "../random/arguments.js";
import type { Tensor } from "../tensor.js";
import { check, Distribution, FINITE, PROBABILITY, tensors, type Rule } from "./distribution.js";

/** The parameters of `Bernoulli` and `Categorical`: one of the two. */
export interface ClassOptions {
  /** Probabilities. */
  probs?: Parameter;
  /** Log odds (Bernoulli), or unnormalised log probabilities (Categorical). */
  logits?: Parameter;
}

/** Whichever of the two is given. */
function either(family: string, options: ClassOptions): { what: "probs" | "logits"; value: Tensor; given: Parameter } {
  const { probs, logits } = readOptions<ClassOptions>(family, options, ["probs", "logits"]);
  if ((probs === undefined) === (logits === undefined))
    throw new ValueError(
      `${family}: expected one of the parameters probs and logits, got ${probs === undefined ? "neither" : "both"}`,
      family,
    );
  const what = probs === undefined ? "logits" : "probs";
  const given = (probs ?? logits)!;
  return { what, value: tensors(family, { [what]: given } as Record<string, Parameter>)[what]!, given };
}

/**
 * 1 with the probability `probs`, or `sigmoid(logits)`; else 0. Draws are floats, as PyTorch's, and have no derivative. `ValueError` for probabilities outside of [0, 1].
 *
 * @example
 * new ad.distributions.Bernoulli({ probs: 0.25 }).logProb([0, 1]); // [-0.2876821, -1.386294]
 */
export class Bernoulli extends Distribution {
  readonly name = "Bernoulli";
  private readonly by: "probs" | "logits";
  private readonly own: Tensor;
  constructor(options: ClassOptions) {
    atMost("Bernoulli", arguments, 1);
    const { what, value, given } = either("Bernoulli", options);
    check("Bernoulli", what, value, what === "probs" ? PROBABILITY : FINITE, given);
    super(value.shape, [], value.dtype);
    [this.by, this.own] = [what, value];
  }
  /** The probability of 1. */
  get probs(): Tensor {
    return this.by === "probs" ? this.own : this.own.sigmoid();
  }
  /** The log odds of 1. */
  get logits(): Tensor {
    return this.by === "logits" ? this.own : this.logarithm(1).sub(this.logarithm(0));
  }
  /** @internal log P(outcome), to the last digit either way. */
  logarithm(outcome: 0 | 1): Tensor {
    if (this.by === "logits") return (outcome === 1 ? this.own : this.own.neg()).logSigmoid();
    return outcome === 1 ? this.own.log() : this.own.neg().log1p();
  }
  protected density(x: Tensor): Tensor {
    const one = x.eq(1);
    const known = one.where(this.logarithm(1), x.eq(0).where(this.logarithm(0), Number.NEGATIVE_INFINITY));
    return x.isNaN().where(Number.NaN, known);
  }
  protected draw(key: Tensor, shape: readonly number[]): Tensor {
    return raw("Bernoulli.sample", "randomUniform", key, shape, "float64").lt(this.probs.stopGradient()).cast(this.dtype);
  }
  protected first(): Tensor {
    return this.probs;
  }
  protected second(): Tensor {
    return this.probs.mul(this.probs.neg().add(1));
  }
  protected override disorder(): Tensor {
    if (this.by === "logits") return this.own.softplus().sub(this.own.mul(this.own.sigmoid()));
    const other = this.own.neg().add(1);
    return xlogy(this.own, this.own).add(xlogy(other, other)).neg();
  }
}

const WEIGHTS: Rule = { words: "finite and not negative, with a positive sum", holds: (p) => p.ge(0).logicalAnd(p.isFinite()) };
const SCORES: Rule = { words: "finite or -Infinity, with a finite one for each distribution", holds: (l) => l.max(-1).isFinite() };

/**
 * Class numbers 0 ... k - 1 with probabilities [..., k] in proportion to `probs`, or to `exp(logits)`. Draws are int32; a class of probability 0 never comes. The mean and the
 * variance of class numbers say nothing: NaN, as in PyTorch. `ValueError` for negative probabilities and for ones of sum 0, `ShapeError` for none.
 *
 * @example
 * new ad.distributions.Categorical({ probs: [1, 1, 2] }).logProb([0, 2]); // [-1.386294, -0.6931472]
 */
export class Categorical extends Distribution {
  readonly name = "Categorical";
  private readonly by: "probs" | "logits";
  private readonly own: Tensor;
  constructor(options: ClassOptions) {
    atMost("Categorical", arguments, 1);
    const { what, value, given } = either("Categorical", options);
    if (value.ndim === 0 || value.shape.at(-1) === 0)
      throw new ShapeError(`Categorical: ${what} has shape [${value.shape.join(", ")}]; expected [..., classes]`, "Categorical");
    check("Categorical", what, value, what === "probs" ? WEIGHTS : SCORES, given);
    if (what === "probs") check("Categorical", what, value, { words: WEIGHTS.words, holds: (p) => p.sum(-1).gt(0) }, given);
    super(value.shape.slice(0, -1), [], value.dtype);
    [this.by, this.own] = [what, value];
  }
  /** Probabilities, of sum 1. */
  get probs(): Tensor {
    return this.by === "probs" ? this.own.div(this.own.sum(-1, { keepdims: true })) : this.own.softmax(-1);
  }
  /** Their logarithms. */
  get logits(): Tensor {
    return this.by === "probs" ? this.probs.log() : this.own.logSoftmax(-1);
  }
  protected density(x: Tensor): Tensor {
    const classes = arange(this.own.shape.at(-1)!, { dtype: "int32" });
    const chosen = x.unsqueeze(-1).eq(classes);
    const value = chosen.where(this.logits, 0).sum(-1);
    return chosen.any(-1).where(value, Number.NEGATIVE_INFINITY);
  }
  protected draw(key: Tensor, shape: readonly number[]): Tensor {
    // The Gumbel trick, as random.categorical.
    const u = openUniform("Categorical.sample", key, [...shape, this.own.shape.at(-1)!], this.dtype);
    return this.logits.stopGradient().sub(u.log().neg().log()).argmax(-1);
  }
  protected first(): Tensor {
    return this.own.sum(-1).mul(Number.NaN);
  }
  protected second(): Tensor {
    return this.first();
  }
  protected override disorder(): Tensor {
    const p = this.probs;
    return p.eq(0).where(0, p.mul(this.logits).neg()).sum(-1);
  }
}
