/**
 * Driving a backward sweep: the engine walks its tape and stops where a pullback or a hook is written in TypeScript; that is
 * run here, with the engine idle, and the sweep goes on. Nothing ever calls from WebAssembly into JavaScript.
 */
import { ShapeError, ValueError } from "../errors.js";
import { setAfterClose } from "../memory/memory.js";
import { SweepStatus } from "../runtime/boundary.js";
import { checked, engine, failure, isPoisoned, onRenewal, pass, scratch } from "../runtime/instance.js";
import { idOf, made, Tensor } from "../tensor.js";

/**
 * Cotangents of the outputs (null = zero) to cotangents of the inputs (null = none). The inputs are the values the node holds; with
 * `createGraph` they are tracked, so that what is computed from them is recorded.
 */
export type Pullback = (inputs: Tensor[], cotangents: (Tensor | null)[], createGraph: boolean) => (Tensor | null)[];

/** Pullbacks by number. */
const pullbacks = new Map<number, Pullback>();
let nextNumber = 1;

/** A number under which the tape can name a pullback; forgotten when no node names it any more. */
export function registerPullback(pullback: Pullback): number {
  const number = nextNumber++;
  pullbacks.set(number, pullback);
  return number;
}

/** Forgets the pullbacks no node refers to any more. */
function forgetPullbacks(): void {
  if (isPoisoned()) return;
  forgetHooked();
  if (pullbacks.size === 0) return;
  const count = engine.dead_callbacks();
  for (const number of scratch().subarray(0, count)) pullbacks.delete(number);
}

setAfterClose(forgetPullbacks);

/** What `registerHook` takes: sees a gradient, and may give another in its place. */
export type Hook = (gradient: Tensor) => Tensor | void;
/** The hooked tensors by id. Weak: the tensor owns its hooks, which may well refer to it. */
const hooked = new Map<number, WeakRef<Tensor>>();

/** Forgets the hooked tensors that are gone: disposed, collected, released with their scope. */
function forgetHooked(): void {
  if (hooked.size === 0) return;
  const count = engine.dead_hooks();
  for (const id of scratch().subarray(0, count)) hooked.delete(id);
}

/** Lets the sweep stop at `x` and run its hooks. */
export function hookTensor(x: Tensor): void {
  // First what is gone: its id may be this tensor's now.
  forgetHooked();
  const id = idOf(x);
  if (!x.requiresGrad) {
    throw new ValueError(
      "registerHook: backward() does not come by this tensor: it depends on no tensor with requiresGrad. Hooks belong to backward(); under grad, vjp and jvp a customVjp sees the cotangents",
      "registerHook",
    );
  }
  checked(engine.hook(id, 1), "registerHook");
  hooked.set(id, new WeakRef(x));
}

/** Test mode: how many tensors have hooks. */
export function hookedTensors(): number {
  forgetHooked();
  return hooked.size;
}

/** The sweep passes `x` again, once its last hook is removed. */
export function unhookTensor(x: Tensor): void {
  if (x.handle === 0 || !x.scope.alive) return;
  hooked.delete(x.handle);
  engine.hook(x.handle, 0);
}

// Nothing of an engine before this one is swept any more. The numbers of pullbacks go on: none is used twice.
onRenewal(() => {
  pullbacks.clear();
  hooked.clear();
});

/** Runs a sweep to its end; returns the gradients of the `wanted` (null = no dependence), made in the current scope. */
export function drive(status: number, wanted: number): (Tensor | null)[] {
  for (;;) {
    switch (status as SweepStatus) {
      case SweepStatus.Failed:
        throw failure();
      case SweepStatus.Done: {
        const s = scratch();
        const ids: number[] = [];
        for (let i = 0; i < wanted; i++) ids.push(s[i]!);
        return ids.map((id) => (id === 0 ? null : made(id)));
      }
      default:
        try {
          status = (status as SweepStatus) === SweepStatus.Callback ? runPullback() : runHooks();
        } catch (error) {
          engine.sweep_abandon();
          throw error;
        }
    }
  }
}

function runPullback(): number {
  const s = scratch();
  const [number, createGraph, inputs, outputs] = s;
  const ids = Array.from(s.subarray(4, 4 + inputs! + outputs!));
  const pullback = pullbacks.get(number!);
  if (pullback === undefined) throw new ValueError("a custom rule was swept after its function was released");
  const gradients = pullback(
    ids.slice(0, inputs).map(made),
    ids.slice(inputs).map((id) => (id === 0 ? null : made(id))),
    createGraph === 1,
  );
  const handles = gradients.map((g) => (g === null ? 0 : idOf(g)));
  pass(handles);
  return resume(handles.length);
}

function runHooks(): number {
  const [tensorId, gradientId] = scratch();
  const given = made(gradientId!);
  let gradient = given;
  const shape = gradient.shape.join(", ");
  for (const hook of hooked.get(tensorId!)?.deref()?.hooks ?? []) {
    const replacement = hook(gradient);
    if (replacement === undefined) continue;
    if (!(replacement instanceof Tensor))
      throw new ValueError(
        `a hook returned ${typeof replacement}; expected a tensor, or nothing to leave the gradient as it is`,
        "registerHook",
      );
    if (replacement.shape.join(", ") !== shape) {
      throw new ShapeError(
        `a hook returned a gradient of shape [${replacement.shape.join(", ")}] for a tensor of shape [${shape}]`,
        "registerHook",
      );
    }
    gradient = replacement;
  }
  pass([gradient === given ? 0 : idOf(gradient)]);
  return resume(1);
}

/** A failing resume has dropped the sweep already: nothing is left to abandon. */
function resume(count: number): number {
  return engine.sweep_resume(count);
}

/** Puts ids behind each other into the scratch buffer. */
export function putIds(...lists: readonly (readonly number[])[]): void {
  let count = 0;
  for (const ids of lists) count += ids.length;
  const s = scratch(count);
  let next = 0;
  for (const ids of lists) for (const id of ids) s[next++] = id;
}
