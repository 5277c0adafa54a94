/** Traces and their drawings. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[]) => ad.tensor(value, { dtype: "float64" });
const loss = (w: Tensor) => {
  const x = f64([1, 2]);
  return w.dot(x).square().add(w.dot(w).mul(5));
};

it("records what was computed, with all transforms unrolled", () => {
  clean(() => {
    const program = ad.trace(loss)(f64([3, 4]));
    expect(program.inputs.map((v) => [v.name, v.shape])).toEqual([["x", [2]]]);
    expect(program.outputs[0]!.value).toEqual([246]);
    expect(program.counts()).toMatchObject({ square: 1, add: 1, mul: 3, sum: 2 });
    const gradient = ad.trace(ad.grad(loss))(f64([3, 4]));
    expect(gradient.outputs[0]!.value).toEqual([52, 84]);
    expect(gradient.instructions.length).toBeGreaterThan(program.instructions.length);
    expect(program.toString()).toMatch(/^program\(x: float64\[2\]\) \{\n[\s\S]*= square [\s\S]*return t\d+\n\}$/);
    // Nothing that the output does not need.
    expect(
      ad
        .trace((x: Tensor) => {
          x.exp();
          return x.sin();
        })(f64(1))
        .counts(),
    ).toEqual({ sin: 1 });
  });
});

it("draws values and gradients in three languages", () => {
  clean(() => {
    const program = ad.trace(loss)(f64([3, 4]));
    const svg = program.toSvg({ values: true, gradients: true });
    expect(svg).toMatch(/^<svg[\s\S]*<\/svg>$/);
    for (const text of ["value 246", "grad 1", "grad [52, 84]", "value 11", "grad 22"]) expect(svg).toContain(text);
    const dot = program.toDot({ values: true });
    expect(dot).toMatch(/^digraph program \{[\s\S]*n0 -> n\d+;[\s\S]*\}$/);
    expect(dot).toContain("value 246");
    expect(dot).not.toContain("grad");
    const mermaid = program.toMermaid({ gradients: true });
    expect(mermaid).toMatch(/^flowchart TD\n/);
    expect(mermaid).toContain("n0 --> ");
    expect(mermaid.replaceAll("<br/>", "")).not.toMatch(/\["[^"]*[<>&]/);
  });
});

it("boxes of a graph of fifty nodes do not overlap", () => {
  clean(() => {
    const program = ad.trace((x: Tensor) => {
      let y = x;
      for (let i = 0; i < 12; i++) y = y.sin().mul(x).add(y.tanh());
      return y.sum();
    })(f64([1, 2]));
    expect(program.instructions.length).toBeGreaterThan(45);
    const svg = program.toSvg({ values: true, gradients: true });
    const boxes = [...svg.matchAll(/<rect x="([-\d.]+)" y="([-\d.]+)" width="([-\d.]+)" height="([-\d.]+)" rx/g)].map((m) =>
      m.slice(1).map(Number),
    );
    expect(boxes.length).toBe(program.instructions.length + 1);
    boxes.forEach(([x, y, w, h], i) =>
      boxes.slice(i + 1).forEach(([a, b, c, d]) => {
        const apart = x! + w! <= a! || a! + c! <= x! || y! + h! <= b! || b! + d! <= y!;
        expect(apart).toBe(true);
      }),
    );
  });
});

it("refuses to trace inside a trace", () => {
  expect(() =>
    ad.scope(() =>
      ad.trace((x: Tensor) => {
        ad.trace((y: Tensor) => y)(x);
        return x;
      })(f64(1)),
    ),
  ).toThrow(ad.ValueError);
  clean(() => expect(ad.trace((x: Tensor) => x.neg())(f64(1)).instructions.length).toBe(1));
});
