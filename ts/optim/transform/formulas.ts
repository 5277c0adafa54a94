/** The other optimizers as pure functions, a formula each. */
import { atMost } from "../../input/arguments.js";
import { where } from "../../ops/elementwise.js";
import type { Tensor } from "../../tensor.js";
import {
  ADADELTA_DEFAULTS,
  ADADELTA_RULES,
  ADAGRAD_DEFAULTS,
  ADAGRAD_RULES,
  RMSPROP_DEFAULTS,
  RMSPROP_RULES,
  type AdadeltaOptions,
  type AdagradOptions,
  type RMSpropOptions,
} from "../adaptive.js";
import {
  ADAMAX_DEFAULTS,
  ADAMAX_RULES,
  LION_DEFAULTS,
  LION_RULES,
  NADAM_DEFAULTS,
  NADAM_RULES,
  RADAM_DEFAULTS,
  RADAM_RULES,
  type AdamaxOptions,
  type LionOptions,
  type NAdamOptions,
  type RAdamOptions,
} from "../moments.js";
import { nonNegative } from "../rules.js";
import { ASGD_DEFAULTS, ASGD_RULES, RPROP_DEFAULTS, RPROP_RULES, type ASGDOptions, type RpropOptions } from "../rprop.js";
import { averaged, directed, pureForm, type Pure, type PureState, type Transformation } from "./machinery.js";

/** As the class `RMSprop`. */
export function rmsprop(options?: Pure<RMSpropOptions>): Transformation<PureState<"squareAvg", "momentumBuffer" | "gradAvg">> {
  atMost("optim.transform.rmsprop", arguments, 1);
  return pureForm("optim.transform.rmsprop", RMSPROP_RULES, RMSPROP_DEFAULTS, options, (o) => ({
    needsParams: o.weightDecay !== 0,
    parts: { squareAvg: 0, ...(o.momentum === 0 ? {} : { momentumBuffer: 0 }), ...(o.centered ? { gradAvg: 0 } : {}) },
    leaf:
      (step) =>
      (gradient, p, { squareAvg, momentumBuffer, gradAvg }) => {
        const g = directed(gradient, p, o.maximize, o.weightDecay);
        const v = averaged(o.alpha, squareAvg!, g.square());
        const parts: Record<string, Tensor> = { squareAvg: v };
        if (gradAvg !== undefined) parts["gradAvg"] = averaged(o.alpha, gradAvg, g);
        const spread = gradAvg === undefined ? v : v.sub(parts["gradAvg"]!.square());
        let d = g.div(spread.sqrt().add(o.eps));
        if (momentumBuffer !== undefined) parts["momentumBuffer"] = d = momentumBuffer.mul(o.momentum).add(d);
        return { update: d.mul(step.rate(d)).neg(), parts };
      },
  }));
}

/** As the class `Adagrad`. */
export function adagrad(options?: Pure<AdagradOptions>): Transformation<PureState<"sum">> {
  atMost("optim.transform.adagrad", arguments, 1);
  return pureForm("optim.transform.adagrad", ADAGRAD_RULES, ADAGRAD_DEFAULTS, options, (o) => ({
    needsParams: o.weightDecay !== 0,
    parts: { sum: o.initialAccumulatorValue },
    leaf:
      (step) =>
      (gradient, p, { sum }) => {
        const g = directed(gradient, p, o.maximize, o.weightDecay);
        const s = sum!.add(g.square());
        const slowed = step.number("slowed", g, (t) => t.sub(1).mul(o.lrDecay).add(1));
        return { update: g.div(s.sqrt().add(o.eps)).mul(step.rate(g)).div(slowed).neg(), parts: { sum: s } };
      },
  }));
}

/** As the class `Adadelta`. */
export function adadelta(options?: Pure<AdadeltaOptions>): Transformation<PureState<"squareAvg" | "accDelta">> {
  atMost("optim.transform.adadelta", arguments, 1);
  return pureForm("optim.transform.adadelta", ADADELTA_RULES, ADADELTA_DEFAULTS, options, (o) => ({
    needsParams: o.weightDecay !== 0,
    parts: { squareAvg: 0, accDelta: 0 },
    leaf: (step) => (gradient, p, parts) => {
      const g = directed(gradient, p, o.maximize, o.weightDecay);
      const squareAvg = averaged(o.rho, parts["squareAvg"]!, g.square());
      const d = parts["accDelta"]!.add(o.eps).sqrt().div(squareAvg.add(o.eps).sqrt()).mul(g);
      return { update: d.mul(step.rate(d)).neg(), parts: { squareAvg, accDelta: averaged(o.rho, parts["accDelta"]!, d.square()) } };
    },
  }));
}

