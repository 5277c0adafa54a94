/** What `init` is given, in every host: from there to a compiled module. Whatever goes wrong is a `NotInitializedError` that says how to mend it. */
import { describe } from "../input/describe.js";
import { NotInitializedError } from "../errors.js";
import { readOptions } from "../input/options.js";

/** The `.wasm` file: its bytes, compiled, its address (in Node also its path), or a response that brings it. */
export type Source = BufferSource | WebAssembly.Module | URL | string | Response | Promise<Response>;

/** Options of `init`. */
export interface InitOptions {
  /** `adjoint-compiler.wasm`, or `adjoint-compiler-relaxed.wasm` with adjoint-relaxed.wasm: what `compile` needs, where it is not beside the script. */
  compiler?: Source;
}

/** The option, read. */
export const compilerOf = (options: InitOptions | undefined): Source | undefined =>
  readOptions<InitOptions>("init", options, ["compiler"]).compiler;

const WAYS_OUT = 'pass init() the bytes, a compiled module or another URL, or import "adjoint/inline"';

export function refusal(message: string, cause?: unknown): NotInitializedError {
  const error = new NotInitializedError(`init: ${message}`, "init");
  return cause === undefined ? error : Object.assign(error, { cause });
}

/** `[object WebAssembly.Module]`: told by name, so that one of another realm is taken too. */
const tag = (value: unknown) => Object.prototype.toString.call(value).slice(8, -1);

/** The compiled module. `readFile` reads a path or a `file:` URL where the host has files. */
export async function moduleOf(source: Source, readFile?: (path: string | URL) => Uint8Array): Promise<WebAssembly.Module> {
  const given = await source;
  if (tag(given) === "WebAssembly.Module") return given as WebAssembly.Module;
  if (ArrayBuffer.isView(given) || tag(given) === "ArrayBuffer" || tag(given) === "SharedArrayBuffer")
    return compiled(given as BufferSource, "the bytes");
  if (typeof given === "string" || tag(given) === "URL") {
    const address = given as string | URL;
    const remote = /^(https?|data|blob):/i.test(String(address));
    if (readFile !== undefined && !remote) return compiled(readFile(address) as BufferSource, String(address));
    return fetched(await requested(address), String(address));
  }
  if (tag(given) === "Response") return fetched(given as Response, (given as Response).url || "the response");
  throw refusal(`expected the bytes of adjoint.wasm, a WebAssembly.Module, a URL or a Response, got ${describe(given)}`);
}

/** What `init` is given when the engine is there: nothing is loaded, but it must be what could be. Addresses are not asked. */
export async function checkSource(source: Source | undefined, checkModule: (module: WebAssembly.Module) => void): Promise<void> {
  const given = await source;
  if (given === undefined || typeof given === "string" || tag(given) === "URL" || tag(given) === "Response") return;
  checkModule(await moduleOf(given));
}

async function requested(address: string | URL): Promise<Response> {
  try {
    return await fetch(address);
  } catch (error) {
    throw refusal(
      `${String(address)} could not be fetched (${messageOf(error)}): no connection, not an address, another origin without CORS headers, or a Content-Security-Policy whose connect-src does not allow it; ${WAYS_OUT}`,
      error,
    );
  }
}

async function fetched(response: Response, address: string): Promise<WebAssembly.Module> {
  if (!response.ok) throw refusal(`${address} could not be fetched (HTTP ${response.status}); serve the file from there, or ${WAYS_OUT}`);
  // Streaming wants the MIME type application/wasm, which small servers get wrong.
  if (response.headers.get("content-type")?.startsWith("application/wasm")) {
    try {
      return await WebAssembly.compileStreaming(response);
    } catch (error) {
      throw notCompiled(error, address);
    }
  }
  let bytes: ArrayBuffer;
  try {
    bytes = await response.arrayBuffer();
  } catch (error) {
    throw refusal(`${address} could not be read to its end (${messageOf(error)}); try again, or ${WAYS_OUT}`, error);
  }
  return compiled(bytes, address);
}

const MAGIC = [0, 0x61, 0x73, 0x6d];

async function compiled(bytes: BufferSource, what: string): Promise<WebAssembly.Module> {
  const start = ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes);
  if (start.length < 8 || MAGIC.some((byte, i) => start[i] !== byte)) {
    throw refusal(
      `${what} ${start.length === 0 ? "is empty" : "is not a WebAssembly file (a server's fallback page?)"}; serve adjoint.wasm there, or ${WAYS_OUT}`,
    );
  }
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw notCompiled(error, what);
  }
}

/** Compiled synchronously, from bytes of this package's own file. */
export function compiledAtOnce(bytes: BufferSource, what: string): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes);
  } catch (error) {
    throw notCompiled(error, what);
  }
}

/** Why a module did not compile, as far as its error tells. */
function notCompiled(error: unknown, what: string): NotInitializedError {
  const message = messageOf(error);
  if (/content security policy|unsafe-eval|blocked by csp/i.test(message)) {
    return refusal(`the page's Content-Security-Policy forbids WebAssembly; add 'wasm-unsafe-eval' to its script-src (${message})`, error);
  }
  return refusal(
    `${what} could not be compiled (${message}); the file may be cut short or too new for this host: install the package again, or ${WAYS_OUT}`,
    error,
  );
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : describe(error);
}
