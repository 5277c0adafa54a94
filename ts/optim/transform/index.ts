/**
 * Optimizers as pure functions over trees of tensors, as optax has them: `init(params)` makes a state, `update(gradients, state, params)`
 * returns `[updates, state]`, and `applyUpdates(params, updates)` the new parameters. They are made of ops, so they can be differentiated,
 * mapped and nested like any function. Formulas and options are those of the classes (torch.optim's).
 *
 * ```ts
 * const adam = optim.transform.adam({ lr: 1e-3 });
 * let state = adam.init(params);
 * for (...) {
 *   const [loss, gradients] = valueAndGrad(f)(params, x, y);
 *   const [updates, next] = adam.update(gradients, state, params);
 *   [params, state] = [optim.applyUpdates(params, updates), next];
 * }
 * ```
 *
 * Outside of transforms `update` and `applyUpdates` are, as `optimizer.step()`, not recorded for `backward()`, so that `net.stateDict()` may
 * be the first parameters; `grad` and the other transforms differentiate through them.
 */
export { adam, adamw, sgd, type AdamState, type SGDState } from "./basic.js";
export { adadelta, adagrad, adamax, asgd, lion, nadam, radam, rmsprop, rprop, type NAdamState } from "./formulas.js";
export { applyUpdates, type Pure, type PureState, type Rate, type Transformation } from "./machinery.js";
