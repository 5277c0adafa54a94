/** Emitted code: a module that the engine wrote, made by the host, its functions put where the engine can call them. */
import { bytes, checked, engine, functionTable, generation, pass, scratch } from "../runtime/instance.js";

/** Places of the engine's table that are free again. */
let free: number[] = [];
let freeOf = 0;
/** A host may refuse to make modules (a Content-Security-Policy, the main thread of some browsers): it is not asked again. */
let refused = false;

/** Whether code is worth emitting. */
export const canEmit = (): boolean => !refused;

/**
 * Makes and links the module of a program; returns the places of its functions, or null where the host refuses to make one.
 */
export function link(program: number): number[] | null {
  const length = engine.program_code(program);
  if (length === 0) return [];
  const [pointer, count] = scratch();
  let instance: WebAssembly.Instance;
  try {
    const module = new WebAssembly.Module(bytes(pointer!, length) as BufferSource);
    instance = new WebAssembly.Instance(module, { engine: { memory: engine.memory } });
  } catch (error) {
    if (error instanceof WebAssembly.CompileError && /offset|type|local|function body/.test(error.message)) throw error;
    refused = true;
    return null;
  }
  const table = functionTable();
  if (freeOf !== generation) [free, freeOf] = [[], generation];
  while (free.length < count!) free.push(table.grow(1));
  const places = free.splice(0, count!);
  places.forEach((place, i) => table.set(place, instance.exports[String(i)]));
  pass(places);
  checked(engine.program_link(program, places.length), "compile");
  return places;
}

/** Gives places back. */
export function unlink(places: readonly number[]): void {
  if (places.length === 0) return;
  const table = functionTable();
  for (const place of places) table.set(place, null);
  free.push(...places);
}
