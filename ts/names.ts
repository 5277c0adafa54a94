/** What tensors are called, for messages: a module names its parameters when they are asked for. */
import type { Tensor } from "./tensor.js";

const names = new WeakMap<Tensor, string>();

export function nameTensor(tensor: Tensor, name: string): void {
  names.set(tensor, name);
}

/** The name a module gave. */
export function knownName(tensor: Tensor): string | undefined {
  return names.get(tensor);
}

/** The name a module gave, or its shape. */
export function nameOf(tensor: Tensor, fallback: string): string {
  return names.get(tensor) ?? `${fallback} of shape [${tensor.shape.join(", ")}]`;
}
