/** PyTorch's way: parameters, `backward()`, `.grad`, hooks. All of it lives on the one grad level that is always open. */
import { atMost } from "./input/arguments.js";
import { describe } from "./input/describe.js";
import { DisposedError, EscapedValueError, NotDifferentiableError, ShapeError, ValueError } from "./errors.js";
import { idInside } from "./memory/sweeps.js";
import { abort, enter, leave, root } from "./memory/memory.js";
import { asTensor } from "./creation.js";
import { readOptions } from "./input/options.js";
import { AMBIENT, SweepFlag } from "./runtime/boundary.js";
import { checked, engine, scratch } from "./runtime/instance.js";
import { idOf, made, Tensor, type TensorLike } from "./tensor.js";
import { drive, hookTensor, unhookTensor, putIds, type Hook } from "./transforms/sweeping.js";
import { Op } from "./opcodes.js";
import { spare } from "./memory/loops.js";
import { backwardBegins, backwardEnded, backwardFailed, gradientsForgotten, parametersChanged } from "./memory/steps.js";

/** Why what hooks and rules were given is gone after the sweep. */
const sweepEnded = () =>
  new EscapedValueError(
    "this tensor was made while backward() ran, in a hook or a rule of the user's, and released when that ended; a hook keeps one with keep(g.mul(1)) or by its numbers, g.data()",
  );

/** Options of `backward`. */
export interface BackwardOptions {
  /** Keep the graph, so that backward may be called again. */
  retainGraph?: boolean;
  /** Record the backward pass itself, so that gradients can be differentiated; implies retainGraph. */
  createGraph?: boolean;
  /** Add up gradients only in these leaves; one may stand by itself. */
  inputs?: Tensor | readonly Tensor[];
}

/**
 * Adds the gradient of this tensor to `.grad` of every parameter it was computed from. A tensor of more than one element
 * needs a cotangent of its shape. The graph is freed unless `retainGraph`. A pass that cannot be made (a part of the graph is freed) is refused
 * before anything is added or freed; when a hook or a rule of your own throws on the way, what it went over is freed and added up: `zeroGrad()`
 * and compute the value again.
 */
export function backward(x: Tensor, cotangent?: TensorLike | null, options?: BackwardOptions): void {
  atMost("backward", arguments, 3);
  const id = idOf(x);
  if (cotangent === undefined || cotangent === null) {
    if (x.size !== 1) {
      throw new ValueError(
        `backward: a tensor of shape [${x.shape.join(", ")}] needs a cotangent of that shape, or sum() it first; only a scalar has an implied one`,
        "backward",
      );
    }
  }
  const { retainGraph = false, createGraph = false, inputs } = readOptions("backward", options, ["retainGraph", "createGraph", "inputs"]);
  const keepsGraph = retainGraph || createGraph;
  const flags =
    SweepFlag.Accumulate |
    (keepsGraph ? SweepFlag.RetainGraph : 0) |
    (createGraph ? SweepFlag.CreateGraph : 0) |
    (inputs === undefined ? 0 : SweepFlag.OnlyWanted);
  const leaves: unknown = inputs instanceof Tensor ? [inputs] : (inputs ?? []);
  if (!Array.isArray(leaves)) throw new ValueError(`backward: inputs is a list of tensors, got ${describe(leaves)}`, "backward");
  const wanted = (leaves as Tensor[]).map(idOf);
  backwardBegins();
  const entry = enter();
  entry.token.reason = sweepEnded;
  try {
    const seed = cotangent === undefined || cotangent === null ? 0 : idOf(asTensor(cotangent, x));
    putIds([id], [seed], wanted);
    drive(engine.sweep(AMBIENT, 1, wanted.length, flags), wanted.length);
    leave(entry, []);
  } catch (error) {
    abort(entry);
    backwardFailed(keepsGraph);
    throw error;
  }
  backwardEnded(keepsGraph);
}

/** What `backward()` has added up here, or null. The same object until it changes. */
export function gradientOf(x: Tensor): Tensor | null {
  const id = engine.gradient_id(idOf(x));
  if (id === 0) {
    x.cachedGradient = null;
    return null;
  }
  const known = x.cachedGradient;
  if (known !== null && idInside(known) === id) return known;
  checked(engine.gradient(x.handle));
  const tensor = made(scratch()[0]!);
  x.cachedGradient = tensor;
  return tensor;
}

