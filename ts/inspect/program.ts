/**
 * The flat program of one run of a function: every primitive that was evaluated below all transforms, in order. What
 * `trace(f)(...args)` returns; drawn, listed, replayed, read symbolically and searched for sparsity from here.
 */
import { boolean } from "../arguments.js";
import { ValueError } from "../errors.js";
import { readOptions } from "../options.js";
import { drawDot, drawMermaid, type DrawOptions } from "./draw.js";
import { drawSvg } from "./svg.js";
import { short, type Instruction, type Variable } from "./variable.js";

/** The program of one run, as `trace` records it: listed by `toString()`, drawn by the others. */
export class Program {
  constructor(
    /** The leaves of the arguments. */
    readonly inputs: readonly Variable[],
    /** What was computed, in order. */
    readonly instructions: readonly Instruction[],
    /** The leaves of the result. */
    readonly outputs: readonly Variable[],
    /** Inputs, constants and what was computed. */
    readonly variables: readonly Variable[],
    /** Fills in `gradient` of every variable; set by `trace`, which knows how to replay. */
    private readonly differentiate: (program: Program) => void,
    /** The function read numbers that depend on its inputs (`item()`, comparisons): for other inputs it may be another program. */
    readonly branched: boolean = false,
  ) {}

  /** The tensors and numbers that the function closed over. */
  get constants(): Variable[] {
    return this.variables.filter((v) => v.kind === "constant");
  }

  /** How often each op occurs. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { op } of this.instructions) counts[op] = (counts[op] ?? 0) + 1;
    return counts;
  }

  /** One instruction a line: `c: float32[3] = mul a b`. */
  toString(): string {
    const type = (v: Variable) => `${v.name}: ${v.dtype}[${v.shape.join(", ")}]`;
    const lines = [`program(${this.inputs.map(type).join(", ")}) {`];
    for (const v of this.constants) lines.push(`  ${type(v)} = constant ${short(v)}`);
    for (const { op, inputs, parameters, output } of this.instructions) {
      const settings = parameters.length > 0 ? ` [${parameters.join(", ")}]` : "";
      lines.push(`  ${type(output)} = ${op}${settings} ${inputs.map((v) => v.name).join(" ")}`);
    }
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
      this.differentiate(this);
    }
    return { values, gradients };
  }
}
