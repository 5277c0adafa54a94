/** What a module owns: found by walking its properties, through arrays, plain objects, Maps and Sets, in the order they were assigned. */
import { isPlainObject } from "../input/options.js";
import { Tensor } from "../tensor.js";
import type { Module } from "./module.js";

/** A place that holds a tensor or a module. */
export interface Place<T> {
  /** Path from the module: `layers.0`. */
  name: string;
  value: T;
  /** Puts something else there. */
  put(other: T): void;
}

/** The entries of a container, with a way to replace each; none for anything that is no container. */
function entries(container: object): [key: string, value: unknown, put: (other: unknown) => void][] {
  if (container instanceof Map) {
    const map = container as Map<unknown, unknown>;
    return Array.from(map, ([key, value], i) => [typeof key === "object" ? String(i) : String(key), value, (other) => map.set(key, other)]);
  }
  if (container instanceof Set) {
    const list = [...container] as unknown[];
    return list.map((value, i) => [
      String(i),
      value,
      (other) => {
        // A set keeps the order of insertion: filled anew, so that names stay.
        list[i] = other;
        container.clear();
        for (const member of list) container.add(member);
      },
    ]);
  }
  if (Array.isArray(container)) return container.map((value: unknown, i) => [String(i), value, (other) => (container[i] = other)]);
  return Object.entries(container).map(([key, value]) => [key, value, (other) => ((container as Record<string, unknown>)[key] = other)]);
}

const isContainer = (value: unknown): value is object =>
  Array.isArray(value) || value instanceof Map || value instanceof Set || isPlainObject(value);

/**
 * The tensors and modules that belong to a module directly. A structure that contains itself is walked once. `isModule` tells modules:
 * they are not walked into.
 */
export function* members(
  owner: object,
  isModule: (value: unknown) => value is Module<unknown>,
  prefix = "",
  above: readonly object[] = [],
): Generator<Place<Tensor | Module<unknown>>> {
  for (const [key, value, put] of entries(owner)) {
    const name = prefix + key;
    if (value instanceof Tensor || isModule(value)) yield { name, value, put };
    else if (isContainer(value) && !above.includes(value)) yield* members(value, isModule, `${name}.`, [...above, value]);
  }
}