/** As the class `Adamax`. */
export function adamax(options?: Pure<AdamaxOptions>): Transformation<PureState<"expAvg" | "expInf">> {
  atMost("optim.transform.adamax", arguments, 1);
  return pureForm("optim.transform.adamax", ADAMAX_RULES, ADAMAX_DEFAULTS, options, ({ betas, ...o }) => ({
    needsParams: o.weightDecay !== 0,
    parts: { expAvg: 0, expInf: 0 },
    leaf: (step) => (gradient, p, parts) => {
      const g = directed(gradient, p, o.maximize, o.weightDecay);
      const expAvg = averaged(betas[0], parts["expAvg"]!, g);
      const expInf = parts["expInf"]!.mul(betas[1]).maximum(g.abs().add(o.eps));
      return { update: expAvg.div(step.correction(betas[0], g)).div(expInf).mul(step.rate(g)).neg(), parts: { expAvg, expInf } };
    },
  }));
}

/** The state of `nadam`. */
export type NAdamState = PureState<"expAvg" | "expAvgSq"> & {
  /** float64, 0-d: the product of the momenta so far. */
  muProduct: Tensor;
};

/** As the class `NAdam`; the product of its momenta is a part of the state of its own (float64, 0-d). */
export function nadam(options?: Pure<NAdamOptions>): Transformation<NAdamState> {
  atMost("optim.transform.nadam", arguments, 1);
  return pureForm("optim.transform.nadam", NADAM_RULES, NADAM_DEFAULTS, options, ({ betas, ...o }) => {
    const mu = (t: Tensor) =>
      t
        .mul(o.momentumDecay * Math.log(0.96))
        .exp()
        .mul(-0.5)
        .add(1)
        .mul(betas[0]);
    return {
      needsParams: o.weightDecay !== 0,
      parts: { expAvg: 0, expAvgSq: 0 },
      product: ["muProduct", mu],
      leaf: (step) => (gradient, p, parts) => {
        const g = directed(gradient, p, o.maximize, o.decoupledWeightDecay ? 0 : o.weightDecay);
        const expAvg = averaged(betas[0], parts["expAvg"]!, g);
        const expAvgSq = averaged(betas[1], parts["expAvgSq"]!, g.square());
        const size = expAvgSq
          .sqrt()
          .div(step.correction(betas[1], g, (c) => c.sqrt(), "root"))
          .add(o.eps);
        const alongG = step.number("g", g, (t) => mu(t).neg().add(1).div(step.product!.neg().add(1)));
        const alongM = step.number("m", g, (t) =>
          mu(t.add(1)).div(
            step
              .product!.mul(mu(t.add(1)))
              .neg()
              .add(1),
          ),
        );
        const lr = step.rate(g);
        const update = g.mul(alongG).add(expAvg.mul(alongM)).div(size).mul(lr).neg();
        const pull = o.decoupledWeightDecay && o.weightDecay !== 0;
        return { update: pull ? update.sub(p!.mul(o.weightDecay).mul(lr)) : update, parts: { expAvg, expAvgSq } };
      },
    };
  });
}

