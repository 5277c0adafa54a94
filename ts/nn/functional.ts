/** Functions of modules: calling one with other parameters, counting. */
import { atMost } from "../input/arguments.js";
import { asTensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { ShapeError, ValueError } from "../errors.js";
import { isPlainObject } from "../input/options.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { Module } from "./module.js";

function checkModule(op: string, module: unknown): Module<unknown> {
  if (!(module instanceof Module)) throw new ValueError(`${op}: expected an nn.Module, got ${describe(module)}`, op);
  return module;
}

/** Name and value of `{ name: tensor }`, of a Map, or of the pairs that `namedParameters()` gives. */
function named(op: string, params: unknown): [name: string, value: unknown][] {
  if (isPlainObject(params)) return Object.entries(params);
  const pairs = params instanceof Map ? [...(params as Map<unknown, unknown>)] : params;
  if (Array.isArray(pairs) && pairs.every((pair) => Array.isArray(pair) && pair.length === 2 && typeof pair[0] === "string"))
    return pairs as [string, unknown][];
  throw new ValueError(
    `${op}: the parameters must be an object { name: tensor } as stateDict() gives it, or namedParameters(), got ${describe(params)}`,
    op,
  );
}

/**
 * `module.forward(...inputs)` with other tensors in the place of its parameters and buffers, named as in `stateDict()`; those not
 * named stay. The module is as before when it returns or throws. Derivatives flow to `params`, so
 * `grad((params) => loss(functionalCall(net, params, x)))(net.stateDict())` is the gradient of a network as a pure function. A tensor that
 * the module uses in two places is replaced in both. Throws `ValueError` for unknown names, `ShapeError` for other shapes.
 */
export function functionalCall<M extends Module<unknown>>(
  module: M,
  params: Readonly<Record<string, TensorLike>> | readonly (readonly [string, TensorLike])[] | ReadonlyMap<string, TensorLike>,
  ...inputs: Parameters<M["forward"]>
): ReturnType<M["forward"]>;
export function functionalCall(module: Module<unknown>, params: unknown, ...inputs: unknown[]): unknown {
  const op = "functionalCall";
  const places = [...checkModule(op, module).places()];
  const own = new Map(places.map((place) => [place.name, place.value]));
  const temporaries: Tensor[] = [];
  const byName = new Map<string, Tensor>();
  const byTensor = new Map<Tensor, Tensor>();
  const given = named(op, params);
  const changed: (() => void)[] = [];
  try {
    for (const [name, value] of given) {
      const place = own.get(name);
      if (place === undefined)
        throw new ValueError(`${op}: the module has no tensor named "${name}"; it has ${[...own.keys()].join(", ") || "none"}`, op);
      const tensor = value instanceof Tensor ? value : asTensor(value as TensorLike, place);
      if (tensor !== value) temporaries.push(tensor);
      if (tensor.ndim !== place.ndim || tensor.shape.join() !== place.shape.join()) {
        throw new ShapeError(
          `${op}: "${name}" has shape [${tensor.shape.join(", ")}], but the module's is [${place.shape.join(", ")}]`,
          op,
        );
      }
      byName.set(name, tensor);
      byTensor.set(place, tensor);
    }
    for (const { name, value, put } of places) {
      const other = byName.get(name) ?? byTensor.get(value);
      if (other === undefined) continue;
      put(other);
      changed.push(() => put(value));
    }
    return module.forward(...inputs);
  } finally {
    for (const restore of changed.reverse()) restore();
    for (const temporary of temporaries) temporary.dispose();
  }
}

/** How many numbers the parameters of a module hold, frozen ones included; a shared one is counted once. */
export function parameterCount(module: Module<unknown>): number {
  atMost("nn.parameterCount", arguments, 1);
  return checkModule("nn.parameterCount", module)
    .parameters()
    .reduce((sum, parameter) => sum + parameter.size, 0);
}
