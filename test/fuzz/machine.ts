/** What a random program holds, beside what the reference says of it. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { differs } from "./differs.js";
import * as ref from "./duals.js";
import type { Vector } from "./duals.js";

/** The values of parameters that a reference is evaluated with: those of the recording, perturbed if one is being differentiated. */
export type Point = (parameter: Parameter, recorded: readonly number[]) => Vector;
export const here: Point = (_, recorded) => recorded;
export type Formula = (point: Point) => Vector;

export interface Parameter {
  readonly name: string;
  readonly tensor: Tensor;
  numbers: readonly number[];
  /** What backward passes have added up; null where none came by. */
  gradient: Formula | null;
  /** The values whose recorded backward passes are part of it: it refers to their graphs, also when they are gone. */
  sources: readonly Value[];
}

export interface Value {
  readonly name: string;
  readonly tensor: Tensor;
  readonly formula: Formula;
  /** The parameters it was computed from, with the values in between that a graph holds. */
  readonly parents: readonly Value[];
  readonly parameters: ReadonlySet<Parameter>;
  /** At the root, not kept: a training step may release it after its graph was freed. */
  readonly loose: boolean;
  /** Its graph, or a part of it, was freed. */
  freed: boolean;
  /** A step has changed its parameters: the next one may release it, swept or not. */
  outdated: boolean;
  /** What its hooks multiply the gradient with. */
  factor: number;
  /** A backward pass went over it: gradients may refer to it as it was then. */
  swept: boolean;
}

export interface Pulled {
  readonly name: string;
  readonly call: (cotangent: Tensor) => Tensor;
  readonly dispose: () => void;
  readonly expected: (cotangent: Vector) => Vector;
}

/** Remembers what a formula gave at a point: values share what they were computed from. */
export function remembered(formula: Formula): Formula {
  const known = new WeakMap<Point, Vector>();
  return (point) => {
    let value = known.get(point);
    if (value === undefined) known.set(point, (value = formula(point)));
    return value;
  };
}

/** The gradient of w · formula with respect to a parameter, as a formula itself: a pass per number of the parameter. */
export const gradientFormula = (formula: Formula, parameter: Parameter, cotangent: readonly number[]): Formula =>
  remembered((point) =>
    ref.against(
      (shift) => formula((p, recorded) => (p === parameter ? point(p, recorded).map((v, i) => ref.add(v, shift[i]!)) : point(p, recorded))),
      parameter.numbers.map(() => 0),
      cotangent,
    ),
  );

export class Failure extends Error {}

export class Machine {
  readonly lines: string[] = [];
  protected parameters: Parameter[] = [];
  protected values: Value[] = [];
  protected pullbacks: Pulled[] = [];
  protected count = 0;
  /** Scopes around, noGrad ones among them. */
  protected depth = 0;
  protected silent = false;
  protected optimizer: { step: ad.optim.SGD; over: Parameter[] } | null = null;

  protected say(line: string): void {
    this.lines.push("  ".repeat(this.depth) + line);
  }

  protected name(letter: string): string {
    return `${letter}${++this.count}`;
  }

  protected expect(what: string, got: Tensor, formula: Formula): void {
    const wrong = differs([...got.data()], formula(here).map(ref.plain));
    if (wrong !== null) throw new Failure(`${what}: ${wrong}`);
  }

  protected readable(value: Value): boolean {
    try {
      value.tensor.data();
      return true;
    } catch (error) {
      if (!(error instanceof ad.DisposedError)) throw new Failure(`reading ${value.name}: ${String(error)}`);
      if (!value.loose || !(value.freed || value.outdated))
        throw new Failure(`${value.name} is gone, which no rule says: ${error.message}`);
      return false;
    }
  }

  /** The living values; those that a step released are forgotten. */
  protected living(): Value[] {
    this.values = this.values.filter((value) => this.readable(value));
    return this.values;
  }

  protected readonly recorded = new WeakMap<object, Map<Parameter, readonly number[]>>();
  protected scopeOf(used: readonly (Parameter | Value)[], point: Point): Map<string, Vector> {
    const numbers = this.recorded.get(used)!;
    return new Map(used.map((input) => [input.name, "formula" in input ? input.formula(point) : point(input, numbers.get(input)!)]));
  }

  protected add(name: string, tensor: Tensor, used: readonly (Parameter | Value)[], formula: Formula): void {
    const own = used.filter((input): input is Parameter => !("formula" in input));
    this.recorded.set(used, new Map(own.map((p) => [p, p.numbers])));
    const parents = used.filter((input): input is Value => "formula" in input);
    const constant = this.silent;
    const whole: Formula = constant ? (point) => formula(point).map(ref.plain) : formula;
    const value: Value = {
      name,
      tensor,
      parents: constant ? [] : parents,
      loose: this.depth === 0,
      freed: !constant && parents.some(({ freed }) => freed),
      factor: 1,
      swept: false,
      outdated: false,
      parameters: constant ? new Set() : new Set([...own, ...parents.flatMap((parent) => [...parent.parameters])]),
      formula: remembered((point): Vector => whole(point).map((x) => (value.factor === 1 ? x : ref.scalePerturbations(x, value.factor)))),
    };
    this.expect(`the value of ${name}`, tensor, value.formula);
    this.values.push(value);
  }

  /** Whether something it was computed from, disposed of or not, is like that. */
  private reaches(value: Value, is: (value: Value) => boolean, seen = new Set<Value>()): boolean {
    return value.parents.some((parent) => !seen.has(parent) && (seen.add(parent), is(parent) || this.reaches(parent, is, seen)));
  }

  /** Parameters were written to: what was computed from them may go with the next step. */
  protected outdate(written: (parameter: Parameter) => boolean): void {
    for (const value of this.values) value.outdated ||= [...value.parameters].some(written);
  }

  /** A graph is freed whole: whatever shares a part of it cannot be swept again. */
  protected mark(value: Value, freed: boolean): void {
    const gone = new Set<Value>();
    const visit = (v: Value): void => {
      if (gone.has(v)) return;
      gone.add(v);
      v.swept = true;
      v.freed ||= freed;
      v.parents.forEach(visit);
    };
    visit(value);
    for (const v of this.values) v.freed ||= this.reaches(v, ({ freed }) => freed);
  }
}
