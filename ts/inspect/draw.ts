/** What all drawings share: nodes, edges and their labels; and the two textual graph languages. */
import type { Program } from "./program.js";
import { short, type Variable } from "./variable.js";

/** Options of drawings of a program. */
export interface DrawOptions {
  /** Show the numbers of the traced run. */
  values?: boolean;
  /** Show the gradient of the (summed) first output at every node. */
  gradients?: boolean;
}

export interface GraphNode {
  readonly id: string;
  readonly kind: Variable["kind"] | "output" | "write";
  /** First the title, then what was asked for. */
  readonly lines: readonly string[];
}

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly (readonly [from: string, to: string])[];
}

/** The program as a graph: a node per variable, titled by what made it, and one for each write that makes none. */
export function graphOf(program: Program, options: DrawOptions): Graph {
  const makers = new Map(program.instructions.flatMap(({ op, outputs }) => outputs.map((v) => [v, op])));
  const outputs = new Set(program.outputs);
  const lines = (v: Variable): string[] => {
    const op = makers.get(v);
    const shape = v.shape.length > 0 ? ` [${v.shape.join(", ")}]` : "";
    const title =
      v.kind === "constant"
        ? `${short(v)}${v.value === undefined ? shape : ""}`
        : op === undefined
          ? v.name + shape
          : `${v.name} = ${op}${shape}`;
    const all = [title];
    if (options.values && v.kind !== "constant") all.push(`value ${short(v)}`);
    if (options.gradients && v.gradient !== undefined) all.push(`grad ${short(v, v.gradient)}`);
    return all;
  };
  const used = new Set<Variable>([
    ...program.inputs,
    ...program.outputs,
    ...program.instructions.flatMap((i) => [...i.inputs, ...i.outputs]),
  ]);
  const id = (v: Variable) => `n${v.index}`;
  // Writes that make no variable.
  const silent = program.instructions.flatMap((i) => (i.kind === "write" && i.outputs.length === 0 ? [i] : []));
  return {
    nodes: [
      ...program.variables
        .filter((v) => used.has(v))
        .map((v) => ({ id: id(v), kind: outputs.has(v) && v.kind === "computed" ? ("output" as const) : v.kind, lines: lines(v) })),
      ...silent.map((write, i) => ({ id: `w${i}`, kind: "write" as const, lines: [`${write.op} ${write.target}`] })),
    ],
    edges: [
      ...program.instructions.flatMap((i) => i.outputs.flatMap((output) => i.inputs.map((v) => [id(v), id(output)] as const))),
      ...silent.flatMap((write, i) => write.inputs.map((v) => [id(v), `w${i}`] as const)),
    ],
  };
}

const COLOURS: Record<GraphNode["kind"], string> = {
  input: "#dbeafe",
  parameter: "#fef3c7",
  state: "#fef3c7",
  key: "#ede9fe",
  constant: "#f3f4f6",
  computed: "#ffffff",
  output: "#dcfce7",
  write: "#fee2e2",
};
export const fillOf = (kind: GraphNode["kind"]): string => COLOURS[kind];

export function drawDot(program: Program, options: DrawOptions): string {
  const { nodes, edges } = graphOf(program, options);
  const quote = (text: string) => `"${text.replace(/[\\"]/g, "\\$&")}"`;
  return [
    "digraph program {",
    '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11];',
    ...nodes.map((n) => `  ${n.id} [label=${quote(n.lines.join("\n")).replace(/\n/g, "\\n")}, fillcolor=${quote(fillOf(n.kind))}];`),
    ...edges.map(([from, to]) => `  ${from} -> ${to};`),
    "}",
  ].join("\n");
}

export function drawMermaid(program: Program, options: DrawOptions): string {
  const { nodes, edges } = graphOf(program, options);
  // Mermaid reads #code; entities inside quoted labels.
  const escape = (text: string) => text.replace(/[#"<>&]/g, (ch) => `#${ch.charCodeAt(0)};`);
  return [
    "flowchart TD",
    ...nodes.map((n) => `  ${n.id}["${n.lines.map(escape).join("<br/>")}"]:::${n.kind}`),
    ...edges.map(([from, to]) => `  ${from} --> ${to}`),
    ...Object.entries(COLOURS).map(([kind, colour]) => `  classDef ${kind} fill:${colour},stroke:#64748b,color:#0f172a`),
  ].join("\n");
}
