/** One step of recurrent networks, and the cells as layers. Names, order of gates and defaults are torch.nn's. */
import { atMost, boolean, integer } from "../input/arguments.js";
import { zeros } from "../creation.js";
import { describe } from "../input/describe.js";
import type { DType } from "../dtype.js";
import { ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import * as init from "./init.js";
import { Module, parameter, type Parameter } from "./module.js";
import { argument, show } from "./reduction.js";

/** The function of a plain recurrent step. */
export type Nonlinearity = "tanh" | "relu";

/** What a step carries on: h, and of an LSTM the cell state c behind it. */
export type States = readonly Tensor[];

/** A kind of step: how many gates, how many states, and what it computes. */
export interface Step {
  readonly gates: number;
  readonly states: number;
  /** Of x Wᵀ + b (all gates of one step, [N, gates · H]), the states, the recurrent weights and bias. */
  readonly next: (input: Tensor, states: States, weight: Tensor, bias: Tensor | null) => Tensor[];
}

/** x Wᵀ + b. */
export const affine = (x: Tensor, weight: Tensor, bias: Tensor | null) => {
  const y = x.matmul(weight.T);
  return bias === null ? y : y.add(bias);
};

const plain = (nonlinearity: Nonlinearity): Step => ({
  gates: 1,
  states: 1,
  next: (input, [h], weight, bias) => {
    const sum = input.add(affine(h!, weight, bias));
    return [nonlinearity === "tanh" ? sum.tanh() : sum.relu()];
  },
});

/** The plain steps. */
export const PLAIN: Readonly<Record<Nonlinearity, Step>> = { tanh: plain("tanh"), relu: plain("relu") };

/** Gates in PyTorch's order: input, forget, cell, output. */
export const LONG_SHORT: Step = {
  gates: 4,
  states: 2,
  next: (input, [h, c], weight, bias) => {
    const [i, f, g, o] = input.add(affine(h!, weight, bias)).split(h!.shape.at(-1)!, -1) as [Tensor, Tensor, Tensor, Tensor];
    const next = f.sigmoid().mul(c!).add(i.sigmoid().mul(g.tanh()));
    return [o.sigmoid().mul(next.tanh()), next];
  },
};

/** Gates in PyTorch's order: reset, update, new; the reset gate meets the recurrent part behind its bias. */
export const GATED: Step = {
  gates: 3,
  states: 1,
  next: (input, [h], weight, bias) => {
    const width = h!.shape.at(-1)!;
    const [xr, xz, xn] = input.split(width, -1) as [Tensor, Tensor, Tensor];
    const [hr, hz, hn] = affine(h!, weight, bias).split(width, -1) as [Tensor, Tensor, Tensor];
    const z = xz.add(hz).sigmoid();
    const n = xn.add(xr.add(hr).sigmoid().mul(hn)).tanh();
    // (1 - z) n + z h
    return [n.add(z.mul(h!.sub(n)))];
  },
};

/** "tanh" or "relu". */
export function nonlinearityOf(name: string, given: unknown): Nonlinearity {
  if (given !== "tanh" && given !== "relu")
    throw new ValueError(`${name}: nonlinearity must be "tanh" or "relu", got ${describe(given)}`, name);
  return given;
}

/** Options of `LSTMCell` and `GRUCell`. */
export interface CellOptions {
  /** Add trained vectors; default true. */
  bias?: boolean;
  /** "float32" or "float64"; the default dtype without it. */
  dtype?: DType;
}

/** Options of `RNNCell`. */
export interface RnnCellOptions extends CellOptions {
  /** "tanh" (default) or "relu". */
  nonlinearity?: Nonlinearity;
}

/** Uniform within ±1/√hiddenSize, as PyTorch's. */
export const recurrentParameter = (shape: readonly number[], hiddenSize: number, dtype: DType | undefined): Parameter => {
  const bound = 1 / Math.sqrt(hiddenSize);
  return parameter(init.uniform(shape, -bound, bound, { dtype }));
};

abstract class Cell<Output> extends Module<Output> {
  /** Weights of the input, [gates · hiddenSize, inputSize]. */
  weight_ih: Parameter;
  /** Weights of the state, [gates · hiddenSize, hiddenSize]. */
  weight_hh: Parameter;
  /** Added with the input; null without. */
  bias_ih: Parameter | null;
  /** Added with the state; null without. */
  bias_hh: Parameter | null;

  protected constructor(
    /** Its name in messages. */
    private readonly name: string,
    /** A step of the recurrence. */
    private readonly step: Step,
    /** The size of the input's last axis. */
    readonly inputSize: number,
    /** The size of the state's last axis. */
    readonly hiddenSize: number,
    bias: boolean,
    dtype: DType | undefined,
  ) {
    super();
    integer(name, "inputSize", inputSize, 1);
    integer(name, "hiddenSize", hiddenSize, 1);
    boolean(name, "bias", bias);
    const rows = step.gates * hiddenSize;
    const make = (...shape: number[]) => recurrentParameter(shape, hiddenSize, dtype);
    this.weight_ih = make(rows, inputSize);
    this.weight_hh = make(rows, hiddenSize);
    this.bias_ih = bias ? make(rows) : null;
    this.bias_hh = bias ? make(rows) : null;
  }

  /** @internal The states after x. */
  protected after(input: TensorLike, given: readonly TensorLike[] | undefined): Tensor[] {
    const { name, step, inputSize, hiddenSize } = this;
    const x = argument(name, "the input", input, this.weight_ih);
    if ((x.ndim !== 1 && x.ndim !== 2) || x.shape.at(-1) !== inputSize)
      throw new ShapeError(`${name}: the input has shape ${show(x.shape)}; expected [batch, ${inputSize}] or [${inputSize}]`, name);
    const shape = [...x.shape.slice(0, -1), hiddenSize];
    if (given !== undefined && given.length !== step.states)
      throw new ValueError(`${name}: got ${given.length} states; expected ${step.states}`, name);
    return inScope(() => {
      const states = Array.from({ length: step.states }, (_, i) => {
        if (given === undefined) return zeros(shape, { dtype: x.dtype });
        const state = argument(name, "a state", given[i]!, this.weight_ih);
        if (state.shape.join() !== shape.join())
          throw new ShapeError(`${name}: a state has shape ${show(state.shape)}; expected ${show(shape)}`, name);
        return state;
      });
      return step.next(affine(x, this.weight_ih, this.bias_ih), states, this.weight_hh, this.bias_hh);
    });
  }
}

/**
 * One step of a plain recurrent network: tanh(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh). `forward(x, h)` gives the next h; without h it starts at zeros.
 *
 * @example
 * new ad.nn.RNNCell(3, 4).forward(ad.ones([2, 3])).shape; // [2, 4]
 */
export class RNNCell extends Cell<Tensor> {
  constructor(inputSize: number, hiddenSize: number, options?: RnnCellOptions) {
    atMost("RNNCell", arguments, 3);
    const { bias = true, nonlinearity = "tanh", dtype } = readOptions("RNNCell", options, ["bias", "nonlinearity", "dtype"]);
    super("RNNCell", PLAIN[nonlinearityOf("RNNCell", nonlinearity)], inputSize, hiddenSize, bias, dtype);
  }
  /** The next h, [batch, hiddenSize]. Throws `ShapeError`. */
  forward(input: TensorLike, h?: TensorLike): Tensor {
    atMost("RNNCell.forward", arguments, 2);
    return this.after(input, h === undefined ? undefined : [h])[0]!;
  }
}

/**
 * One step of a long short-term memory. `forward(x, [h, c])` gives the next [h, c]; without them it starts at zeros. Gates stand in the order input,
 * forget, cell, output.
 *
 * @example
 * const [h, c] = new ad.nn.LSTMCell(3, 4).forward(ad.ones([2, 3]));
 * h.shape; // [2, 4]
 */
export class LSTMCell extends Cell<[h: Tensor, c: Tensor]> {
  constructor(inputSize: number, hiddenSize: number, options?: CellOptions) {
    atMost("LSTMCell", arguments, 3);
    const { bias = true, dtype } = readOptions("LSTMCell", options, ["bias", "dtype"]);
    super("LSTMCell", LONG_SHORT, inputSize, hiddenSize, bias, dtype);
  }
  /** The next [h, c], each [batch, hiddenSize]. Throws `ShapeError`. */
  forward(input: TensorLike, states?: readonly [h: TensorLike, c: TensorLike]): [h: Tensor, c: Tensor] {
    atMost("LSTMCell.forward", arguments, 2);
    if (states !== undefined && (!Array.isArray(states) || states.length !== 2))
      throw new ValueError(`LSTMCell: the states must be a list [h, c], got ${describe(states)}`, "LSTMCell");
    return this.after(input, states) as [Tensor, Tensor];
  }
}

/**
 * One step of a gated recurrent unit. `forward(x, h)` gives the next h; without h it starts at zeros. Gates stand in the order reset, update, new.
 *
 * @example
 * new ad.nn.GRUCell(3, 4).forward(ad.ones([2, 3])).shape; // [2, 4]
 */
export class GRUCell extends Cell<Tensor> {
  constructor(inputSize: number, hiddenSize: number, options?: CellOptions) {
    atMost("GRUCell", arguments, 3);
    const { bias = true, dtype } = readOptions("GRUCell", options, ["bias", "dtype"]);
    super("GRUCell", GATED, inputSize, hiddenSize, bias, dtype);
  }
  /** The next h, [batch, hiddenSize]. Throws `ShapeError`. */
  forward(input: TensorLike, h?: TensorLike): Tensor {
    atMost("GRUCell.forward", arguments, 2);
    return this.after(input, h === undefined ? undefined : [h])[0]!;
  }
}
