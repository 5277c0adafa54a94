/** Data: examples in tensors, handed out in batches. */
import { ShapeError, ValueError } from "../errors.js";
import { tensor } from "../creation.js";
import { permutation, key, split } from "../random/index.js";
import { scope } from "../memory.js";
import { take } from "../ops/index.js";
import { slice } from "../ops/shape.js";
import { LoopBody } from "../steps.js";
import { Tensor } from "../tensor.js";

/** Tensors with the same first size: row i of each is one example. */
export class TensorDataset {
  readonly tensors: readonly Tensor[];
  constructor(...tensors: Tensor[]) {
    if (tensors.length === 0) throw new ValueError("TensorDataset: expected at least one tensor", "TensorDataset");
    for (const t of tensors) {
      if (!(t instanceof Tensor) || t.ndim === 0) throw new ValueError(`TensorDataset: expected tensors with at least one axis, got ${String(t)}`, "TensorDataset");
      if (t.shape[0] !== tensors[0]!.shape[0]) {
        throw new ShapeError(`TensorDataset: tensors of ${tensors[0]!.shape[0]} and ${t.shape[0]} examples; the first sizes must agree`, "TensorDataset");
      }
    }
    this.tensors = tensors;
  }

  get length(): number {
    return this.tensors[0]!.shape[0]!;
  }
}

export interface DataLoaderOptions {
  batchSize?: number;
  shuffle?: boolean;
  /** Of the shuffling: the same seed gives the same orders, another one in each epoch. */
  seed?: number;
  /** Leave out a last batch that is not full. */
  dropLast?: boolean;
}

/**
 * Iterates over a dataset in batches, any number of times: `for (const [x, y] of loader)`. The loop's body is a scope: the
 * batch and what the body computes from it are released when the next batch is asked for, apart from scalars (losses in a list), parameters, and what is
 * kept with `detach()` or `keep()`. What the last turn made may be read after the loop.
 */
export class DataLoader implements Iterable<Tensor[]> {
  readonly batchSize: number;
  private readonly shuffle: boolean;
  private readonly dropLast: boolean;
  private readonly seed: number;
  private epoch = 0;
  /** The last turn of the last loop: readable until the next loop begins. */
  private last: LoopBody | null = null;

  constructor(
    readonly dataset: TensorDataset,
    { batchSize = 1, shuffle = false, seed = 0, dropLast = false }: DataLoaderOptions = {},
  ) {
    if (!(dataset instanceof TensorDataset)) throw new ValueError("DataLoader: expected a TensorDataset", "DataLoader");
    if (!Number.isInteger(batchSize) || batchSize < 1) throw new ValueError(`DataLoader: batchSize ${batchSize} is not a positive integer`, "DataLoader");
    this.batchSize = batchSize;
    this.shuffle = shuffle;
    this.dropLast = dropLast;
    this.seed = seed;
  }

  /** Number of batches. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** The order of an epoch. */
  private order(epoch: number): Int32Array | null {
    if (!this.shuffle) return null;
    return scope(() => permutation(split(key(this.seed), epoch + 1).at(epoch), this.dataset.length).data() as Int32Array);
  }

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
      return this.dataset.tensors.map((t) => (indices === null ? slice(t, t.shape.map((_, i) => (i === 0 ? from : 0)), t.shape.map((d, i) => (i === 0 ? to : d))) : take(t, indices, 0)));
    });
  }
}
