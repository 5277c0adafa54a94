/** What torch.optim and tf.train have and this library has under another name, or not yet: see `habits/foreign.ts`. */
import { elsewhere } from "../habits/elsewhere.js";

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
/** @deprecated optim.reduceOnPlateau(optimizer, { patience }) */
export const ReduceLROnPlateau = /* @__PURE__ */ elsewhere("optim.ReduceLROnPlateau", "optim.reduceOnPlateau(optimizer, { patience })");
/** @deprecated new optim.AveragedParameters(net.namedParameters(), { decay }) */
export const AveragedModel = /* @__PURE__ */ elsewhere(
  "optim.AveragedModel",
  "new optim.AveragedParameters(net.namedParameters()), with { decay } for an exponential average",
);
/** @deprecated new optim.SGD(params, { lr }) */
export const sgd = /* @__PURE__ */ elsewhere("optim.sgd", "new optim.SGD(params, { lr })");
/** @deprecated new optim.Adam(params, { lr }) */
export const adam = /* @__PURE__ */ elsewhere("optim.adam", "new optim.Adam(params, { lr })");
/** @deprecated optim.schedule(optimizer, step(lr, size, gamma)) */
export const StepLR = /* @__PURE__ */ elsewhere("optim.StepLR", "optim.schedule(optimizer, step(lr, size, gamma))");
/** @deprecated optim.schedule(optimizer, exponential(lr, gamma)) */
export const ExponentialLR = /* @__PURE__ */ elsewhere("optim.ExponentialLR", "optim.schedule(optimizer, exponential(lr, gamma))");
/** @deprecated optim.schedule(optimizer, cosine(lr, steps)) */
export const CosineAnnealingLR = /* @__PURE__ */ elsewhere("optim.CosineAnnealingLR", "optim.schedule(optimizer, cosine(lr, steps))");
/** @deprecated optim.schedule(optimizer, oneCycle(max, steps)) */
export const OneCycleLR = /* @__PURE__ */ elsewhere("optim.OneCycleLR", "optim.schedule(optimizer, oneCycle(max, steps))");
/** @deprecated optim.schedule(optimizer, (t) => rate) */
export const LambdaLR = /* @__PURE__ */ elsewhere("optim.LambdaLR", "optim.schedule(optimizer, (t) => rate)");
