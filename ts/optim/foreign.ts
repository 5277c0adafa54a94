/** What torch.optim and tf.train have and this library has under another name, or not yet: see `habits/foreign.ts`. */
import { elsewhere, missing } from "../habits/elsewhere.js";

/** @deprecated optim.schedule(optimizer, cosine(lr, steps)); step, exponential, warmup and oneCycle are the other rates */
export const lrScheduler = /* @__PURE__ */ elsewhere(
  "optim.lrScheduler",
  "optim.schedule(optimizer, cosine(lr, steps)); step, exponential, warmup and oneCycle are the other rates",
);
/** @deprecated optim.schedule(optimizer, cosine(lr, steps)); step, exponential, warmup and oneCycle are the other rates */
export const lr_scheduler = /* @__PURE__ */ elsewhere(
  "optim.lr_scheduler",
  "optim.schedule(optimizer, cosine(lr, steps)); step, exponential, warmup and oneCycle are the other rates",
);
/** @deprecated new optim.SGD(params, { lr }) */
export const sgd = /* @__PURE__ */ elsewhere("optim.sgd", "new optim.SGD(params, { lr })");
/** @deprecated new optim.Adam(params, { lr }) */
export const adam = /* @__PURE__ */ elsewhere("optim.adam", "new optim.Adam(params, { lr })");
/** @deprecated Not there yet: SGD, Adam and AdamW are. */
export const RMSprop = /* @__PURE__ */ missing("optim.RMSprop");
/** @deprecated Not there yet: SGD, Adam and AdamW are. */
export const Adagrad = /* @__PURE__ */ missing("optim.Adagrad");
/** @deprecated Not there yet: SGD, Adam and AdamW are. */
export const LBFGS = /* @__PURE__ */ missing("optim.LBFGS");
