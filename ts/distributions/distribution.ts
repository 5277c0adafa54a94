/** What all distributions share: reading parameters, places and draws, and the answers that some do not have. */
import { asTensor, full } from "../creation.js";
import { dtypeCode, type DType } from "../dtype.js";
import { TracedValueError, ValueError } from "../errors.js";
import { atMost } from "../input/arguments.js";
import { apply } from "../ops/apply.js";
import { demand, drawArguments, drawShape, floatDtype, isFiniteEverywhere, parameter, shown, type Parameter } from "../random/arguments.js";
import { nextKey } from "../random/state.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";

/** A property that a parameter has to have, in words and as a condition. */
export interface Rule {
  /** Follows "must be". */
  readonly words: string;
  /** Bool: where it holds. */
  readonly holds: (value: Tensor) => Tensor;
}

/** Above 0. */
export const POSITIVE: Rule = { words: "positive and finite", holds: (x) => x.gt(0).logicalAnd(x.isFinite()) };
/** Any number. */
export const FINITE: Rule = { words: "finite", holds: (x) => x.isFinite() };
/** A probability. */
export const PROBABILITY: Rule = { words: "between 0 and 1", holds: (x) => x.ge(0).logicalAnd(x.le(1)) };

/** Throws `ValueError` unless the condition holds in every element and example. While a program is recorded, what depends on its inputs cannot be read: it passes. */
export function demandReadable(family: string, condition: () => Tensor, message: string): void {
  try {
    inScope(() => demand(family, condition(), message));
  } catch (error) {
    if (!(error instanceof TracedValueError)) throw error;
  }
}

/** Throws `ValueError` naming the parameter unless it is what `rule` says, as `demandReadable` does. */
export function check(family: string, what: string, value: Tensor, rule: Rule, given: Parameter = value): void {
  const text = typeof given === "number" ? shown(given) : shown(value);
  demandReadable(family, () => rule.holds(value), `the parameter ${what} must be ${rule.words}, got ${text}`);
}

/** Parameters as tensors of one float dtype, float64 where one of them is; refuses what is missing. */
export function tensors<K extends string>(family: string, given: Readonly<Record<K, Parameter>>): Record<K, Tensor> {
  const entries = (Object.entries(given) as [K, Parameter][]).map(([what, value]) => {
    if (value === undefined || value === null) throw new ValueError(`${family}: the parameter ${what} is missing`, family);
    return [what, parameter(family, what, value)] as const;
  });
  const dtype = floatDtype(family, undefined, ...entries.map(([, value]) => value));
  const made = entries.map(([what, value]) => {
    if (typeof value === "number") {
      if (isFiniteEverywhere(value, dtype) === false)
        throw new ValueError(`${family}: the parameter ${what} must be finite, got ${value}`, family);
      return [what, full([], value, { dtype })];
    }
    return [what, value.dtype === dtype ? value : value.cast(dtype)];
  });
  return Object.fromEntries(made) as Record<K, Tensor>;
}

/** The shape to which all broadcast. */
export const together = (family: string, parameters: Readonly<Record<string, Tensor>>): readonly number[] =>
  drawShape(family, undefined, parameters);

/**
 * A probability distribution, or a batch of them: parameters broadcast against each other to `batchShape`, one draw of each has `eventShape`. Numbers are float64
 * where a parameter is, else float32. All answers are differentiable in the parameters and in what they are asked about, to any order where not said otherwise.
 */
export abstract class Distribution {
  /** What the family is called. */
  abstract readonly name: string;
  /** The shape of the batch of distributions. */
  readonly batchShape: readonly number[];
  /** The shape of one draw of one of them. */
  readonly eventShape: readonly number[];
  /** float32 or float64. */
  readonly dtype: DType;

  protected constructor(batchShape: readonly number[], eventShape: readonly number[], dtype: DType) {
    [this.batchShape, this.eventShape, this.dtype] = [batchShape, eventShape, dtype];
  }

  /** `logProb` of places that are tensors. */
  protected abstract density(x: Tensor): Tensor;
  /** Draws of shape [...shape, ...eventShape], where `shape` ends with the batch. */
  protected abstract draw(key: Tensor, shape: readonly number[]): Tensor;
  /** The mean, which broadcasts to its shape. */
  protected abstract first(): Tensor;
  /** The variance, which broadcasts to its shape. */
  protected abstract second(): Tensor;
  /** The entropy, which broadcasts to the batch; without an override there is none. */
  protected disorder(): Tensor {
    return this.refuse("entropy", "no closed form");
  }
  /** `cdf`; without an override there is none. */
  protected below(_x: Tensor): Tensor {
    return this.refuse("cdf", "no elementary form");
  }
  /** `icdf` of probabilities, NaN outside of [0, 1]; without an override there is none. */
  protected at(_p: Tensor): Tensor {
    return this.refuse("icdf", "no elementary form");
  }

