/** Data: examples in tensors, handed out in batches. */
import { ShapeError, ValueError } from "../errors.js";
import { tensor } from "../creation.js";
import { permutation, key, split } from "../random/index.js";
import { scope } from "../memory.js";
import { take } from "../ops/index.js";
import { slice } from "../ops/shape.js";
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
 * Iterates over a dataset in batches, any number of times: `for (const [x, y] of loader)`. A batch belongs to the loop's body:
 * it is released when the next one is asked for, unless the body disposed it or runs in a scope of its own. Keep one
 * with `detach()`.
 */
export class DataLoader implements Iterable<Tensor[]> {
  readonly batchSize: number;
  private readonly shuffle: boolean;
  private readonly dropLast: boolean;
  private readonly seed: number;
  private epoch = 0;

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
    const n = this.dataset.length;
    for (let b = 0; b < this.length; b++) {
      const [from, to] = [b * this.batchSize, Math.min(n, (b + 1) * this.batchSize)];
      const batch = scope(() => {
        const indices = order === null ? null : tensor(order.subarray(from, to));
        return this.dataset.tensors.map((t) => (indices === null ? slice(t, t.shape.map((_, i) => (i === 0 ? from : 0)), t.shape.map((d, i) => (i === 0 ? to : d))) : take(t, indices, 0)));
      });
      try {
        yield batch;
      } finally {
        for (const t of batch) if (t.scope.alive) t.dispose();
      }
    }
  }
}
