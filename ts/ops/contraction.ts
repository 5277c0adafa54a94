/**
 * Sums of products over named axes as steps of the engine: what can be a matrix product is one, with shared axes in front as its batch, and what
 * meets no other factor is summed before. Several factors are joined two at a time, the cheapest pair first (Smith & Gray, opt_einsum, 2018).
 */
import { run } from "../run.js";
import type { Tensor } from "../tensor.js";
import { mul } from "./elementwise.js";
import { matmul } from "./index.js";

/** A factor: which axes it has, by name. */
interface Factor {
  /** An operand, or behind those the result of a step. */
  readonly slot: number;
  readonly labels: readonly string[];
}

interface Step {
  readonly inputs: readonly number[];
  readonly apply: (a: Tensor, b: Tensor) => Tensor;
}

/** What is to be done with operands of these shapes. */
export interface Contraction {
  readonly shapes: readonly (readonly number[])[];
  readonly steps: readonly Step[];
}

/** Rows of a matrix below this are gathered by a copy, above each batch of them is a product by itself. */
const FEW_ROWS = 16;

class Planner {
  readonly steps: Step[] = [];

  constructor(
    private readonly operands: number,
    private readonly sizes: ReadonlyMap<string, number>,
    private readonly output: readonly string[],
  ) {}

  private emit(apply: Step["apply"], ...inputs: number[]): number {
    this.steps.push({ inputs, apply });
    return this.operands + this.steps.length - 1;
  }

  private size(labels: readonly string[]): number {
    return labels.reduce((size, label) => size * this.sizes.get(label)!, 1);
  }

  private reshaped(slot: number, dims: readonly number[]): number {
    return this.emit((x) => run("reshape", [x], dims), slot);
  }

  /** The factor with its axes in this order. */
  ordered(factor: Factor, labels: readonly string[]): Factor {
    if (labels.every((label, i) => label === factor.labels[i])) return factor;
    const order = labels.map((label) => factor.labels.indexOf(label));
    return { slot: this.emit((x) => run("transpose", [x], order), factor.slot), labels };
  }

  /** An operand without axes of size 1 that stand for larger ones, each name once, and summed over what nobody else has. */
  prepared(slot: number, names: readonly string[], shape: readonly number[], needed: ReadonlySet<string>): Factor {
    const kept = names.map((label, i) => shape[i] === this.sizes.get(label));
    let labels: readonly string[] = names.filter((_, i) => kept[i]);
    if (labels.length < names.length)
      slot = this.reshaped(
        slot,
        shape.filter((_, i) => kept[i]),
      );
    for (;;) {
      const second = labels.findIndex((label, i) => labels.indexOf(label) < i);
      if (second < 0) break;
      const first = labels.indexOf(labels[second]!);
      const others = labels.map((_, i) => i).filter((i) => i !== first && i !== second);
      const order = [...others, first, second];
      slot = this.emit((x) => {
        const last = run("transpose", [x], order);
        try {
          return run("diagonal", [last], [0]);
        } finally {
          last.dispose();
        }
      }, slot);
      labels = [...others.map((i) => labels[i]!), labels[second]!];
    }
    return this.summed({ slot, labels }, needed);
  }

  /** Sums over the axes that are not needed. */
  private summed({ slot, labels }: Factor, needed: ReadonlySet<string>): Factor {
    const over = labels.flatMap((label, i) => (needed.has(label) ? [] : [i]));
    if (over.length === 0) return { slot, labels };
    return { slot: this.emit((x) => run("sum", [x], [0, 0, ...over]), slot), labels: labels.filter((label) => needed.has(label)) };
  }

