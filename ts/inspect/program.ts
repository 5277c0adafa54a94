/**
 * The flat program of one run of a function: every primitive that was evaluated below all transforms, in order. What
 * `trace(f)(...args)` returns; drawn, listed, replayed, read symbolically and searched for sparsity from here.
 */
import { boolean } from "../input/arguments.js";
import { ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import type { ArgumentsOf } from "../transforms/types.js";
import { drawDot, drawMermaid, type DrawOptions } from "./draw.js";
import { shownParameters } from "./parameters.js";
import { drawSvg } from "./svg.js";
import { differentiate, run, type Replayable } from "./replay.js";
import { short, type Instruction, type Variable, type Write } from "./variable.js";

/** The program of one run, as `trace` records it: listed by `toString()`, drawn by the others, run again by `run`. */
export class Program<Args extends unknown[] = unknown[], Result = unknown> {
  /** @internal Programs are made by `trace`. */
  constructor(
    /** The leaves of the arguments. */
    readonly inputs: readonly Variable[],
    /** In the order of the run: ops, and writes to what lives on after it. */
    readonly instructions: readonly (Instruction | Write)[],
    /** The leaves of the result. */
    readonly outputs: readonly Variable[],
    /** Inputs, constants and what was computed. */
    readonly variables: readonly Variable[],
    private readonly replayable: Replayable,
    /** The function read numbers that depend on its inputs (`item()`, comparisons): for other inputs it may be another program. */
    readonly branched: boolean = false,
  ) {}

  /** The tensors and numbers that the function closed over. */
  get constants(): Variable[] {
    return this.variables.filter((v) => v.kind === "constant");
  }

  /** The parameters that the program reads. */
  get parameters(): Variable[] {
    return this.variables.filter((v) => v.kind === "parameter");
  }

  /** How often each op, update and other write occurs. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { op } of this.instructions) counts[op] = (counts[op] ?? 0) + 1;
    return counts;
  }

  /**
   * Runs the program again, with other arguments of the same shapes and dtypes, and returns what the function would: its ops on them, its
   * updates on the parameters, gradients and optimizers of now (rates, counts and random keys go on as they would), captured tensors
   * as they are now. Plain JavaScript in it does not run again. When something fails, nothing has been written. The results
   * are not recorded for `backward()`; a program without writes can be differentiated and mapped: `grad((x) => program.run(x))`.
   *
   * Throws `ShapeError` and `DTypeError` for other arguments, `TracedValueError` when the function read numbers that may be different
   * now, `DisposedError` when a tensor of the program is gone, `NotDifferentiableError` inside a transform when it writes.
   *
   * @example
   * const w = ad.tensor([1, 2], { requiresGrad: true });
   * const optimizer = new ad.optim.Adam([w]);
   * const step = ad.trace((x: ad.Tensor) => optimizer.minimize(w.mul(x).sum()))([3, 4]);
   * step.run([5, 6]);
   */
  run(...args: ArgumentsOf<Args>): Result {
    return run(this, this.replayable, args) as Result;
  }

  /**
   * The ops behind the outputs, for readers of pure functions.
   * @internal
   */
  evaluations(name: string): Instruction[] {
    const needed = new Set(this.outputs);
    const found: Instruction[] = [];
    for (const instruction of [...this.instructions].reverse()) {
      if (!instruction.outputs.some((v) => needed.has(v))) continue;
      if (instruction.kind === "write")
        throw new ValueError(
          `${name}: the outputs depend on what ${instruction.op} wrote to ${instruction.target}; this is for functions of their arguments`,
          name,
        );
      for (const v of instruction.inputs) needed.add(v);
      found.push(instruction);
    }
    return found.reverse();
  }

  /**
   * One instruction a line: `c: float32[3] = mul a b`, `d: float32[] = sum axis=[0] c`. Derivatives have ops of their own: `mulZeroWins` is a
   * product that is 0 where a factor is 0, even if the other is infinite or NaN, and `matmul zeroWins` a sum of such products; `tanhDerivative`
   * and its like are what their names say.
   */
  toString(): string {
    const type = (v: Variable) => `${v.name}: ${v.dtype}[${v.shape.join(", ")}]`;
    const lines = [`program(${this.inputs.map(type).join(", ")}) {`];
    for (const kind of ["parameter", "state", "key"] as const)
      for (const v of this.variables) if (v.kind === kind) lines.push(`  ${type(v)} = ${kind}`);
    for (const v of this.constants) lines.push(`  ${type(v)} = constant ${short(v)}`);
    for (const instruction of this.instructions) lines.push(`  ${line(instruction)}`);
    lines.push(`  return ${this.outputs.map((v) => v.name).join(", ")}`, "}");
    return lines.join("\n");
  }

  /** Graphviz source. */
  toDot(options?: DrawOptions): string {
    return drawDot(this, this.prepared("toDot", options));
  }

  /** Mermaid source, as GitHub and many editors render it. */
  toMermaid(options?: DrawOptions): string {
    return drawMermaid(this, this.prepared("toMermaid", options));
  }

  /** A standalone SVG picture, laid out in layers from the inputs down. */
  toSvg(options?: DrawOptions): string {
    return drawSvg(this, this.prepared("toSvg", options));
  }

  /** The checked options; gradients are there when they are asked for. */
  private prepared(name: string, options: DrawOptions | undefined): DrawOptions {
    const { values = false, gradients = false } = readOptions<DrawOptions>(name, options, ["values", "gradients"]);
    boolean(name, "values", values);
    if (boolean(name, "gradients", gradients) && this.inputs.some((v) => v.gradient === undefined)) {
      if (this.outputs.length === 0)
        throw new ValueError(`${name}: gradients need an output; the traced function returned no tensor`, name);
      differentiate(this, this.replayable);
    }
    return { values, gradients };
  }
}

/** An instruction as text. */
function line(instruction: Instruction | Write): string {
  const { op, inputs, outputs } = instruction;
  const type = (v: Variable) => `${v.name}: ${v.dtype}[${v.shape.join(", ")}]`;
  const operands = inputs.map((v) => v.name).join(" ");
  if (instruction.kind === "op") {
    const settings = shownParameters(instruction.op, instruction.parameters);
    return `${type(instruction.output)} = ${op}${settings}${operands === "" ? "" : ` ${operands}`}`;
  }
  switch (op) {
    case "assign":
      return `${instruction.target} := ${operands}`;
    case "setGradient":
      return `${instruction.target}.grad := ${operands || "none"}`;
    case "accumulate":
      return `${type(outputs[0]!)} = accumulate ${operands} into ${instruction.target}.grad`;
    default: {
      // What is 0 or false is as if it were not there.
      const options = Object.entries(instruction.options).filter(([, value]) => value !== 0);
      const settings = options.map(([name, value]) => ` ${name}=${value}`).join("");
      return `${outputs.map(type).join(", ")} := ${op}${settings} ${operands}`;
    }
  }
}
