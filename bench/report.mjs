// node bench/report.mjs: the tables of README.md and its plot, from the stored results in bench/results (written by run.mjs --json).
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { NAMES } from "./competitors/adjoint.mjs";
import { duration, isOurs } from "./harness.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, "..");
const read = (name) => JSON.parse(readFileSync(path.join(here, "results", `${name}.json`), "utf8"));
const OTHERS = ["by hand", "typed-array autodiff", "tfjs wasm", "tfjs cpu", "jax-js wasm, jit"];

const factor = (ratio) => `${ratio < 10 ? ratio.toPrecision(2) : Math.round(ratio)}×`;
const named = (rows, name) => rows.find((row) => row.name === name);
const best = (rows, which) => rows.filter((row) => row.ms && which(row.name)).sort((a, b) => a.ms - b.ms)[0];

/** Rows of { name, cells }: ours first, then the others as times ours, then the limit. */
function markdown({ results }) {
  const lines = [
    `| | compiled | as written | ${OTHERS.join(" | ")} | best other | limit |`,
    `|---|---|---|${OTHERS.map(() => "---|").join("")}---|---|`,
  ];
  for (const [name, { rows, limit }] of Object.entries(results)) {
    const ours = best(rows, isOurs);
    if (!ours) continue;
    const mine = (label) => {
      const row = named(rows, label);
      if (!row) return "–";
      if (row.failed) return "fails";
      return row === ours ? `**${duration(row.ms)}**` : duration(row.ms);
    };
    const theirs = OTHERS.map((label) => {
      const row = named(rows, label);
      if (!row) return "–";
      if (row.failed) return /differs/.test(row.failed) ? "wrong" : "fails";
      return factor(row.ms / ours.ms);
    });
    const other = best(rows, (label) => !isOurs(label));
    const far = limit > 0 ? `${duration(limit)} (${factor(ours.ms / limit)})` : "–";
    lines.push(
      `| ${name} | ${mine(NAMES.compiled)} | ${mine(NAMES.eager)} | ${theirs.join(" | ")} | ${other ? factor(other.ms / ours.ms) : "–"} | ${far} |`,
    );
  }
  return lines.join("\n");
}

const escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

/** Time over the faster of ours, a row a workload, on a logarithmic axis. Colours follow the reader's scheme. */
function plot({ results, machine }) {
  const shown = Object.entries(results).filter(([, { rows }]) => best(rows, isOurs) && best(rows, (name) => !isOurs(name)));
  const series = [NAMES.compiled, NAMES.eager, ...OTHERS];
  const shades = ["#2563eb", "#60a5fa", "#d97706", "#a855f7", "#059669", "#6b7280", "#dc2626"];
  const [left, width, top, height] = [390, 480, 64, 20];
  const [low, high] = [-2, 3];
  const x = (ratio) => left + ((Math.min(high, Math.max(low, Math.log10(ratio))) - low) / (high - low)) * width;
  const bottom = top + shown.length * height;
  const parts = [];
  for (let power = low; power <= high; power++) {
    const at = x(10 ** power);
    parts.push(`<line class="${power === 0 ? "one" : "grid"}" x1="${at}" x2="${at}" y1="${top - 6}" y2="${bottom}"/>`);
    parts.push(`<text class="dim" x="${at}" y="${bottom + 16}" text-anchor="middle">${10 ** power}×</text>`);
  }
  shown.forEach(([name, { rows, limit }], i) => {
    const y = top + (i + 0.5) * height;
    const ours = best(rows, isOurs).ms;
    parts.push(`<text x="${left - 12}" y="${y + 4}" text-anchor="end">${escape(name)}</text>`);
    if (limit > 0) parts.push(`<path class="limit" d="M${x(limit / ours)} ${y - 6}v12"/>`);
    for (const row of rows) {
      const k = series.indexOf(row.name);
      if (row.ms && k >= 0) parts.push(`<circle cx="${x(row.ms / ours).toFixed(1)}" cy="${y}" r="4.5" fill="${shades[k]}"/>`);
    }
  });
  let at = 12;
  const legend = [
    ...series.map((label, k) => [label, `<circle cx="6" cy="-4" r="4.5" fill="${shades[k]}"/>`]),
    ["limit", '<path class="limit" d="M6 -10v12"/>'],
  ].map(([label, mark]) => {
    const item = `<g transform="translate(${at},42)">${mark}<text x="16">${label}</text></g>`;
    at += 36 + label.length * 6.2;
    return item;
  });
  const style = `text{font:12px system-ui,sans-serif;fill:#1f2937}.dim{fill:#6b7280}.grid{stroke:#9ca3af;stroke-opacity:.35}.one{stroke:#2563eb;stroke-opacity:.7}.limit{stroke:#111827;stroke-width:2;fill:none}
@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.dim{fill:#9ca3af}.limit{stroke:#f9fafb}}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 ${bottom + 28}" role="img" aria-label="Time over the faster of ours, by workload">
<style>${style}</style>
<text x="12" y="20" font-weight="bold">Time over the faster of ours (left of 1 is faster than adjoint). ${escape(machine)}</text>
${[...legend, ...parts].join("\n")}
</svg>
`;
}

const [old, recent] = [read("node-20"), read("node-24")];
mkdirSync(path.join(root, "docs", "bench"), { recursive: true });
writeFileSync(path.join(root, "docs", "bench", "node-20.svg"), plot(old));
writeFileSync(path.join(root, "docs", "bench", "node-24.svg"), plot(recent));
const rate = ({ machine, rates }) =>
  `${machine}; at most ${(rates.flops / 1e6).toFixed(0)} GFLOP/s and ${(rates.bytes / 1e6).toFixed(0)} GB/s in WebAssembly, measured in the run.`;
const readme = path.join(root, "README.md");
const [begin, end] = ["<!-- measured: begin -->", "<!-- measured: end -->"];
const text = readFileSync(readme, "utf8");
const [from, to] = [text.indexOf(begin), text.indexOf(end)];
if (from < 0 || to < from) throw new Error(`README.md needs the lines ${begin} and ${end}`);
const block = [begin, rate(old), "", markdown(old), "", rate(recent), "", markdown(recent), ""].join("\n");
writeFileSync(readme, text.slice(0, from) + block + text.slice(to));