  /** The two of which a product costs the fewest multiplications; of equal ones that with the smallest result. */
  cheapest(factors: readonly Factor[]): [first: number, second: number] {
    let best: [number, number] = [0, 1];
    let [cost, size] = [Infinity, Infinity];
    factors.forEach((a, i) =>
      factors.slice(i + 1).forEach((b, k) => {
        const all = [...new Set([...a.labels, ...b.labels])];
        const needed = this.neededBeside(factors, a, b);
        const [c, s] = [this.size(all), this.size(all.filter((label) => needed.has(label)))];
        if (c < cost || (c === cost && s < size)) [best, cost, size] = [[i, i + 1 + k], c, s];
      }),
    );
    return best;
  }

  /** What is still asked for when these are one. */
  neededBeside(factors: readonly Factor[], ...joined: readonly Factor[]): Set<string> {
    return new Set([...this.output, ...factors.filter((f) => !joined.includes(f)).flatMap((f) => f.labels)]);
  }

  /** Names in the order of the output; those it does not have stay behind. */
  private asOutput(labels: readonly string[]): string[] {
    const place = (label: string) => (this.output.includes(label) ? this.output.indexOf(label) : this.output.length);
    return [...labels].sort((a, b) => place(a) - place(b));
  }

  /** Two factors as one. */
  joined(a: Factor, b: Factor, needed: ReadonlySet<string>): Factor {
    const shared = a.labels.filter((label) => b.labels.includes(label));
    const summed = shared.filter((label) => !needed.has(label));
    const [ofA, ofB] = [a, b].map((f) => f.labels.filter((label) => !shared.includes(label))) as [string[], string[]];
    // A row times a column is no work for a matrix product, nor is what sums nothing.
    if (summed.length === 0 || this.size(ofA) * this.size(ofB) === 1) return this.multiplied(a, b, summed, needed);
    const batch = this.asOutput(shared.filter((label) => needed.has(label)));
    const byRows = (f: Factor) => summed.includes(f.labels.at(-1)!);
    // Whose axis is last in the output stands on the right: the product then lies as it is asked for.
    const last = (labels: readonly string[]) => Math.max(...labels.map((label) => this.output.indexOf(label)));
    const turned = ofA.length === 0 ? byRows(b) : ofB.length === 0 ? !byRows(a) : last(ofA) > last(ofB);
    return turned ? this.product(b, a, batch, summed, ofB, ofA) : this.product(a, b, batch, summed, ofA, ofB);
  }

  private multiplied(a: Factor, b: Factor, summed: readonly string[], needed: ReadonlySet<string>): Factor {
    const all = [...new Set([...a.labels, ...b.labels])].filter((label) => !summed.includes(label));
    const labels = [...this.asOutput(all), ...summed];
    const aligned = (f: Factor): number => {
      const own = this.ordered(
        f,
        labels.filter((label) => f.labels.includes(label)),
      );
      // Axes in front are broadcast as they are.
      const behind = labels.slice(labels.findIndex((label) => f.labels.includes(label)));
      if (own.labels.length === 0 || behind.length === own.labels.length) return own.slot;
      return this.reshaped(
        own.slot,
        behind.map((label) => (f.labels.includes(label) ? this.sizes.get(label)! : 1)),
      );
    };
    return this.summed({ slot: this.emit(mul, aligned(a), aligned(b)), labels }, needed);
  }

  /** How many of these axes, in the factor's order, come before the last ones that lie one behind the other: as one axis those are a view. */
  private before(factor: Factor, labels: readonly string[]): number {
    const places = labels.map((label) => factor.labels.indexOf(label));
    let start = Math.max(0, labels.length - 1);
    while (start > 0 && places[start - 1] === places[start]! - 1) start--;
    return start;
  }