/** Puts a gradient of this tensor's shape in place of what was added up; null forgets it. Arrays and numbers are converted. */
export function setGradient(x: Tensor, value: TensorLike | null): void {
  const id = idOf(x);
  if (value === null) {
    checked(engine.set_gradient(id, 0), "grad");
  } else {
    const gradient = asTensor(value, x, "grad");
    try {
      if (gradient.shape.join() !== x.shape.join() || gradient.dtype !== x.dtype) {
        throw new ShapeError(
          `grad: a gradient of shape [${gradient.shape.join(", ")}] and dtype ${gradient.dtype} for a tensor of shape [${x.shape.join(", ")}] and dtype ${x.dtype}; they must be equal (reshape() or cast() it)`,
          "grad",
        );
      }
      // A tensor that held itself would never be released.
      const own = gradient === x ? detach(x) : gradient;
      checked(engine.set_gradient(id, idOf(own)), "grad");
      if (own !== gradient) own.dispose();
    } finally {
      if (gradient !== value) gradient.dispose();
    }
  }
  x.cachedGradient = null;
  if (value === null) gradientsForgotten();
}

/** Forgets the gradient added up so far. */
export function zeroGrad(x: Tensor): void {
  atMost("zeroGrad", arguments, 1);
  if (x.requiresGrad) setGradient(x, null);
}

/**
 * The same values, cut off from everything they were computed from. A detached tensor outlives the training step and the turn of a
 * loader's loop in which it was made.
 */
export function detach(x: Tensor): Tensor {
  atMost("detach", arguments, 1);
  return spare(made(checked(engine.op1(Op.stopGradient, idOf(x)), "detach")));
}

/** `x.requiresGrad = value`: the same tensor stands for a parameter, or for a plain tensor with its numbers, from now on. */
export function setRequiresGrad(x: Tensor, value: boolean): void {
  const op = "requiresGrad";
  if (typeof value !== "boolean") throw new ValueError(`${op}: expected true or false, got ${describe(value)}`, op);
  if (x.isInTransform) {
    throw new ValueError(
      `${op}: this value belongs to a transform under way (grad, jvp, vmap), which alone says what it differentiates; set it outside, or cut the value off with detach()`,
      op,
    );
  }
  if (x.requiresGrad === value) return;
  if (!value && !x.isLeaf) {
    throw new NotDifferentiableError(
      `${op}: this tensor of shape [${x.shape.join(", ")}] was computed from parameters, and only those can be frozen; detach() gives its numbers without a derivative`,
      op,
    );
  }
  const before = idOf(x);
  const id = value ? checked(engine.require_grad(before), op) : plain(before, op);
  const hooked = x.hooks !== null && x.hooks.size > 0;
  if (hooked && !value) unhookTensor(x);
  x.dispose();
  x.handle = id;
  x.moveTo(root, true);
  x.frozen = !value;
  x.cachedGradient = null;
  if (hooked && value) hookTensor(x);
}

/** The root's id for the numbers of a parameter. */
function plain(parameter: number, op: string): number {
  const inScope = checked(engine.op1(Op.stopGradient, parameter), op);
  try {
    return checked(engine.root_alias(inScope), op);
  } finally {
    engine.dispose(inScope);
  }
}

/** Lets `backward()` keep the gradient of a tensor that is not a leaf. */
export function retainGrad(x: Tensor): Tensor {
  atMost("retainGrad", arguments, 1);
  checked(engine.retain_gradient(idOf(x)), "retainGrad");
  return x;
}

/**
 * Calls `hook` with the gradient of this tensor during `backward()`; what it returns, if anything, takes the gradient's place.
 * Returns a function that removes the hook.
 */
export function registerHook(x: Tensor, hook: Hook): () => void {
  atMost("registerHook", arguments, 2);
  if (typeof hook !== "function") throw new ValueError(`registerHook: expected a function, got ${typeof hook}`, "registerHook");
  hookTensor(x);
  const own = (x.hooks ??= new Set());
  own.add(hook);
  return () => {
    if (own.delete(hook) && own.size === 0) unhookTensor(x);
  };
}

/**
 * Replaces the numbers of a plain tensor or a parameter behind the same handle (an optimizer's way to update it). Shape and dtype
 * stay. What was computed from the old numbers keeps them for its derivatives. The write itself is not recorded: a value that is
 * being differentiated, and a tensor that was computed from parameters, throw `NotDifferentiableError` (`detach()` them).
 */
export function assign(x: Tensor, value: TensorLike): Tensor {
  atMost("assign", arguments, 2);
  if (x.handle === 0) throw new DisposedError("assign: this tensor was disposed", "assign");
  if (value instanceof Tensor) {
    checked(engine.assign(idOf(x), idOf(value)), "assign");
  } else {
    const temporary = asTensor(value, x);
    try {
      checked(engine.assign(idOf(x), idOf(temporary)), "assign");
    } finally {
      temporary.dispose();
    }
  }
  if (x.requiresGrad) parametersChanged();
  return x;
}
