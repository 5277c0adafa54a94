/**
 * What a plainly written training loop leaves behind at the root. The rule:
 *
 * - A step ends when, after a `backward()`, a parameter changes (`optimizer.step()`, `minimize()`, `assign()` to a parameter) or gradients
 *   are forgotten (`zeroGrad()`; not while the graph was kept, with `retainGraph` or `createGraph`: it may be gone over again).
 *   A hook's write counts when the pass it runs in has ended: a step never ends in the middle of a pass.
 * - The values of that graph (whatever was computed from parameters) stay readable until the *next* step of the same optimizer ends, or
 *   `GRACE` steps of others; then they are released, apart from scalars, parameters, detached tensors, and what was kept with `keep()`.
 * - So are the values of a graph that was kept, or that nobody went backward through (an evaluation without `noGrad`), once the step
 *   changed a parameter they were computed from. A scalar of such a graph can still be swept in the `GRACE` steps that follow; then it is a number only.
 *
 * So logits may be read after `minimize`, losses collected in a list, and the memory of a loop is that of two steps.
 */
import { atMost } from "../input/arguments.js";
import { DisposedError } from "../errors.js";
import { Hold } from "./holds.js";
import { comeBack, graphsDealtWith, onGraphsMoved, openList } from "./sweeps.js";
import { root } from "./memory.js";
import { Spent } from "../runtime/boundary.js";
import { checked, engine, pass, scratch } from "../runtime/instance.js";
import { idOf, type Tensor } from "../tensor.js";
import { tensorsIn } from "../tree.js";

const releasedByStep = () =>
  new DisposedError(
    "this tensor was computed from parameters in an earlier training step, which has changed them; it was released when the optimizer's next step ended. " +
      "Keep its numbers with detach(), or the tensor with keep(t), in the step that makes it; item() and toArray() copy them out",
  );

/** The steps in which a loss over changed parameters can still be swept: several may be computed first and minimized in turn. */
const GRACE = 8;

/** Whether there was a backward pass since the last step ended, and whether one has freed its graph. */
let swept = false;
let freed = false;
/** Passes under way, one inside a hook of the other, and who ended a step in them: that waits until the outermost has ended. */
let underWay = 0;
let due: object | null = null;
/** Tensors of the root that are part of a graph, found since they were last gone through. */
const fresh = openList();
/** Of graphs that can still be swept; looked at again now and then, since there may be very many. */
let waiting: Hold[] = [];
let sinceWaiting = 0;
onGraphsMoved(() => {
  waiting = waiting.filter((hold) => hold.alive && hold.part === null);
});
/** What a step left behind: released when the next step of the same optimizer ends, or when it is old. */
interface Remains {
  readonly by: object;
  spent: Hold[];
  /** Scalars that can still be swept though their parameters have changed. */
  readonly outdated: Hold[];
  age: number;
}
let remains: Remains[] = [];
/** Steps without an optimizer. */
const byHand = {};
/** What goes when another tensor goes. */
const companions = new WeakMap<Hold, readonly Hold[]>();

/** `others`, made on the way to `tensor` and not asked for, go with it. */
export function goesWith(tensor: Tensor, others: readonly Tensor[]): void {
  const holds = others.flatMap((t) => (t !== tensor && t.scope instanceof Hold ? [t.scope] : []));
  if (tensor.scope instanceof Hold && holds.length > 0) companions.set(tensor.scope, holds);
}

/** A `backward()` begins. What a failed one before it left due is dealt with now: an error on its way out is not to be hidden by another. */
export function backwardBegins(): void {
  if (underWay === 0) endDue();
  underWay++;
}

/** A `backward()` ended, and kept the graph it went over or freed it. */
export function backwardEnded(keptGraph: boolean): void {
  backwardFailed(keptGraph);
  if (underWay === 0) endDue();
}

/** A `backward()` was left by what a hook or a rule threw, and has freed what it went over until then unless it keeps it. */
export function backwardFailed(keptGraph: boolean): void {
  underWay--;
  swept = true;
  if (!keptGraph) freed = true;
}

/** A parameter got other numbers: the end of a step, if there was a backward pass since the last. Those with the same `by` are of one optimizer. */
export function parametersChanged(by: object = byHand): void {
  if (underWay > 0) due ??= by;
  else if (swept) endStep(by);
}

/** Gradients were forgotten: the end of a step, if a backward pass has freed its graph since the last. */
export function gradientsForgotten(by: object = byHand): void {
  if (!freed) return;
  if (underWay > 0) due ??= by;
  else endStep(by);
}

/** Ends the step that a hook has ended. */
function endDue(): void {
  if (due !== null) endStep(due);
}

function endStep(by: object): void {
  swept = false;
  freed = false;
  due = null;
  for (const left of remains) clear(left, by);
  remains = remains.filter((left) => left.age < GRACE);
  sinceWaiting++;
  const again = waiting.length <= 64 * sinceWaiting;
  const asked = fresh.take();
  graphsDealtWith();
  if (again) {
    for (const hold of waiting) if (hold.alive && !hold.kept && hold.part === null) asked.push(hold);
    waiting = [];
    sinceWaiting = 0;
  }
  if (asked.length === 0) return;
  pass(asked.map((hold) => hold.id));
  checked(engine.spent(asked.length));
  const codes = scratch(asked.length);
  const left: Remains = { by, spent: [], outdated: [], age: 0 };
  for (let i = 0; i < asked.length; i++) {
    const hold = asked[i]!;
    const code = codes[i] as Spent;
    if (code === Spent.Consumed || code === Spent.Outdated) left.spent.push(hold);
    else if (code === Spent.OutdatedScalar) left.outdated.push(hold);
    else if (code === Spent.Live) waiting.push(hold);
    if (code !== Spent.Live) left.spent.push(...(companions.get(hold) ?? []));
  }
  remains.push(left);
}

/** Releases what a step left behind, when `by` has made its next step or the time of grace is over. */
function clear(left: Remains, by: object): void {
  const old = ++left.age >= GRACE;
  if (old || left.by === by) {
    for (const hold of left.spent) if (!hold.kept) hold.release(releasedByStep);
    left.spent = [];
  }
  if (old) bury(left.outdated);
}

/** Scalars nobody went backward through become numbers, and let their graph go. */
function bury(scalars: readonly Hold[]): void {
  const alive = scalars.filter((hold) => hold.alive && !hold.kept);
  if (alive.length === 0) return;
  for (const hold of alive) comeBack(hold);
  pass(alive.map((hold) => hold.id));
  checked(engine.bury(alive.length));
}

/**
 * Keeps tensors out of the release by a step, a loader's loop or the scopes around: from now on they live until `dispose()` or the
 * garbage collector. Takes a tensor or any nesting of arrays and objects, and returns it. Values inside grad, jvp and vmap end with
 * the transform whatever happens: `ValueError`.
 */
export function keep<R>(value: R): R {
  atMost("keep", arguments, 1, "put several into a list");
  for (const tensor of tensorsIn(value)) {
    const id = idOf(tensor);
    if (tensor.scope instanceof Hold) {
      tensor.scope.kept = true;
    } else {
      checked(engine.keep(id), "keep");
      tensor.moveTo(root, true);
    }
  }
  return value;
}
