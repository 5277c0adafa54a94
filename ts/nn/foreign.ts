/** What torch.nn has and this library has under another name, or not yet: see `habits/foreign.ts`. */
import { elsewhere } from "../habits/elsewhere.js";

/** @deprecated a plain array of modules as a property */
export const ModuleList = /* @__PURE__ */ elsewhere("nn.ModuleList", "a plain array of modules as a property");
/** @deprecated a plain object of modules as a property */
export const ModuleDict = /* @__PURE__ */ elsewhere("nn.ModuleDict", "a plain object of modules as a property");
/** @deprecated a plain array of parameters as a property */
export const ParameterList = /* @__PURE__ */ elsewhere("nn.ParameterList", "a plain array of parameters as a property");
/** @deprecated functional.relu(x), or the function relu(x) itself */
export const relu = /* @__PURE__ */ elsewhere("nn.relu", "nn.functional.relu(x), or the function relu(x) itself");
/** @deprecated functional.sigmoid(x), or the function sigmoid(x) itself */
export const sigmoid = /* @__PURE__ */ elsewhere("nn.sigmoid", "nn.functional.sigmoid(x), or the function sigmoid(x) itself");
/** @deprecated functional.tanh(x), or the function tanh(x) itself */
export const tanh = /* @__PURE__ */ elsewhere("nn.tanh", "nn.functional.tanh(x), or the function tanh(x) itself");
/** @deprecated functional.gelu(x), or the function gelu(x) itself */
export const gelu = /* @__PURE__ */ elsewhere("nn.gelu", "nn.functional.gelu(x), or the function gelu(x) itself");
/** @deprecated functional.softmax(x), or the function softmax(x) itself */
export const softmax = /* @__PURE__ */ elsewhere("nn.softmax", "nn.functional.softmax(x), or the function softmax(x) itself");
/** @deprecated functional.logSoftmax(x), or the function logSoftmax(x) itself */
export const logSoftmax = /* @__PURE__ */ elsewhere("nn.logSoftmax", "nn.functional.logSoftmax(x), or the function logSoftmax(x) itself");
/** @deprecated optim.clipGradNorm(params, max) and optim.clipGradValue(params, value) */
export const utils = /* @__PURE__ */ elsewhere("nn.utils", "optim.clipGradNorm(params, max) and optim.clipGradValue(params, value)");
