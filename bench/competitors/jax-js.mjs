import * as jax from "@jax-js/jax";

let ready;
/** A competitor on jax-js's wasm device: `make(jax)` -> { step, result }. */
export const onJax = (make, name = "jax-js wasm, jit") => ({
  name,
  async prepare() {
    ready ??= jax.init("wasm");
    await ready;
    jax.defaultDevice("wasm");
    return make(jax);
  },
});
