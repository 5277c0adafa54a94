/**
 * Mixed mode: the Jacobian of a chain f_n ∘ ... ∘ f_1, each stage differentiated by the cheaper mode, the matrix chain
 * bracketed by dynamic programming (`chain-plan.ts`).
 */
import { describe } from "../input/describe.js";
import { ShapeError, ValueError } from "../errors.js";
import { trace } from "../inspect/trace.js";
import type { Program } from "../inspect/program.js";
import { ROWS } from "../opcodes.js";
import type { Tensor } from "../tensor.js";
import { bracketing, forwardCost, modesOf, planChain, reverseCost, span, type Stage, type StageMode, type Step } from "./chain-plan.js";
import { drawPoint, withSameDraws } from "../random/state.js";
import { transformOptions } from "./arguments.js";
import { jvp } from "./forward.js";
import { jacfwd, jacrev } from "./jacobian.js";
import { call, checkFunction, differentiable, inScope, outputTensor } from "./machinery.js";
import { vjp } from "./reverse.js";
import type { Numbers } from "./types.js";
import { overDirections } from "./vmap.js";

/** What `chainJacobian` chose, and what it costs. */
export interface ChainPlan {
  /** The mode each stage is differentiated in. */
  readonly modes: StageMode[];
  /** How the stages are put together, outermost first. */
  readonly bracketing: string;
  /** Multiply-adds of this plan. */
  readonly cost: number;
  /** Multiply-adds of plain forward mode. */
  readonly forwardCost: number;
  /** Multiply-adds of plain reverse mode. */
  readonly reverseCost: number;
  /** Sizes between the stages: inputs, then the outputs of each. */
  readonly sizes: number[];
}

/** Options of `chainJacobian`. */
export interface ChainOptions {
  /** "auto" (default), or the mode of each stage. The bracketing is the best for them. */
  modes?: "auto" | readonly StageMode[];
}

/** The Jacobian of a chain as a function of the point, with the plan it follows. */
export interface ChainJacobian {
  (x: Tensor | Numbers): Tensor;
  /** The plan of the last call; null before the first. */
  readonly plan: ChainPlan | null;
}

/** A stage of a chain: one tensor to one tensor. */
type StageFunction = (x: Tensor) => Tensor;

/** Multiply-adds of one evaluation, counted over the recorded program. */
function work(program: Program): number {
  let total = 0;
  for (const { op, inputs, output } of program.evaluations("chainJacobian")) {
    const size = (v: { shape: readonly number[] }) => v.shape.reduce((a, b) => a * b, 1);
    const terms = ROWS[op].form === "product" ? size(output) * inputs[0]!.shape.at(-1)! : 0;
    total += Math.max(terms, size(output), ...inputs.map(size));
  }
  return Math.max(total, 1);
}

/** Measured against the program: a tangent costs about as much as the value again, a cotangent about twice as much. */
function stageOf(f: StageFunction, again: StageFunction, x: Tensor): { stage: Stage; value: Tensor } {
  const program = trace(f)(x);
  const once = work(program);
  const outputs = program.outputs[0]!.shape.reduce((a, b) => a * b, 1);
  return {
    stage: { inputs: x.size, outputs, forward: once, reverse: 2 * once },
    value: outputTensor("chainJacobian", call("chainJacobian", again, [x]), [x]),
  };
}

/**
 * The Jacobian of the chain [f1, f2, ...] (each one tensor to one tensor) at x, of shape output shape ++ input shape. `.plan`
 * tells what was chosen and what it costs against pure forward and pure reverse mode. Throws `ShapeError` for a tree as the argument.
 *
 * @example
 * const J = ad.chainJacobian([(x) => x.square(), (y) => y.mul(3)])([1, 2]); // [[6, 0], [0, 12]]
 */
export function chainJacobian(functions: readonly StageFunction[], options?: ChainOptions): ChainJacobian {
  if (!Array.isArray(functions) || functions.length === 0)
    throw new ValueError("chainJacobian: expected a list of functions, innermost first", "chainJacobian");
  functions.forEach((f) => checkFunction("chainJacobian", f));
  const { modes = "auto" } = transformOptions<ChainOptions>("chainJacobian", arguments, ["modes"]);
  if (modes !== "auto") {
    if (!Array.isArray(modes) || modes.length !== functions.length || modes.some((m) => m !== "forward" && m !== "reverse")) {
      throw new ValueError(
        `chainJacobian: modes is "auto" or one of "forward" and "reverse" for each of the ${functions.length} functions, got ${describe(modes)}`,
        "chainJacobian",
      );
    }
  }
  let plan: ChainPlan | null = null;
  const jacobian = (argument: Tensor | Numbers): Tensor =>
    inScope(() => {
      const { leaves } = differentiable("chainJacobian", "the argument", argument);
      if (leaves.length !== 1) throw new ShapeError("chainJacobian: the argument must be one tensor", "chainJacobian");
      // The point at which each stage is differentiated.
      const points: Tensor[] = [leaves[0]!];
      const stages: Stage[] = [];
      const repeated: StageFunction[] = [];
      for (const f of functions) {
        // The stages run several times: each time with the same random draws.
        const draws = drawPoint();
        repeated.push((x) => withSameDraws(draws, () => f(x)));
        const { stage, value } = stageOf(f, repeated.at(-1)!, points.at(-1)!);
        stages.push(stage);
        points.push(value);
      }
      const step = planChain(stages, modes === "auto" ? undefined : (modes as readonly StageMode[]));
      plan = {
        modes: modesOf(step),
        bracketing: bracketing(step),
        cost: step.cost,
        forwardCost: forwardCost(stages),
        reverseCost: reverseCost(stages),
        sizes: [stages[0]!.inputs, ...stages.map((s) => s.outputs)],
      };
      return execute(repeated, points, step).reshape([...points.at(-1)!.shape, ...points[0]!.shape]);
    });
  return Object.defineProperty(jacobian, "plan", { get: () => plan }) as ChainJacobian;
}

/** The Jacobian of a step as a matrix [outputs, inputs]. */
function execute(functions: readonly StageFunction[], points: readonly Tensor[], step: Step): Tensor {
  const [from, to] = span(step);
  const [inputs, outputs] = [points[from]!.size, points[to + 1]!.size];
  switch (step.kind) {
    case "stage": {
      const by = step.mode === "forward" ? jacfwd : jacrev;
      return (by(functions[from]!)(points[from]!) as Tensor).reshape([outputs, inputs]);
    }
    case "product":
      return execute(functions, points, step.left).matmul(execute(functions, points, step.right));
    case "push": {
      const [, last] = span(step.inner);
      const at = points[last + 1]!;
      const through = (v: Tensor) =>
        jvp((x: Tensor) => functions.slice(last + 1, to + 1).reduce((y, f) => f(y), x), [at], [v])[1] as Tensor;
      const columns = execute(functions, points, step.inner).T.reshape([inputs, ...at.shape]);
      return (overDirections(through)(columns) as Tensor).reshape([inputs, outputs]).T;
    }
    case "pull": {
      const [first] = span(step.inner);
      const [out, pullback] = vjp((x: Tensor) => functions.slice(from, first).reduce((y, f) => f(y), x), points[from]!);
      const rows = execute(functions, points, step.inner).reshape([outputs, ...(out as Tensor).shape]);
      return (overDirections((ct: Tensor) => pullback(ct)[0] as Tensor)(rows) as Tensor).reshape([outputs, inputs]);
    }
  }
}
