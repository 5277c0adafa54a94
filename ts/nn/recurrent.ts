/** Recurrent networks of several layers and directions. Names, layouts, order of gates and defaults are torch.nn's. */
import { atMost, boolean, integer, integers, probability } from "../input/arguments.js";
import { tensor, zeros } from "../creation.js";
import { describe } from "../input/describe.js";
import type { DType } from "../dtype.js";
import { ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { where } from "../ops/elementwise.js";
import { concat, stack } from "../ops/shape.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { scan } from "../transforms/control.js";
import { inScope } from "../transforms/machinery.js";
import { affine, GATED, LONG_SHORT, nonlinearityOf, PLAIN, recurrentParameter, type Nonlinearity, type Step } from "./cells.js";
import { dropout } from "./dropout.js";
import { Module } from "./module.js";
import { argument, show } from "./reduction.js";

/** Options of `LSTM` and `GRU`. */
export interface RecurrentOptions {
  /** Layers, each over the outputs of the one before; default 1. */
  numLayers?: number;
  /** Add trained vectors; default true. */
  bias?: boolean;
  /** The input is [batch, length, inputSize] instead of [length, batch, inputSize]; default false. */
  batchFirst?: boolean;
  /** The probability of a zero between layers while training; default 0. */
  dropout?: number;
  /** A second network goes from the end to the start, and the outputs stand side by side; default false. */
  bidirectional?: boolean;
  /** "float32" or "float64"; the default dtype without it. */
  dtype?: DType;
}

/** Options of `RNN`. */
export interface RnnOptions extends RecurrentOptions {
  /** "tanh" (default) or "relu". */
  nonlinearity?: Nonlinearity;
}

/** Options of `forward`. */
export interface SequenceOptions {
  /** The length of each sequence of the batch: what lies behind is not read, outputs there are 0, and the last states are those of the end. */
  lengths?: readonly number[];
}

const KNOWN = ["numLayers", "bias", "batchFirst", "dropout", "bidirectional", "dtype"] as const;

abstract class Recurrent<States> extends Module<[output: Tensor, states: States]> {
  /** Layers. */
  readonly numLayers: number;
  /** Whether the batch is the first axis. */
  readonly batchFirst: boolean;
  /** The probability of a zero between layers while training. */
  readonly dropout: number;
  /** Whether there is a second direction. */
  readonly bidirectional: boolean;
  /** Whether there are trained vectors. */
  readonly bias: boolean;

  protected constructor(
    /** Its name in messages. */
    private readonly name: string,
    /** A step of the recurrence. */
    private readonly step: Step,
    /** The size of the input's last axis. */
    readonly inputSize: number,
    /** The size of the states' last axis. */
    readonly hiddenSize: number,
    options: RecurrentOptions,
  ) {
    super();
    const { numLayers = 1, bias = true, batchFirst = false, dropout: p = 0, bidirectional = false, dtype } = options;
    integer(name, "inputSize", inputSize, 1);
    integer(name, "hiddenSize", hiddenSize, 1);
    this.numLayers = integer(name, "numLayers", numLayers, 1);
    this.bias = boolean(name, "bias", bias);
    this.batchFirst = boolean(name, "batchFirst", batchFirst);
    this.bidirectional = boolean(name, "bidirectional", bidirectional);
    this.dropout = probability(name, "dropout", p);
    const rows = step.gates * hiddenSize;
    // As PyTorch names and orders them: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l0_reverse, ...
    const own = this as unknown as Record<string, Tensor>;
    for (let layer = 0; layer < numLayers; layer++) {
      const width = layer === 0 ? inputSize : hiddenSize * this.directions.length;
      for (const suffix of this.directions) {
        own[`weight_ih_l${layer}${suffix}`] = recurrentParameter([rows, width], hiddenSize, dtype);
        own[`weight_hh_l${layer}${suffix}`] = recurrentParameter([rows, hiddenSize], hiddenSize, dtype);
        if (!bias) continue;
        own[`bias_ih_l${layer}${suffix}`] = recurrentParameter([rows], hiddenSize, dtype);
        own[`bias_hh_l${layer}${suffix}`] = recurrentParameter([rows], hiddenSize, dtype);
      }
    }
  }

  private get directions(): readonly string[] {
    return this.bidirectional ? ["", "_reverse"] : [""];
  }

  /** @internal Outputs, and each state [layers · directions, batch, hiddenSize]. */
  protected run(input: TensorLike, given: readonly TensorLike[] | undefined, options: SequenceOptions | undefined): [Tensor, Tensor[]] {
    const { name, step, inputSize, hiddenSize, numLayers, directions } = this;
    const { lengths } = readOptions(`${name}.forward`, options, ["lengths"]);
    const own = this as unknown as Record<string, Tensor | undefined>;
    const x = argument(name, "the input", input, own.weight_ih_l0);
    const layout = this.batchFirst ? `[batch, length, ${inputSize}]` : `[length, batch, ${inputSize}]`;
    if ((x.ndim !== 2 && x.ndim !== 3) || x.shape.at(-1) !== inputSize)
      throw new ShapeError(`${name}: the input has shape ${show(x.shape)}; expected ${layout} or [length, ${inputSize}]`, name);
    return inScope(() => {
      const alone = x.ndim === 2;
      let sequence = alone ? x.unsqueeze(1) : this.batchFirst ? x.transpose([1, 0, 2]) : x;
      const [length, batch] = sequence.shape as [number, number];
      if (length === 0) throw new ShapeError(`${name}: the input has shape ${show(x.shape)}; a sequence has at least one element`, name);
      const count = numLayers * directions.length;
      const shape = alone ? [count, hiddenSize] : [count, batch, hiddenSize];
      const starts = Array.from({ length: step.states }, (_, i) => {
        if (given === undefined) return zeros([count, batch, hiddenSize], { dtype: x.dtype });
        const state = argument(name, "a state", given[i]!, x);
        if (state.shape.join() !== shape.join())
          throw new ShapeError(`${name}: a state has shape ${show(state.shape)}; expected ${show(shape)}`, name);
        return state.reshape([count, batch, hiddenSize]);
      }).map((state) => [...state]);
      const inside = lengths === undefined ? null : this.inside(lengths, length, batch);
      const ends: Tensor[][] = starts.map(() => []);
      for (let layer = 0; layer < numLayers; layer++) {
        if (layer > 0 && this.dropout > 0) sequence = dropout(sequence, { p: this.dropout, training: this.training });
        const outputs = directions.map((suffix, direction) => {
          const at = (part: string) => own[`${part}_l${layer}${suffix}`];
          const first = starts.map((state) => state[layer * directions.length + direction]!);
          // All steps' inputs at once: one product of matrices.
          const inputs = affine(sequence, at("weight_ih")!, at("bias_ih") ?? null);
          const [last, ys] = this.along(inputs, first, at("weight_hh")!, at("bias_hh") ?? null, inside, direction === 1);
          last.forEach((state, i) => ends[i]!.push(state));
          return ys;
        });
        sequence = outputs.length === 1 ? outputs[0]! : concat(outputs, -1);
      }
      const states = ends.map((list) => stack(list)).map((state) => (alone ? state.squeeze(1) : state));
      return [alone ? sequence.squeeze(1) : this.batchFirst ? sequence.transpose([1, 0, 2]) : sequence, states];
    });
  }

  /** One layer in one direction: the last states, and h of each step. */
  private along(
    inputs: Tensor,
    first: Tensor[],
    weight: Tensor,
    bias: Tensor | null,
    inside: Tensor | null,
    reverse: boolean,
  ): [last: Tensor[], ys: Tensor] {
    const { step } = this;
    if (inside === null) {
      const turn = (states: Tensor[], x: Tensor): [Tensor[], Tensor] => {
        const next = step.next(x, states, weight, bias);
        return [next, next[0]!];
      };
      return scan(turn as never, first as never, inputs, { reverse }) as unknown as [Tensor[], Tensor];
    }
    const turn = (states: Tensor[], [x, alive]: [Tensor, Tensor]): [Tensor[], Tensor] => {
      const next = step.next(x, states, weight, bias).map((state, i) => where(alive, state, states[i]!));
      return [next, where(alive, next[0]!, 0)];
    };
    return scan(turn as never, first as never, [inputs, inside], { reverse }) as unknown as [Tensor[], Tensor];
  }

  /** [length, batch, 1]: whether an element belongs to its sequence. */
  private inside(lengths: readonly number[], length: number, batch: number): Tensor {
    const { name } = this;
    const list = integers(name, "lengths", lengths, 1, Infinity);
    if (list.length !== batch) throw new ShapeError(`${name}: ${list.length} lengths for a batch of ${batch}`, name);
    for (const n of list) if (n > length) throw new ValueError(`${name}: a length of ${n} in an input of length ${length}`, name);
    return tensor(Array.from({ length }, (_, t) => list.map((n) => [t < n])));
  }
}

/**
 * A recurrent network of h' = tanh(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh). `forward(x, h0, { lengths })` gives [outputs, h], with x of shape
 * [length, batch, inputSize], outputs [length, batch, hiddenSize · directions], h and h0 [numLayers · directions, batch, hiddenSize]; one sequence without its batch
 * axis too. Without h0 it starts at zeros.
 *
 * @example
 * const [y, h] = new ad.nn.RNN(3, 4).forward(ad.ones([5, 2, 3]));
 * y.shape; // [5, 2, 4]
 */
export class RNN extends Recurrent<Tensor> {
  constructor(inputSize: number, hiddenSize: number, options?: RnnOptions) {
    atMost("RNN", arguments, 3);
    const { nonlinearity = "tanh", ...others } = readOptions<RnnOptions>("RNN", options, [...KNOWN, "nonlinearity"]);
    super("RNN", PLAIN[nonlinearityOf("RNN", nonlinearity)], inputSize, hiddenSize, others);
  }
  /** [outputs, h]. Throws `ShapeError`. */
  forward(input: TensorLike, h0?: TensorLike | null, options?: SequenceOptions): [output: Tensor, h: Tensor] {
    atMost("RNN.forward", arguments, 3);
    const [y, [h]] = this.run(input, h0 === undefined || h0 === null ? undefined : [h0], options);
    return [y, h!];
  }
}

/**
 * A long short-term memory. `forward(x, [h0, c0], { lengths })` gives [outputs, [h, c]] with the shapes of `RNN`. Gates stand in the order input, forget, cell, output.
 *
 * @example
 * const [y, [h, c]] = new ad.nn.LSTM(3, 4, { batchFirst: true }).forward(ad.ones([2, 5, 3]));
 * y.shape; // [2, 5, 4]
 */
export class LSTM extends Recurrent<[h: Tensor, c: Tensor]> {
  constructor(inputSize: number, hiddenSize: number, options?: RecurrentOptions) {
    atMost("LSTM", arguments, 3);
    super("LSTM", LONG_SHORT, inputSize, hiddenSize, readOptions("LSTM", options, KNOWN));
  }
  /** [outputs, [h, c]]. Throws `ShapeError`. */
  forward(
    input: TensorLike,
    states?: readonly [h0: TensorLike, c0: TensorLike] | null,
    options?: SequenceOptions,
  ): [output: Tensor, states: [h: Tensor, c: Tensor]] {
    atMost("LSTM.forward", arguments, 3);
    if (states !== undefined && states !== null && (!Array.isArray(states) || states.length !== 2))
      throw new ValueError(`LSTM: the states must be a list [h, c], got ${describe(states)}`, "LSTM");
    return this.run(input, states ?? undefined, options) as [Tensor, [Tensor, Tensor]];
  }
}

/**
 * A gated recurrent unit. `forward(x, h0, { lengths })` gives [outputs, h] with the shapes of `RNN`. Gates stand in the order reset, update, new.
 *
 * @example
 * const [y, h] = new ad.nn.GRU(3, 4, { bidirectional: true }).forward(ad.ones([5, 2, 3]));
 * y.shape; // [5, 2, 8]
 */
export class GRU extends Recurrent<Tensor> {
  constructor(inputSize: number, hiddenSize: number, options?: RecurrentOptions) {
    atMost("GRU", arguments, 3);
    super("GRU", GATED, inputSize, hiddenSize, readOptions("GRU", options, KNOWN));
  }
  /** [outputs, h]. Throws `ShapeError`. */
  forward(input: TensorLike, h0?: TensorLike | null, options?: SequenceOptions): [output: Tensor, h: Tensor] {
    atMost("GRU.forward", arguments, 3);
    const [y, [h]] = this.run(input, h0 === undefined || h0 === null ? undefined : [h0], options);
    return [y, h!];
  }
}
