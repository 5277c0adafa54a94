/** From a module to a running engine; the compiled module is kept, so that `reset()` is synchronous. */
import { ABI } from "../opcodes.js";
import { importsFor } from "./imports.js";
import { attach, setFactory } from "./instance.js";
import { messageOf, refusal } from "./source.js";

export function start(module: WebAssembly.Module): void {
  checkExports(module);
  adopt(
    module,
    instantiated(() => new WebAssembly.Instance(module, importsFor(module))),
  );
}

/** The same where large modules may not be instantiated synchronously (the main thread of a browser). */
export async function startAsync(module: WebAssembly.Module): Promise<void> {
  checkExports(module);
  let instance: WebAssembly.Instance;
  try {
    instance = await WebAssembly.instantiate(module, importsFor(module));
  } catch (error) {
    throw notStarted(error);
  }
  adopt(module, instance);
}

function adopt(module: WebAssembly.Module, instance: WebAssembly.Instance): void {
  checkAbi(instance);
  setFactory(() => new WebAssembly.Instance(module, importsFor(module)));
  attach(instance);
}

function instantiated(make: () => WebAssembly.Instance): WebAssembly.Instance {
  try {
    return make();
  } catch (error) {
    throw notStarted(error);
  }
}

function notStarted(error: unknown): Error {
  if (error instanceof Error && "code" in error) return error;
  return refusal(
    `the WebAssembly module could not be started (${messageOf(error)}); there may be no memory left in this process or page`,
    error,
  );
}

/** A module of somebody else's would be accepted and then fail at the first call. */
export function checkExports(module: WebAssembly.Module): void {
  const names = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  if (!["abi", "memory", "op1"].every((name) => names.has(name))) {
    throw refusal("this WebAssembly module is not adjoint's; pass the adjoint.wasm of this package");
  }
}

/** The numbers of ops differ between versions: a file of another one would compute something else. */
function checkAbi(instance: WebAssembly.Instance): void {
  const found = (instance.exports.abi as () => number)() >>> 0;
  if (found !== ABI) {
    throw refusal(
      `the .wasm file belongs to another version of adjoint (interface ${found.toString(16)}, this script needs ${ABI.toString(16)}): a cached or copied file is out of date; copy it again from the package, or empty the cache`,
    );
  }
}
