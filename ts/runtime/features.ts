/** Which of the two builds this host can run. */
import { refusal } from "./source.js";

// (module (func (result v128) i32.const 0 i8x16.splat))
const SIMD = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11);
// (module (func (result v128) i32.const 1 i8x16.splat i32.const 2 i8x16.splat i8x16.relaxed_swizzle))
const RELAXED = Uint8Array.of(
  0,
  97,
  115,
  109,
  1,
  0,
  0,
  0,
  1,
  5,
  1,
  96,
  0,
  1,
  123,
  3,
  2,
  1,
  0,
  10,
  15,
  1,
  13,
  0,
  65,
  1,
  253,
  15,
  65,
  2,
  253,
  15,
  253,
  128,
  2,
  11,
);

/** The builds of the core: with relaxed SIMD where the host has it. */
export type Variant = "simd128" | "relaxed-simd";

const hasSimd = (): boolean => WebAssembly.validate(SIMD);
const hasRelaxedSimd = (): boolean => WebAssembly.validate(RELAXED);

/** Refuses hosts that can run neither. */
export function checkHost(): void {
  if (typeof WebAssembly !== "object")
    throw refusal("this host has no WebAssembly; Node's --jitless takes it away, and so do some restricted modes of browsers");
  if (!hasSimd()) throw refusal("this host has no WebAssembly SIMD; Node 20, Chrome 91, Firefox 89, Safari 16.4 and later have it");
}

/** The better build the host can run; `forced` overrides (tests run both). */
export function variantFor(forced?: string): Variant {
  if (forced === "simd128" || forced === "relaxed-simd") return forced;
  if (forced) throw refusal(`ADJOINT_VARIANT is "${forced}"; it can be "simd128" or "relaxed-simd", or not be set`);
  return hasRelaxedSimd() ? "relaxed-simd" : "simd128";
}
