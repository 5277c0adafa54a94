/** What jax.random and numpy.random have and this library has under another name: see `habits/foreign.ts`. */
import { elsewhere } from "../habits/elsewhere.js";

/** @deprecated random.key(seed) */
export const PRNGKey = /* @__PURE__ */ elsewhere("random.PRNGKey", "random.key(seed)");
/** @deprecated manualSeed(seed) */
export const seed = /* @__PURE__ */ elsewhere("random.seed", "manualSeed(seed)");
/** @deprecated random.uniform(shape) */
export const rand = /* @__PURE__ */ elsewhere("random.rand", "random.uniform(shape)");
/** @deprecated random.normal(shape) */
export const randn = /* @__PURE__ */ elsewhere("random.randn", "random.normal(shape)");
/** @deprecated random.permutation(x) */
export const shuffle = /* @__PURE__ */ elsewhere("random.shuffle", "random.permutation(x)");
/** @deprecated random.permutation(n), or random.categorical(logits) */
export const choice = /* @__PURE__ */ elsewhere("random.choice", "random.permutation(n), or random.categorical(logits)");