  private refuse(what: string, why: string): never {
    throw new ValueError(`${this.name}.${what}: ${why}`, `${this.name}.${what}`);
  }

  private value(what: string, x: TensorLike): Tensor {
    const name = `${this.name}.${what}`;
    if (x === undefined || x === null) throw new ValueError(`${name}: expected a tensor, a number or an array, got ${String(x)}`, name);
    const value = x instanceof Tensor ? x : asTensor(x, undefined, name);
    const same = value.dtype === this.dtype || (value.dtype === "float64" && x instanceof Tensor);
    return same ? value : value.cast(this.dtype);
  }

  private batch(x: Tensor): Tensor {
    return x.broadcastTo(this.batchShape);
  }

  /**
   * Logarithm of the density, or of the probability, at x, which broadcasts against the batch (in front of the event): -Infinity outside of the support.
   * `ShapeError` for what does not broadcast.
   */
  logProb(x: TensorLike): Tensor {
    atMost(`${this.name}.logProb`, arguments, 1);
    return inScope(() => this.density(this.value("logProb", x)));
  }

  /**
   * Draws of shape [...shape, ...batchShape, ...eventShape]: `sample(key, shape)`, or `sample(shape)` with the implicit generator (`manualSeed`). Differentiable in the
   * parameters where the family is continuous (PyTorch's rsample; `stopGradient` of it is its sample). `ValueError` for what is no key, `ShapeError` for what is no shape.
   */
  sample(key: Tensor, shape?: readonly number[]): Tensor;
  sample(shape?: readonly number[]): Tensor;
  sample(...args: unknown[]): Tensor {
    const name = `${this.name}.sample`;
    atMost(name, args, args[0] instanceof Tensor ? 2 : 1, "write (key, shape), or (shape) without a key");
    const { key, shape = [] } = drawArguments<object>(name, args, []);
    return inScope(() => this.draw(key ?? nextKey(name), [...shape, ...this.batchShape]));
  }

  /** Entropy in nats, [...batchShape]; `ValueError` for families without a closed form (Poisson). */
  entropy(): Tensor {
    atMost(`${this.name}.entropy`, arguments, 0);
    return inScope(() => this.batch(this.disorder()));
  }

  /** Probability of at most x, where that is elementary; else `ValueError`. */
  cdf(x: TensorLike): Tensor {
    atMost(`${this.name}.cdf`, arguments, 1);
    return inScope(() => this.below(this.value("cdf", x)));
  }

  /** The number below which lies the probability p, the inverse of `cdf`; NaN for p outside of [0, 1]. `ValueError` where it is not elementary. */
  icdf(p: TensorLike): Tensor {
    atMost(`${this.name}.icdf`, arguments, 1);
    return inScope(() => {
      const value = this.value("icdf", p);
      return this.at(value.ge(0).logicalAnd(value.le(1)).where(value, Number.NaN));
    });
  }

  /** The mean, [...batchShape, ...eventShape]. */
  get mean(): Tensor {
    return inScope(() => this.first().broadcastTo([...this.batchShape, ...this.eventShape]));
  }

  /** The variance, of each component; [...batchShape, ...eventShape]. */
  get variance(): Tensor {
    return inScope(() => this.second().broadcastTo([...this.batchShape, ...this.eventShape]));
  }

  /** The standard deviation: the root of the variance. */
  get stddev(): Tensor {
    return inScope(() => this.variance.sqrt());
  }
}

/** Values of a density where it is not 0: `inside` gets places that are in the support, elsewhere -Infinity is put. */
export function within(outside: Tensor, x: Tensor, anywhere: number | Tensor, inside: (x: Tensor) => Tensor): Tensor {
  return outside.where(Number.NEGATIVE_INFINITY, inside(outside.where(anywhere, x)));
}

/** Standard gamma draws, of a shape to which `a` broadcasts; `a` was looked at before. */
export const standardGamma = (key: Tensor, a: Tensor, shape: readonly number[]): Tensor =>
  apply("randomGamma", [key, a], [dtypeCode(a.dtype), ...shape]);

/** Standard normal draws. */
export const standardNormal = (key: Tensor, dtype: DType, shape: readonly number[]): Tensor =>
  apply("randomNormal", [key], [dtypeCode(dtype), ...shape]);
