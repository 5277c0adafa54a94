/** Browsers, workers, Deno, edge: `await init()` once. No top-level await, which some bundlers cannot emit. */
import { NotInitializedError } from "../errors.js";
import { hasSimd, variantFor } from "./features.js";
import { isAttached } from "./instance.js";
import { startAsync } from "./start.js";

export type Source = BufferSource | WebAssembly.Module | URL | string | Response | Promise<Response>;

let starting: Promise<void> | undefined;

/**
 * Loads the engine; idempotent. Without an argument it fetches the `.wasm` file beside the script. For hosts where that is
 * lost, pass the bytes, a compiled module, a URL or a response, or import "adjoint/inline".
 */
export function init(source?: Source): Promise<void> {
  if (isAttached() && source === undefined) return Promise.resolve();
  starting ??= begin(source).catch((error: unknown) => {
    starting = undefined;
    throw error;
  });
  return starting;
}

async function begin(source: Source | undefined): Promise<void> {
  if (!hasSimd()) throw new NotInitializedError("this browser has no WebAssembly SIMD; Chrome 91, Firefox 89, Safari 16.4 and later have it", "init");
  await startAsync(await moduleOf(source ?? assetUrl()));
}

/** Literal URLs: the form in which bundlers find and copy the files. */
function assetUrl(): URL {
  return variantFor() === "relaxed-simd" ? new URL("./adjoint-relaxed.wasm", import.meta.url) : new URL("./adjoint.wasm", import.meta.url);
}

async function moduleOf(source: Source): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return WebAssembly.compile(source as BufferSource);
  const response = await (typeof source === "string" || source instanceof URL ? fetch(source) : source);
  if (!response.ok) {
    throw new NotInitializedError(`${response.url || "the .wasm file"} could not be fetched (HTTP ${response.status}); serve the file from there, pass init() a URL or the bytes, or import "adjoint/inline"`, "init");
  }
  // Streaming wants the MIME type application/wasm, which small servers get wrong.
  if (response.headers.get("content-type")?.startsWith("application/wasm")) return WebAssembly.compileStreaming(response);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length < 8 || bytes[0] !== 0 || bytes[1] !== 97 || bytes[2] !== 115 || bytes[3] !== 109) {
    throw new NotInitializedError(`${response.url || "the response"} is not a WebAssembly file (a server's fallback page?); serve adjoint.wasm from there, or import "adjoint/inline"`, "init");
  }
  return WebAssembly.compile(bytes);
}
