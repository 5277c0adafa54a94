// Charts as SVG files by Vega-Lite.
import { writeFileSync } from "node:fs";
import * as vega from "vega";
import { compile } from "vega-lite";

export async function draw(file, { title, x, y, rows, logarithmic = false, bars = false }) {
  const scale = logarithmic ? { type: "log" } : {};
  const spec = {
    title,
    width: 420,
    height: 260,
    background: "white",
    config: { legend: { labelLimit: 400 }, axis: { tickCount: 5, gridColor: "#e5e7eb" } },
    data: { values: rows },
    mark: bars ? { type: "bar", width: 50 } : { type: "line", point: true },
    encoding: {
      x: bars
        ? { field: "x", type: "nominal", title: x || null, sort: null, axis: { labelAngle: 0 } }
        : { field: "x", type: "quantitative", title: x, scale },
      y: { field: "y", type: "quantitative", title: y, scale },
      ...(bars ? {} : { color: { field: "series", type: "nominal", title: null, sort: null } }),
    },
  };
  const view = new vega.View(vega.parse(compile(spec).spec), { renderer: "none" });
  writeFileSync(file, await view.toSVG());
}
