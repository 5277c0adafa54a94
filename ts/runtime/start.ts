/** From bytes or a module to a running engine; the compiled module is kept, so that `reset()` is synchronous. */
import { importsFor } from "./imports.js";
import { attach, setFactory } from "./instance.js";

export function start(module: WebAssembly.Module): void {
  const make = () => new WebAssembly.Instance(module, importsFor(module));
  setFactory(make);
  attach(make());
}

/** The same where large modules may not be instantiated synchronously (the main thread of a browser). */
export async function startAsync(module: WebAssembly.Module): Promise<void> {
  const instance = await WebAssembly.instantiate(module, importsFor(module));
  setFactory(() => new WebAssembly.Instance(module, importsFor(module)));
  attach(instance);
}
