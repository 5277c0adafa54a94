/** Layered drawing (Sugiyama's method, by the dagre library) as a standalone SVG. */
import dagre from "../vendor/dagre.js";
import { fillOf, graphOf, type DrawOptions } from "./draw.js";
import type { Program } from "./program.js";

const [CHARACTER, LINE, PADDING] = [7.3, 16, 9];

export function drawSvg(program: Program, options: DrawOptions): string {
  const { nodes, edges } = graphOf(program, options);
  const layout = new dagre.graphlib.Graph({ multigraph: true });
  layout.setGraph({ rankdir: "TB", nodesep: 24, ranksep: 38, marginx: 16, marginy: 16 });
  layout.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) {
    const width = Math.max(...node.lines.map((line) => line.length)) * CHARACTER + 2 * PADDING;
    layout.setNode(node.id, { width: Math.max(width, 44), height: node.lines.length * LINE + 2 * PADDING });
  }
  edges.forEach(([from, to], i) => layout.setEdge(from, to, {}, String(i)));
  dagre.layout(layout);

  const { width = 0, height = 0 } = layout.graph();
  const escape = (text: string) => text.replace(/[&<>"]/g, (ch) => `&#${ch.charCodeAt(0)};`);
  const n = (value: number) => String(Math.round(value * 10) / 10);
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${n(width)} ${n(height)}" width="${n(width)}" height="${n(height)}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12">`,
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#64748b"/></marker></defs>',
    `<rect width="${n(width)}" height="${n(height)}" fill="#ffffff"/>`,
  ];
  for (const edge of layout.edges()) {
    const { points } = layout.edge(edge);
    const path = points.map((p: { x: number; y: number }, i: number) => `${i === 0 ? "M" : "L"}${n(p.x)} ${n(p.y)}`).join("");
    out.push(`<path d="${path}" fill="none" stroke="#64748b" stroke-width="1.2" marker-end="url(#arrow)"/>`);
  }
  for (const node of nodes) {
    const { x, y, width: w, height: h } = layout.node(node.id);
    out.push(
      `<rect x="${n(x - w / 2)}" y="${n(y - h / 2)}" width="${n(w)}" height="${n(h)}" rx="6" fill="${fillOf(node.kind)}" stroke="#64748b"/>`,
    );
    node.lines.forEach((line, i) => {
      const baseline = y - h / 2 + PADDING + LINE * (i + 0.75);
      const style = i === 0 ? 'fill="#0f172a" font-weight="600"' : 'fill="#475569"';
      out.push(`<text x="${n(x)}" y="${n(baseline)}" text-anchor="middle" ${style}>${escape(line)}</text>`);
    });
  }
  out.push("</svg>");
  return out.join("\n");
}
