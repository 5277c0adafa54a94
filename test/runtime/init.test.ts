/** Loading: what `init` takes, what it refuses, and that every refusal says how to mend it. The build for browsers runs in Node as well. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { pathToFileURL } from "node:url";
import * as ad from "adjoint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

type Loadable = typeof ad & { init: (source?: unknown) => Promise<void> };

const wasm = readFileSync("dist/adjoint.wasm");
let copies = 0;
/** A copy of the library without an engine. */
const fresh = async (): Promise<Loadable> =>
  (await import(`${pathToFileURL(path.resolve("dist/browser.js")).href}?copy=${copies++}`)) as Loadable;

const EMPTY = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
const PAGES: Record<string, [status: number, type: string, body: Uint8Array | string]> = {
  "/adjoint.wasm": [200, "application/wasm", wasm],
  "/untyped.wasm": [200, "application/octet-stream", wasm],
  "/fallback.wasm": [200, "text/html", "<!doctype html><title>app</title>"],
  "/lying.wasm": [200, "application/wasm", "<!doctype html><title>app</title>"],
  "/short.wasm": [200, "application/octet-stream", wasm.subarray(0, 1000)],
};
let server: Server;
let base = "";
beforeAll(async () => {
  server = createServer((request, response) => {
    const [status, type, body] = PAGES[request.url ?? ""] ?? [404, "text/plain", "not here"];
    response.writeHead(status, { "content-type": type }).end(body);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

describe("init takes", () => {
  it.each<[string, () => unknown]>([
    ["bytes", () => wasm],
    ["an ArrayBuffer", () => Uint8Array.from(wasm).buffer],
    ["a module", () => new WebAssembly.Module(wasm)],
    ["an address", () => `${base}/adjoint.wasm`],
    ["a URL", () => new URL(`${base}/untyped.wasm`)],
    ["a response", () => fetch(`${base}/adjoint.wasm`)],
  ])("%s", async (_, source) => {
    const copy = await fresh();
    expect(() => copy.ones([2])).toThrow(/await init\(\)/);
    await copy.init(source());
    expect(copy.ones([2]).sum().item()).toBe(2);
    // Once it is there, nothing changes it.
    const kept = copy.tensor([1, 2, 3]);
    await copy.init(wasm);
    await copy.init();
    await copy.init(`${base}/nothing.wasm`);
    for (const garbage of [EMPTY, null, 5, {}, wasm.subarray(0, 1000), new WebAssembly.Module(EMPTY)])
      await expect(copy.init(garbage)).rejects.toThrow(copy.NotInitializedError);
    expect(kept.toArray()).toEqual([1, 2, 3]);
  });
});

describe("init refuses, and can be tried again:", () => {
  it.each<[string, () => unknown, RegExp]>([
    ["a module of somebody else's", () => EMPTY, /not adjoint's/],
    ["a file that is not there", () => `${base}/nothing.wasm`, /HTTP 404.*adjoint\/inline/],
    ["a server's fallback page", () => `${base}/fallback.wasm`, /not a WebAssembly file/],
    ["the same with the right type", () => `${base}/lying.wasm`, /could not be compiled/],
    ["a file cut short", () => `${base}/short.wasm`, /cut short/],
    ["bytes cut short", () => wasm.subarray(0, 1000), /cut short/],
    ["no bytes", () => new Uint8Array(0), /is empty/],
    ["a server that does not answer", () => "http://127.0.0.1:9/adjoint.wasm", /could not be fetched/],
    ["no address", () => "http://", /could not be fetched/],
    ["a number", () => 5, /expected the bytes.*got 5/],
    ["null", () => null, /got null/],
    ["an object", () => ({}), /got an object/],
  ])("%s", async (_, source, message) => {
    const copy = await fresh();
    const error = await copy.init(source()).then(
      () => undefined,
      (e: unknown) => e as InstanceType<typeof ad.NotInitializedError>,
    );
    expect(error).toBeInstanceOf(copy.NotInitializedError);
    expect(error!.message).toMatch(message);
    expect(error!.code).toBe("NOT_INITIALIZED");
    expect(() => copy.ones([2])).toThrow(copy.NotInitializedError);
    await copy.init(wasm);
    expect(copy.ones([2]).sum().item()).toBe(2);
  });

  it("a file of another version", async () => {
    // (module (memory (export "memory") 1) (func (export "abi") (result i32) i32.const 1) (func (export "op1")))
    const other = Uint8Array.of(
      0,
      97,
      115,
      109,
      1,
      0,
      0,
      0,
      1,
      8,
      2,
      96,
      0,
      1,
      127,
      96,
      0,
      0,
      3,
      3,
      2,
      0,
      1,
      5,
      3,
      1,
      0,
      1,
      7,
      22,
      3,
      6,
      109,
      101,
      109,
      111,
      114,
      121,
      2,
      0,
      3,
      97,
      98,
      105,
      0,
      0,
      3,
      111,
      112,
      49,
      0,
      1,
      10,
      9,
      2,
      4,
      0,
      65,
      1,
      11,
      2,
      0,
      11,
    );
    const copy = await fresh();
    await expect(copy.init(other)).rejects.toThrow(/another version/);
  });
});

describe("in Node", () => {
  it("init changes nothing: the engine is there", async () => {
    const x = ad.tensor([1, 2, 3]);
    await (ad as Loadable).init(wasm);
    for (const garbage of [EMPTY, null, 5, {}]) await expect((ad as Loadable).init(garbage)).rejects.toThrow(ad.NotInitializedError);
    const y = ad.tensor([9, 9, 9, 9]);
    expect(x.toArray()).toEqual([1, 2, 3]);
    x.dispose();
    expect(y.toArray()).toEqual([9, 9, 9, 9]);
    y.dispose();
  });
});

describe("the build that runs", () => {
  it("is the one asked for, and the same for a copy that is given the file", async () => {
    expect(ad.variant()).toBe(process.env.ADJOINT_VARIANT ?? ad.variant());
    const copy = await fresh();
    expect(() => copy.variant()).toThrow(copy.NotInitializedError);
    await copy.init(wasm);
    expect(copy.variant()).toBe("simd128");
  });
});

describe("messages", () => {
  it("are readable where there is no TextDecoder", async () => {
    const decoder = globalThis.TextDecoder;
    try {
      (globalThis as { TextDecoder?: unknown }).TextDecoder = undefined;
      const copy = await fresh();
      await copy.init(wasm);
      expect(() => copy.ones([2]).add(copy.ones([3]))).toThrow(/\[2\] and \[3\]/);
      expect(() => copy.testing.trap()).toThrow(/a panic on request/);
    } finally {
      globalThis.TextDecoder = decoder;
    }
  });
});
