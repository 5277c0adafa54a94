/**
 * The half of the engine that `compile` needs: a file of its own, loaded when a function is first compiled. It works on the memory and the
 * function table of the other half (`scripts/split.mjs`). A file in one piece, such as the inline build's, has both.
 */
import type { NotInitializedError } from "../errors.js";
import { engine, generation, halves, isAttached } from "./instance.js";
import { messageOf, refusal } from "./source.js";

type Found = WebAssembly.Module | Promise<WebAssembly.Module>;

/** Where it is; each loader says so. */
let find = (): Found => {
  throw refusal("pass init() where it is, as { compiler }");
};
let module: WebAssembly.Module | undefined;
let loading: Promise<void> | undefined;
let failed: NotInitializedError | undefined;
/** The instance of the engine that it was linked to. */
let linkedTo = -1;

export function setCompiler(how: () => Found): void {
  [find, module, loading, failed] = [how, undefined, undefined, undefined];
}

/** A module of somebody else's would be found out by a less clear message. */
export function checkCompiler(given: WebAssembly.Module): WebAssembly.Module {
  if (!WebAssembly.Module.imports(given).some(({ module: from }) => from === "core"))
    throw refusal("the module given as compiler is not adjoint-compiler.wasm of this package");
  return given;
}

/** Whether compiled programs can be made now. Where the file can be had at once it is loaded; elsewhere loading begins. */
export function hasCompiler(): boolean {
  if (linkedTo === generation) return true;
  if (!isAttached()) return false;
  if (!halves().isFirst) return link();
  if (failed !== undefined) return false;
  try {
    if (module === undefined) {
      if (loading !== undefined) return false;
      const found = find();
      if (found instanceof Promise) {
        loading = found.then(linkSlowly).catch(warn);
        return false;
      }
      module = checkCompiler(found);
    }
    return link();
  } catch (error) {
    warn(error);
    return false;
  }
}

/** Makes the second half part of the engine that is there now. */
function link(): boolean {
  const { isFirst, exports } = halves();
  if (isFirst) {
    try {
      new WebAssembly.Instance(module!, { core: exports });
    } catch (error) {
      throw notLinked(error);
    }
  }
  linkedTo = generation;
  return true;
}

/** The same where large modules may not be instantiated at once (the main thread of an older browser). */
async function linkSlowly(compiled: WebAssembly.Module): Promise<void> {
  module = checkCompiler(compiled);
  const before = generation;
  try {
    await WebAssembly.instantiate(module, { core: halves().exports });
  } catch (error) {
    throw notLinked(error);
  }
  linkedTo = before;
}

function notLinked(error: unknown): NotInitializedError {
  return refusal(
    `adjoint-compiler.wasm and adjoint.wasm are not of one build (${messageOf(error)}): copy both files again from the package, or empty the cache`,
    error,
  );
}

/** Said once: compiled functions do what they are written to do, only slower. */
function warn(error: unknown): void {
  failed = refusal(
    `the part of the engine that compile() needs could not be loaded (${messageOf(error)}); copy adjoint-compiler.wasm and adjoint-compiler-relaxed.wasm ` +
      "beside adjoint.wasm, or pass init(module, { compiler: module })",
    error,
  );
  console.warn(`adjoint: compiled functions run as they are written: ${failed.message}`);
}

/** Resolves when compiled programs can be made; rejects with why they cannot. */
export async function compilerLoaded(): Promise<void> {
  // Throws where there is no engine yet.
  engine.level_depth();
  if (!hasCompiler()) await loading;
  if (!hasCompiler()) throw failed;
}

/** For those who cannot wait. */
export function needCompiler(op: string): void {
  engine.level_depth();
  if (!hasCompiler())
    throw failed ?? refusal(`${op}: the part of the engine that compile() needs is still being loaded; await compiled.ready before`);
}

/** Test mode: programs of so many recorded steps or more get loops; `null` for as many as seem good. */
export function rollFrom(steps: number | null): void {
  needCompiler("rollFrom");
  engine.program_roll_from(steps ?? engine.program_roll_default());
}
