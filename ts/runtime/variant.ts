/** Which of the two builds runs. */
import { atMost } from "../input/arguments.js";
import type { Variant } from "./features.js";
import { engine } from "./instance.js";

/**
 * The build that runs: "relaxed-simd" fuses multiply-adds, where the host can; "simd128" runs everywhere and is what "adjoint/inline"
 * holds. Their results differ in the last digits. Throws `NotInitializedError` before `init()`.
 */
export function variant(): Variant {
  atMost("variant", arguments, 0);
  return engine.relaxed_simd() === 1 ? "relaxed-simd" : "simd128";
}