/** As the class `RAdam`. */
export function radam(options?: Pure<RAdamOptions>): Transformation<PureState<"expAvg" | "expAvgSq">> {
  atMost("optim.transform.radam", arguments, 1);
  return pureForm("optim.transform.radam", RADAM_RULES, RADAM_DEFAULTS, options, ({ betas, ...o }) => {
    const limit = 2 / (1 - betas[1]) - 1;
    const missing = (t: Tensor) => t.mul(Math.log(betas[1])).expm1().neg();
    /** How many numbers the mean square is worth. */
    const length = (t: Tensor) => t.mul(2).mul(missing(t).neg().add(1)).div(missing(t)).neg().add(limit);
    const factor = (t: Tensor) => {
      const n = length(t);
      const squared = n
        .sub(4)
        .mul(n.sub(2))
        .mul(limit / ((limit - 4) * (limit - 2)))
        .div(n)
        .mul(missing(t));
      return where(n.gt(5), squared.maximum(0).sqrt(), 1);
    };
    return {
      needsParams: o.weightDecay !== 0,
      parts: { expAvg: 0, expAvgSq: 0 },
      leaf: (step) => (gradient, p, parts) => {
        const g = directed(gradient, p, o.maximize, o.decoupledWeightDecay ? 0 : o.weightDecay);
        const expAvg = averaged(betas[0], parts["expAvg"]!, g);
        const expAvgSq = averaged(betas[1], parts["expAvgSq"]!, g.square());
        const lr = step.rate(g);
        const size = where(step.number("length", g, length).gt(5), expAvgSq.sqrt().add(o.eps), 1);
        const rate = step.number("factor", g, factor).div(step.correction(betas[0], g)).mul(lr);
        const update = expAvg.mul(rate).div(size).neg();
        const pull = o.decoupledWeightDecay && o.weightDecay !== 0;
        return { update: pull ? update.sub(p!.mul(o.weightDecay).mul(lr)) : update, parts: { expAvg, expAvgSq } };
      },
    };
  });
}

/** As the class `Lion`. */
export function lion(options?: Pure<LionOptions>): Transformation<PureState<"expAvg">> {
  atMost("optim.transform.lion", arguments, 1);
  return pureForm("optim.transform.lion", LION_RULES, LION_DEFAULTS, options, ({ betas, ...o }) => ({
    needsParams: o.weightDecay !== 0,
    parts: { expAvg: 0 },
    leaf:
      (step) =>
      (gradient, p, { expAvg }) => {
        const g = directed(gradient, p, o.maximize, 0);
        const d = directed(averaged(betas[0], expAvg!, g).sign(), p, false, o.weightDecay);
        return { update: d.mul(step.rate(d)).neg(), parts: { expAvg: averaged(betas[1], expAvg!, g) } };
      },
  }));
}

/** As the class `Rprop`; lr is a number, for it is only the first step. */
export function rprop(options?: RpropOptions): Transformation<PureState<"prev" | "stepSize">> {
  atMost("optim.transform.rprop", arguments, 1);
  const op = "optim.transform.rprop";
  return pureForm(op, RPROP_RULES, RPROP_DEFAULTS, options, (o) => ({
    needsParams: false,
    parts: { prev: 0, stepSize: nonNegative(op, "lr", o.lr) },
    leaf:
      () =>
      (gradient, p, { prev, stepSize: s }) => {
        const g = directed(gradient, p, o.maximize, 0);
        const agrees = g.mul(prev!);
        const turns = agrees.lt(0);
        const stepSize = where(turns, s!.mul(o.etas[0]), where(agrees.gt(0), s!.mul(o.etas[1]), s!)).clamp(...o.stepSizes);
        const d = where(turns, 0, g);
        return { update: d.sign().mul(stepSize).neg(), parts: { prev: d, stepSize } };
      },
  }));
}

/** As the class `ASGD`. */
export function asgd(options?: Pure<ASGDOptions>): Transformation<PureState<"ax">> {
  atMost("optim.transform.asgd", arguments, 1);
  return pureForm("optim.transform.asgd", ASGD_RULES, ASGD_DEFAULTS, options, (o) => ({
    needsParams: true,
    parts: { ax: 0 },
    leaf:
      (step) =>
      (gradient, p, { ax }) => {
        const lr = step.rate(gradient);
        const taken = step.number("taken", gradient, (t) => t.sub(1));
        const eta = taken.mul(lr).mul(o.lambd).add(1).pow(-o.alpha).mul(lr);
        const d = directed(gradient, p, o.maximize, o.weightDecay).add(p!.mul(o.lambd));
        const update = d.mul(eta).neg();
        const share = step.number("share", gradient, (t) =>
          t
            .sub(1 + o.t0)
            .maximum(1)
            .reciprocal(),
        );
        return { update, parts: { ax: ax!.add(p!.add(update).sub(ax!).mul(share)) } };
      },
  }));
}
