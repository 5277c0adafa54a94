/** Data: examples in tensors, handed out in batches. */
import { atMost, boolean, integer } from "../input/arguments.js";
import { asTensor, tensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { permutation, key, split } from "../random/index.js";
import { scope } from "../memory/scope.js";
import { take } from "../ops/index.js";
import { slice } from "../ops/shape.js";
import { LoopBody } from "../memory/loops.js";
import { Tensor, type TensorLike } from "../tensor.js";

/** One of a dataset's tensors, or the tensor of an array. */
function column(given: TensorLike, i: number): Tensor {
  const op = "TensorDataset";
  if (Array.isArray(given) && given.some((member: unknown) => member instanceof Tensor)) {
    throw new ValueError(`${op}: argument ${i} is a list of tensors; give them one by one: new TensorDataset(x, y)`, op);
  }
  if (!(given instanceof Tensor) && !Array.isArray(given) && !(ArrayBuffer.isView(given) && !((given as unknown) instanceof DataView))) {
    throw new ValueError(`${op}: argument ${i} must be a tensor or an array, got ${describe(given)}`, op);
  }
  const t = asTensor(given);
  if (t.ndim === 0) throw new ShapeError(`${op}: argument ${i} is 0-d; the first axis counts the examples`, op);
  return t;
}

/** Tensors (or arrays) with the same first size: row i of each is one example. */
export class TensorDataset {
  /** As given; the first axis counts the examples. */
  readonly tensors: readonly Tensor[];
  constructor(...tensors: TensorLike[]) {
    if (tensors.length === 0) throw new ValueError("TensorDataset: expected at least one tensor", "TensorDataset");
    this.tensors = scope(() => {
      const columns = tensors.map(column);
      for (const t of columns) {
        if (t.shape[0] !== columns[0]!.shape[0]) {
          throw new ShapeError(
            `TensorDataset: tensors of ${columns[0]!.shape[0]} and ${t.shape[0]} examples; the first sizes must agree`,
            "TensorDataset",
          );
        }
      }
      return columns;
    });
  }

  /** Number of examples. */
  get length(): number {
    return this.tensors[0]!.shape[0]!;
  }
}

/** Options of `DataLoader`. */
export interface DataLoaderOptions {
  /** Examples in a batch; default 1. */
  batchSize?: number;
  /** Another order in each epoch. */
  shuffle?: boolean;
  /** Of the shuffling: the same seed gives the same orders, another one in each epoch. */
  seed?: number;
  /** Leave out a last batch that is not full. */
  dropLast?: boolean;
}

/**
 * Iterates over a dataset in batches, any number of times: `for (const [x, y] of loader)`. When the next batch is asked for, what the loop's
 * body made is released: what is part of a graph, and inside a scope the batch and plain values too; apart from scalars (losses in a list),
 * parameters, and what is kept with `detach()` or `keep()`. What the last turn made may be read after the loop; `toArray()` gives all batches at once.
 */
export class DataLoader implements Iterable<Tensor[]> {
  /** Examples in a batch. */
  readonly batchSize: number;
  private readonly shuffle: boolean;
  private readonly dropLast: boolean;
  private readonly seed: number;
  private epoch = 0;
  /** The last turn of the last loop: readable until the next loop begins. */
  private last: LoopBody | null = null;

  /** Throws `ValueError` for anything but a `TensorDataset`, and for options it does not know. */
  constructor(
    /** Where the examples come from. */
    readonly dataset: TensorDataset,
    options?: DataLoaderOptions,
  ) {
    atMost("DataLoader", arguments, 2);
    const op = "DataLoader";
    const {
      batchSize = 1,
      shuffle = false,
      seed = 0,
      dropLast = false,
    } = readOptions(op, options, ["batchSize", "shuffle", "seed", "dropLast"]);
    if (!(dataset instanceof TensorDataset)) {
      const given: unknown = dataset;
      const cure = given instanceof Tensor || Array.isArray(given) ? ": new DataLoader(new TensorDataset(x, y), ...)" : "";
      throw new ValueError(`${op}: expected a TensorDataset, got ${describe(given)}${cure}`, op);
    }
    this.batchSize = integer(op, "batchSize", batchSize, 1);
    this.shuffle = boolean(op, "shuffle", shuffle);
    this.seed = integer(op, "seed", seed, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    this.dropLast = boolean(op, "dropLast", dropLast);
  }

  /** Number of batches. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** All batches of an epoch at once; they are the caller's, as any tensor. */
  toArray(): Tensor[][] {
    const order = this.order(this.epoch++);
    return Array.from({ length: this.length }, (_, b) => this.batch(b, order));
  }

  /** The order of an epoch. */
  private order(epoch: number): Int32Array | null {
    if (!this.shuffle) return null;
    return scope(() => permutation(split(key(this.seed), epoch + 1).at(epoch), this.dataset.length).data() as Int32Array);
  }

  /** The batches of the next epoch: a list of tensors each, one per tensor of the data set. */
  *[Symbol.iterator](): Generator<Tensor[]> {
    const order = this.order(this.epoch++);
    this.last?.end();
    this.last = null;
    let body: LoopBody | null = null;
    try {
      for (let b = 0; b < this.length; b++) {
        body?.end();
        body = new LoopBody();
        yield this.batch(b, order);
      }
    } finally {
      body?.finish();
      this.last = body;
    }
  }

  private batch(b: number, order: Int32Array | null): Tensor[] {
    const [from, to] = [b * this.batchSize, Math.min(this.dataset.length, (b + 1) * this.batchSize)];
    return scope(() => {
      const indices = order === null ? null : tensor(order.subarray(from, to));
      return this.dataset.tensors.map((t) =>
        indices === null
          ? slice(
              t,
              t.shape.map((_, i) => (i === 0 ? from : 0)),
              t.shape.map((d, i) => (i === 0 ? to : d)),
            )
          : take(t, indices, 0),
      );
    });
  }
}
