/** The examples: what they compute, and how they refuse. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const folder = mkdtempSync(path.join(os.tmpdir(), "adjoint-idx-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const load = async (file: string): Promise<any> => import(path.resolve("examples", file));

describe("the lecture", () => {
  it("has the lecture's numbers", async () => {
    const { reverseMode, forwardMode, second } = await load("worked/lecture.mjs");
    const { rows, gradient } = reverseMode();
    const column = (key: string) => Object.fromEntries(rows.map((r: any) => [r.node, r[key]]));
    expect(column("value")).toEqual({ a: 11, d: 25, b: 11, e: 125, c: 121, L: 246 });
    expect(column("adjoint")).toEqual({ a: 22, d: 5, b: 22, e: 1, c: 1, L: 1 });
    expect(gradient).toEqual([52, 84]);
    const tangents = forwardMode().map((table: any[]) => Object.fromEntries(table.map((r) => [r.node, r.tangent])));
    expect(tangents).toEqual([
      { a: 1, d: 6, b: 1, e: 30, c: 22, L: 52 },
      { a: 2, d: 8, b: 2, e: 40, c: 44, L: 84 },
    ]);
    expect(second()).toEqual({ backward: [10, 7, 2], dual: [10, 7, 2] });
  });
});

const idx = (type: number, shape: number[], data: number[]) => {
  const bytes = Buffer.alloc(4 + 4 * shape.length + data.length);
  bytes.set([0, 0, type, shape.length]);
  shape.forEach((d, i) => bytes.writeUInt32BE(d, 4 + 4 * i));
  bytes.set(data, 4 + 4 * shape.length);
  return bytes;
};

describe("MNIST files", () => {
  it("are read, plain and packed", async () => {
    const { parseIdx } = await load("mnist/idx.mjs");
    const bytes = idx(8, [2, 2], [1, 2, 3, 4]);
    for (const file of [bytes, gzipSync(bytes)]) {
      const { shape, data } = parseIdx(file);
      expect([shape, [...data]]).toEqual([
        [2, 2],
        [1, 2, 3, 4],
      ]);
    }
  });

  it("are refused with the reason", async () => {
    const { parseIdx, readIdx, readExamples, IdxError } = await load("mnist/idx.mjs");
    const bad: [Buffer, RegExp][] = [
      [Buffer.from([0, 0]), /too few/],
      [Buffer.from("hello world"), /not an IDX file/],
      [idx(0x0d, [1], [1]), /type 0xd/],
      [idx(8, [3], [1, 2]), /truncated/],
      [idx(8, [1], [1, 2]), /longer/],
      [Buffer.from([0, 0, 8, 3, 0]), /before their sizes/],
      [Buffer.from([0x1f, 0x8b, 8, 0, 0]), /gzip/],
    ];
    for (const [bytes, reason] of bad) {
      expect(() => parseIdx(bytes, "x")).toThrow(IdxError);
      expect(() => parseIdx(bytes, "x")).toThrow(reason);
    }
    expect(() => readIdx(path.join(folder, "nowhere"))).toThrow(/missing/);
    writeFileSync(path.join(folder, "i"), idx(8, [2, 28, 28], new Array<number>(2 * 784).fill(0)));
    writeFileSync(path.join(folder, "l"), idx(8, [3], [1, 2, 3]));
    expect(() => readExamples(folder, "i", "l")).toThrow(/3 labels for 2 images/);
  });

  it("teach a network, in small", async () => {
    const { train } = await load("mnist/main.mjs");
    const output = path.join(folder, "out");
    const { accuracy, losses } = train({ epochs: 3, seed: 3, limit: 2000, output, report: { show() {} } });
    expect(accuracy).toBeGreaterThan(0.8);
    expect(losses.at(-1)).toBeLessThan(losses[0] / 3);
    const svg = readFileSync(path.join(output, "mnist.svg"), "utf8");
    expect(svg).toMatch(/^<svg[\s\S]*Loss, log scale[\s\S]*<\/svg>\n$/);
    expect([...svg.matchAll(/<g fill="#0f172a"/g)].length).toBe(24);
  });
});

describe("derivatives compared", () => {
  it("every method has its digits", async () => {
    const { compare } = await load("comparison/main.mjs");
    const error = Object.fromEntries(compare().map((r: any) => [r.method, r.error]));
    for (const exact of ["reverse mode", "forward mode", "symbolic"]) expect(error[exact]).toBeLessThan(1e-14);
    expect(error["forward differences"]).toBeLessThan(1e-6);
    expect(error["central differences"]).toBeLessThan(1e-9);
    expect(error["Richardson extrapolation"]).toBeLessThan(1e-11);
  });

  it("mixed mode beats both plain modes, in both shapes", async () => {
    const { encoderDecoder } = await load("mixed-mode/main.mjs");
    const [wide, narrow] = [encoderDecoder(4, 100), encoderDecoder(100, 4)];
    expect(wide.modes).toEqual(["forward", "forward"].slice(0, 1).concat(wide.modes[1]));
    expect(narrow.modes).toEqual(["reverse", "forward"]);
    for (const plan of [wide, narrow]) {
      expect(plan.difference).toBeLessThan(1e-13);
      expect(plan.cost).toBeLessThanOrEqual(Math.min(plan.forwardCost, plan.reverseCost));
    }
    expect(encoderDecoder(4, 100, ["forward", "reverse"]).difference).toBeLessThan(1e-13);
  });

  it("fixed points by the implicit function rule", async () => {
    const { squareRoot, kepler } = await load("implicit/fixed-point.mjs");
    const [root, slope] = squareRoot(7);
    expect(root).toBeCloseTo(Math.sqrt(7), 12);
    expect(slope).toBeCloseTo(0.5 / Math.sqrt(7), 12);
    const [E, dE] = kepler(1, 0.3);
    expect(E).toBeCloseTo(1 + 0.3 * Math.sin(E), 12);
    expect(dE).toBeCloseTo(1 / (1 - 0.3 * Math.cos(E)), 11);
  });
});

describe("a fit", () => {
  it("has NIST's parameters, and a band around its curve", async () => {
    const { fitCurve, DAYS, DEMAND } = await load("fit/main.mjs");
    const { drawFit } = await load("fit/picture.mjs");
    const { parameters, errors, converged, curve } = fitCurve();
    expect(converged).toBe(true);
    expect(parameters.b1).toBeCloseTo(2.1380940889e2, 5);
    expect(parameters.b2).toBeCloseTo(5.4723748542e-1, 8);
    expect(errors.b1).toBeCloseTo(1.2354515176e1, 5);
    expect(errors.b2).toBeCloseTo(1.0455993237e-1, 7);
    // At 0 the curve is known.
    expect([curve.low[0], curve.high[0]]).toEqual([0, 0]);
    for (const i of [1, 30, 59]) {
      expect(curve.low[i]).toBeLessThan(curve.y[i]);
      expect(curve.high[i] - curve.y[i]).toBeCloseTo(curve.y[i] - curve.low[i], 9);
    }
    const svg = drawFit({ curve, data: { x: DAYS, y: DEMAND }, title: "a fit" });
    expect(svg).toMatch(/^<svg[\s\S]*a fit[\s\S]*<\/svg>\n$/);
    expect(svg).not.toMatch(/NaN|undefined/);
    expect([...svg.matchAll(/<circle/g)].length).toBe(6);
  });
});
