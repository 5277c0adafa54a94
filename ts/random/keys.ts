/**
 * Counter-based random numbers (threefry2x32, 20 rounds: Salmon et al., SC 2011), with JAX's splittable keys: the same key
 * gives the same numbers on every host and in every build, and a key is used once.
 */
import { atMost, integer } from "../input/arguments.js";
import { tensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import { apply } from "../ops/apply.js";
import { Tensor } from "../tensor.js";

/** A key from a seed: any integer up to 2^53. Throws `ValueError` for anything else. */
export function key(seed: number): Tensor {
  atMost("random.key", arguments, 1);
  if (!Number.isSafeInteger(seed))
    throw new ValueError(`random.key: the seed must be an integer below 2^53, got ${describe(seed)}`, "random.key");
  const low = ((seed % 2 ** 32) + 2 ** 32) % 2 ** 32;
  const high = Math.floor(seed / 2 ** 32);
  return tensor(Int32Array.of(high | 0, low | 0));
}

/** `n` new keys [n, 2]: `const [a, b] = split(key)`, or map over them with vmap. Throws `ValueError` for what is no key. */
export function split(k: Tensor, n = 2): Tensor {
  atMost("random.split", arguments, 2);
  return apply("randomSplit", [checkKey("random.split", k)], [integer("random.split", "the number of keys", n, 0, 2 ** 28)]);
}

/** A key is an int32 tensor [2]. */
export function checkKey(name: string, k: unknown): Tensor {
  const right = k instanceof Tensor && k.dtype === "int32" && k.ndim === 1 && k.shape[0] === 2;
  if (right) return k;
  if (k instanceof Tensor) {
    const many = k.dtype === "int32" && k.ndim > 1 && k.shape.at(-1) === 2;
    const hint = many ? "these are several: take one with .at(i), or map over them with vmap" : "random.key(seed) makes one";
    throw new ValueError(`${name}: a key is an int32 tensor of shape [2], got ${k.dtype} [${k.shape.join(", ")}]; ${hint}`, name);
  }
  throw new ValueError(`${name}: expected a key, got ${describe(k)}; random.key(seed) makes one`, name);
}