  /** [batch, rows, summed] times [batch, summed, columns], each of them one axis, or several as one. */
  private product(a: Factor, b: Factor, batch: string[], summed: string[], rows: string[], columns: string[]): Factor {
    const inner = (this.size(a.labels) >= this.size(b.labels) ? a : b).labels.filter((label) => summed.includes(label));
    // What would be copied to be one axis goes in front and is broadcast against the other factor, unless what remains is small.
    const apart = (f: Factor, labels: string[]) => {
      const count = this.before(f, labels);
      return this.size(labels.slice(count)) >= FEW_ROWS ? labels.slice(0, count) : [];
    };
    // Rows of a stack that lie evenly are one matrix for the engine.
    const leading = batch.length === 0 && this.before(a, rows) === 0 ? rows.slice(0, -1) : apart(a, rows);
    const outer = leading.length === 0 ? apart(b, columns) : [];
    const [row, column] = [rows.slice(leading.length), columns.slice(outer.length)];
    const dims = (labels: readonly string[]) => labels.map((label) => this.sizes.get(label)!);
    const vector = batch.length + outer.length === 0;

    // The factor as a stack of matrices; without batch a vector stays one.
    const matrix = (f: Factor, front: string[], others: number, groups: string[][], plain: boolean): number => {
      const own = this.ordered(f, [...batch, ...front, ...groups.flat()]);
      const parts = plain ? groups.filter((group) => group.length > 0) : groups;
      const between = batch.length > 0 ? new Array<number>(others).fill(1) : [];
      if (between.length === 0 && parts.every((group) => group.length === 1)) return own.slot;
      return this.reshaped(own.slot, [...dims(batch), ...between, ...dims(front), ...parts.map((group) => this.size(group))]);
    };
    const left = matrix(a, leading, outer.length, [row, inner], vector);
    const right = matrix(b, outer, leading.length, [inner, column], batch.length === 0 && outer.length === 0);
    const slot = this.emit(matmul, left, right);
    const labels = [...batch, ...leading, ...outer, ...row, ...column];
    const exact = [row, column].every((group) => group.length === 1 || (group.length === 0 && vector));
    return { slot: exact ? slot : this.reshaped(slot, dims(labels)), labels };
  }
}

/**
 * Plans Σ Π operands: `names` has the axes of each operand, `output` those of the result; what the result does not have is summed over. `sizes`
 * has the size of each; an axis of size 1 may stand for a larger one.
 */
export function contraction(
  names: readonly (readonly string[])[],
  shapes: readonly (readonly number[])[],
  output: readonly string[],
  sizes: ReadonlyMap<string, number>,
): Contraction {
  const planner = new Planner(names.length, sizes, output);
  // An axis counts for others only where it is not one of size 1 that stands for a larger one.
  const present = names.map((labels, i) => labels.filter((label, axis) => shapes[i]![axis] === sizes.get(label)));
  const factors = names.map((labels, i) => {
    const elsewhere = present.filter((_, k) => k !== i).flat();
    return planner.prepared(i, labels, shapes[i]!, new Set([...output, ...elsewhere]));
  });
  while (factors.length > 1) {
    const [i, k] = planner.cheapest(factors);
    const [a, b] = [factors[i]!, factors[k]!];
    factors[i] = planner.joined(a, b, planner.neededBeside(factors, a, b));
    factors.splice(k, 1);
  }
  planner.ordered(factors[0]!, output);
  // The result is a tensor of its own, even where it is the operand.
  if (planner.steps.length === 0) {
    const order = output.map((_, axis) => axis);
    planner.steps.push({ inputs: [0], apply: (x) => run("transpose", [x], order) });
  }
  return { shapes, steps: planner.steps };
}

/** Does the steps. */
export function contracted({ steps }: Contraction, operands: readonly Tensor[]): Tensor {
  if (steps.length === 1) {
    const { inputs, apply } = steps[0]!;
    return apply(operands[inputs[0]!]!, operands[inputs[1] ?? 0]!);
  }
  const values = [...operands];
  try {
    for (const { inputs, apply } of steps) values.push(apply(values[inputs[0]!]!, values[inputs[1] ?? inputs[0]!]!));
    return values.pop()!;
  } finally {
    for (let i = operands.length; i < values.length; i++) values[i]!.dispose();
  }
}
