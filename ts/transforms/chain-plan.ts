/**
 * How to multiply the Jacobians of a chain f = f_n ∘ ... ∘ f_1 with the least work: the generalised dense Jacobian chain
 * product problem with free choice of mode (Naumann, "Optimization of generalized Jacobian chain products", 2020-2024).
 *
 * A chain piece F'_{j,i} (the Jacobian of stages i..j) can be made in three ways, and the plan is the cheapest by dynamic
 * programming over all pieces:
 * - split:    F'_{j,k+1} · F'_{k,i}, both made, then a matrix product: m_j · m_k · n_i multiply-adds
 * - forward:  F'_{k,i} made, and its columns pushed through stage k+1..j: n_i tangents
 * - reverse:  F'_{j,k+1} made, and its rows pulled through stage k..i: m_j cotangents
 * A single stage is made by pushing n identity columns or pulling m identity rows through it.
 */

/** A stage of the chain: a function from `inputs` to `outputs` numbers, and what it costs. */
export interface Stage {
  readonly inputs: number;
  readonly outputs: number;
  /** Multiply-adds of one tangent (jvp) through the stage. */
  readonly forward: number;
  /** Multiply-adds of one cotangent (vjp) through the stage. */
  readonly reverse: number;
}

export type StageMode = "forward" | "reverse";

/** How a piece of the chain is made. Stage numbers are 0-based; a piece is stages `from..to`, both included. */
export type Step =
  | { readonly kind: "stage"; readonly stage: number; readonly mode: StageMode; readonly cost: number }
  | {
      readonly kind: "product";
      readonly from: number;
      readonly to: number;
      readonly left: Step;
      readonly right: Step;
      readonly cost: number;
    }
  /** Tangents of `inner` (stages from..k) pushed through the stages k+1..to. */
  | { readonly kind: "push"; readonly from: number; readonly to: number; readonly inner: Step; readonly cost: number }
  /** Cotangents of `inner` (stages k+1..to) pulled through the stages k..from. */
  | { readonly kind: "pull"; readonly from: number; readonly to: number; readonly inner: Step; readonly cost: number };

/** The stages a step covers. */
export function span(step: Step): [from: number, to: number] {
  return step.kind === "stage" ? [step.stage, step.stage] : [step.from, step.to];
}

const cheaper = (a: Step | undefined, b: Step): Step => (a !== undefined && a.cost <= b.cost ? a : b);

/**
 * The cheapest way to the Jacobian of the whole chain. `modes[k]` forces how the local derivative of stage k is used:
 * a forward stage is differentiated by tangents (its Jacobian by forward mode, or tangents pushed through it), a
 * reverse stage by cotangents.
 */
export function planChain(stages: readonly Stage[], modes?: readonly StageMode[]): Step {
  const n = stages.length;
  const allows = (k: number, mode: StageMode) => modes === undefined || modes[k] === mode;
  const best: Step[][] = Array.from({ length: n }, () => new Array<Step>(n));
  for (let i = 0; i < n; i++) {
    const { inputs, outputs, forward, reverse } = stages[i]!;
    const byForward: Step = { kind: "stage", stage: i, mode: "forward", cost: inputs * forward };
    const byReverse: Step = { kind: "stage", stage: i, mode: "reverse", cost: outputs * reverse };
    best[i]![i] = !allows(i, "reverse")
      ? byForward
      : !allows(i, "forward")
        ? byReverse
        : byForward.cost <= byReverse.cost
          ? byForward
          : byReverse;
  }
  for (let length = 2; length <= n; length++) {
    for (let i = 0; i + length <= n; i++) {
      const j = i + length - 1;
      const [inputs, outputs] = [stages[i]!.inputs, stages[j]!.outputs];
      let choice: Step | undefined;
      for (let k = i; k < j; k++) {
        const [right, left] = [best[i]![k]!, best[k + 1]![j]!];
        choice = cheaper(choice, {
          kind: "product",
          from: i,
          to: j,
          left,
          right,
          cost: left.cost + right.cost + outputs * stages[k]!.outputs * inputs,
        });
        let [through, ok] = [0, true];
        for (let s = k + 1; s <= j; s++) [through, ok] = [through + stages[s]!.forward, ok && allows(s, "forward")];
        if (ok) choice = cheaper(choice, { kind: "push", from: i, to: j, inner: right, cost: right.cost + inputs * through });
        [through, ok] = [0, true];
        for (let s = i; s <= k; s++) [through, ok] = [through + stages[s]!.reverse, ok && allows(s, "reverse")];
        if (ok) choice = cheaper(choice, { kind: "pull", from: i, to: j, inner: left, cost: left.cost + outputs * through });
      }
      best[i]![j] = choice!;
    }
  }
  return best[0]![n - 1]!;
}

/** Multiply-adds of plain forward mode: every input direction through every stage. */
export function forwardCost(stages: readonly Stage[]): number {
  return stages[0]!.inputs * stages.reduce((sum, s) => sum + s.forward, 0);
}

/** Multiply-adds of plain reverse mode: every output direction back through every stage. */
export function reverseCost(stages: readonly Stage[]): number {
  return stages[stages.length - 1]!.outputs * stages.reduce((sum, s) => sum + s.reverse, 0);
}

/** The mode each stage's derivative is taken in. */
export function modesOf(step: Step, modes: StageMode[] = []): StageMode[] {
  switch (step.kind) {
    case "stage":
      modes[step.stage] = step.mode;
      break;
    case "product":
      modesOf(step.left, modes);
      modesOf(step.right, modes);
      break;
    case "push": {
      modesOf(step.inner, modes);
      for (let s = span(step.inner)[1] + 1; s <= step.to; s++) modes[s] = "forward";
      break;
    }
    case "pull": {
      modesOf(step.inner, modes);
      for (let s = step.from; s < span(step.inner)[0]; s++) modes[s] = "reverse";
      break;
    }
  }
  return modes;
}

/** The bracketing as a formula, outermost factor first: `(F3 F2) F1`; `F2→` is pushed through, `←F1` pulled through. */
export function bracketing(step: Step): string {
  const names = (from: number, to: number) => {
    const list: string[] = [];
    for (let s = to; s >= from; s--) list.push(`F${s + 1}`);
    return list.join(" ");
  };
  const inner = (s: Step) => (s.kind === "stage" ? bracketing(s) : `(${bracketing(s)})`);
  switch (step.kind) {
    case "stage":
      return `F${step.stage + 1}[${step.mode}]`;
    case "product":
      return `${inner(step.left)} · ${inner(step.right)}`;
    case "push":
      return `${names(span(step.inner)[1] + 1, step.to)} ← push ${inner(step.inner)}`;
    case "pull":
      return `pull ${inner(step.inner)} → ${names(step.from, span(step.inner)[0] - 1)}`;
  }
}
