/** The common optimizers as pure functions: SGD, Adam, AdamW. */
import { atMost } from "../../input/arguments.js";
import type { Tensor } from "../../tensor.js";
import type { Tree } from "../../tree.js";
import { ADAM_DEFAULTS, ADAM_RULES, ADAMW_DEFAULTS, type AdamOptions } from "../adam.js";
import { checkNesterov, SGD_DEFAULTS, SGD_RULES, type SGDOptions } from "../sgd.js";
import { averaged, directed, pureForm, type Pure, type Transformation } from "./machinery.js";

/** The state of `sgd`. */
export interface SGDState {
  /** int32, 0-d: steps taken. */
  step: Tensor;
  /** With momentum: b of the formula, like the parameters. */
  momentumBuffer?: Tree<Tensor>;
}

/** The state of `adam` and `adamw`. */
export interface AdamState {
  /** int32, 0-d: steps taken. */
  step: Tensor;
  /** The running mean of the gradient, like the parameters. */
  expAvg: Tree<Tensor>;
  /** The running mean of its square. */
  expAvgSq: Tree<Tensor>;
  /** With amsgrad: the largest of these so far. */
  maxExpAvgSq?: Tree<Tensor>;
}

/** As the class `SGD`: b ← μ b + (1 - dampening) g, the update -lr b. */
export function sgd(options?: Pure<SGDOptions>): Transformation<SGDState> {
  atMost("optim.transform.sgd", arguments, 1);
  const op = "optim.transform.sgd";
  return pureForm(op, SGD_RULES, SGD_DEFAULTS, options, (o) => {
    const { momentum, dampening, nesterov, weightDecay, maximize } = o;
    checkNesterov(op, { ...o, lr: 0 });
    return {
      needsParams: weightDecay !== 0,
      parts: { ...(momentum === 0 ? {} : { momentumBuffer: 0 }) },
      leaf: (step) => (gradient, p, parts) => {
        let d = directed(gradient, p, maximize, weightDecay);
        const next: Record<string, Tensor> = {};
        if (momentum !== 0) {
          const g = d;
          let b = parts["momentumBuffer"]!.mul(momentum).add(dampening === 0 ? g : g.mul(1 - dampening));
          // The first step knows no dampening.
          if (dampening !== 0) b = step.before.eq(0).where(g, b);
          next["momentumBuffer"] = b;
          d = nesterov ? g.add(b.mul(momentum)) : b;
        }
        return { update: d.mul(step.rate(d)).neg(), parts: next };
      },
    };
  });
}

function adamLike(op: string, defaults: Required<AdamOptions>, decoupled: boolean, options: Pure<AdamOptions> | undefined) {
  return pureForm<Required<AdamOptions>, AdamState>(op, ADAM_RULES, defaults, options, (o) => {
    const { betas, eps, weightDecay, amsgrad, maximize } = o;
    return {
      needsParams: weightDecay !== 0,
      parts: { expAvg: 0, expAvgSq: 0, ...(amsgrad ? { maxExpAvgSq: 0 } : {}) },
      leaf: (step) => (gradient, p, parts) => {
        const g = directed(gradient, p, maximize, decoupled ? 0 : weightDecay);
        const m = averaged(betas[0], parts["expAvg"]!, g);
        const v = averaged(betas[1], parts["expAvgSq"]!, g.square());
        const next: Record<string, Tensor> = { expAvg: m, expAvgSq: v };
        if (amsgrad) next["maxExpAvgSq"] = parts["maxExpAvgSq"]!.maximum(v);
        const lr = step.rate(g);
        const root = (next["maxExpAvgSq"] ?? v).sqrt();
        const size = root.div(step.correction(betas[1], g, (c) => c.sqrt(), "root")).add(eps);
        const update = m.div(step.correction(betas[0], g)).div(size).mul(lr).neg();
        return { update: decoupled && weightDecay !== 0 ? update.sub(p!.mul(weightDecay).mul(lr)) : update, parts: next };
      },
    };
  });
}

/** As the class `Adam`. */
export function adam(options?: Pure<AdamOptions>): Transformation<AdamState> {
  atMost("optim.transform.adam", arguments, 1);
  return adamLike("optim.transform.adam", ADAM_DEFAULTS, false, options);
}

/** As the class `AdamW`: weight decay beside the gradient. */
export function adamw(options?: Pure<AdamOptions>): Transformation<AdamState> {
  atMost("optim.transform.adamw", arguments, 1);
  return adamLike("optim.transform.adamw", ADAMW_DEFAULTS, true, options);
}
