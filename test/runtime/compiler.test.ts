/** The half of the engine that compile needs: when it is loaded, and what happens where it is not there. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type * as ad from "adjoint";
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from "vitest";

type Loadable = Omit<typeof ad, "init"> & { init: (source?: unknown, options?: unknown) => Promise<void> };

const core = readFileSync("dist/adjoint.wasm");
const compiler = readFileSync("dist/adjoint-compiler.wasm");
let copies = 0;
/** A copy of the library for browsers, without an engine. */
const fresh = async (): Promise<Loadable> =>
  (await import(`${pathToFileURL(path.resolve("dist/browser.js")).href}?half=${copies++}`)) as Loadable;

let warn: MockInstance<typeof console.warn>;
beforeEach(() => {
  warn = vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterEach(() => warn.mockRestore());

describe("with the second half at hand", () => {
  it("a function runs as it is until that is loaded, then as a program", async () => {
    const copy = await fresh();
    await copy.init(core, { compiler });
    const square = copy.compile((x: ad.Tensor) => x.square().sum());
    expect(square([1, 2]).item()).toBe(5);
    expect(() => square.program([1, 2])).toThrow(/await compiled\.ready/);
    expect(square.stats()).toMatchObject({ recordings: 0, eager: 1 });
    await square.ready;
    expect([square([1, 2]).item(), square([3, 4]).item()]).toEqual([5, 25]);
    expect(square.stats()).toMatchObject({ recordings: 1, replays: 1, eager: 1 });
    expect(square.program([1, 2]).stages.length).toBeGreaterThan(3);
    expect(warn).not.toHaveBeenCalled();
  });

  it("a fresh engine gets it too", async () => {
    const copy = await fresh();
    await copy.init(core, { compiler: new WebAssembly.Module(compiler) });
    const square = copy.compile((x: ad.Tensor) => x.square().sum());
    await square.ready;
    square([1, 2]);
    copy.reset();
    expect([square([1, 2]).item(), square([3, 4]).item()]).toEqual([5, 25]);
    expect(square.stats().replays).toBe(1);
  });
});

describe("without it", () => {
  it.each<[string, () => unknown, RegExp]>([
    ["nowhere", () => undefined, /copy adjoint-compiler\.wasm/],
    ["another module", () => core, /not adjoint-compiler\.wasm/],
    ["another build's", () => readFileSync("dist/adjoint-compiler-relaxed.wasm"), /not of one build|could not be compiled/],
    ["cut short", () => compiler.subarray(0, 1000), /could not be compiled/],
    ["a number", () => 5, /expected the bytes/],
  ])("(%s) functions run as they are written, and it is said once", async (_, source, message) => {
    const copy = await fresh();
    const given = source();
    await copy.init(core, given === undefined ? undefined : { compiler: given });
    const square = copy.compile((x: ad.Tensor) => x.square().sum());
    const error = await square.ready.catch((e: unknown) => e);
    expect(error).toBeInstanceOf(copy.NotInitializedError);
    expect((error as Error).message).toMatch(message);
    for (let i = 0; i < 3; i++) expect(square([1, 2]).item()).toBe(5);
    expect(square.stats()).toMatchObject({ recordings: 0, eager: 3 });
    expect(warn).toHaveBeenCalledTimes(1);
    const x = copy.tensor([3], { requiresGrad: true });
    square(x).backward();
    expect(x.grad!.toArray()).toEqual([6]);
  });

  it("what init is given is read by name, and there is nothing to wait for before it", async () => {
    const copy = await fresh();
    const square = copy.compile((x: ad.Tensor) => x.square().sum());
    await expect(square.ready).rejects.toThrow(copy.NotInitializedError);
    expect(() => square.program([1])).toThrow(copy.NotInitializedError);
    expect(() => copy.init(core, { compile: compiler })).toThrow(/compiler/);
    await copy.init(core, { compiler });
    await square.ready;
    square([1, 2]);
    expect(square([1, 2]).item()).toBe(5);
    expect(square.stats().replays).toBe(1);
  });
});
