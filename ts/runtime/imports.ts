/** What the module imports. The loader is our own: the generated glue differs per target and holds one instance for ever. */
import { refusal } from "./source.js";

/** The import object for a module: a clock, and what wasm-bindgen adds and nobody calls. */
export function importsFor(module: WebAssembly.Module): WebAssembly.Imports {
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    const known = name === "now" ? () => performance.now() : name.includes("__wbindgen_") ? () => {} : undefined;
    if (known === undefined || kind !== "function") {
      throw refusal(
        `the WebAssembly file asks for ${from}.${name}, which this version does not provide; rebuild or reinstall so that both are of one version`,
      );
    }
    (imports[from] ??= {})[name] = known;
  }
  return imports;
}
