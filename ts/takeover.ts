/**
 * Who releases a state that a next one replaces. Loops over state (`takeOver`) know both. Of a pure optimizer,
 * `[updates, state] = update(gradients, state)`, the old state is left behind with every step, and in a synchronous loop nobody
 * collects it. So a state is taken over by the update that it is given to, and released when the one after that begins: there are
 * never more than two versions. The same holds for gradients given to `update`, and for parameters and
 * updates given to `applyUpdates`. Only what the library handed out is taken over (results of `update`, `applyUpdates` and `grad`), and only
 * outside of scopes and transforms; what the user made, `init` among it, stays his.
 */
import { DisposedError } from "./errors.js";
import { Hold, release } from "./holds.js";
import { engine } from "./runtime/instance.js";
import type { Tensor } from "./tensor.js";
import { leavesOf, tensorsIn } from "./tree.js";

const made = new WeakSet<Tensor>();
let replaced: Tensor[] = [];

const releasedByUpdate = () =>
  new DisposedError(
    "this tensor was given to update or applyUpdates of a pure optimizer, which took it over; it was released when the next update began. " +
      "Keep its numbers with detach(), or the tensor with keep(t), before that",
  );

/** Of the root, and not kept. */
const releasable = (tensor: Tensor) => tensor.handle !== 0 && tensor.scope instanceof Hold && tensor.scope.alive && !tensor.scope.kept;

/** The ambient level alone is open: no transform is under way, whose function may run again. */
export const outside = () => engine.level_depth() <= 1;

/** Marks what an update returns. */
export function handedOut<T>(tree: T): T {
  for (const tensor of leavesOf(tree)) made.add(tensor);
  return tree;
}

/** A next version of these exists: they go when the next update begins. */
export function takenOver(...trees: unknown[]): void {
  if (!outside()) return;
  for (const tree of trees) for (const tensor of leavesOf(tree)) if (made.has(tensor) && releasable(tensor)) replaced.push(tensor);
}

/** An update begins: what the one before replaced goes, apart from what it is given again. */
export function nextUpdate(...given: unknown[]): void {
  if (replaced.length === 0 || !outside()) return;
  const wanted = new Set(given.flatMap(leavesOf));
  const gone = replaced;
  replaced = [];
  for (const tensor of gone) if (!wanted.has(tensor) && releasable(tensor)) release(tensor.scope as Hold, releasedByUpdate);
}

/**
 * Releases the state that `name` was given to replace, apart from what lives on in the new one: old carries of a loop, the moments an
 * optimizer's update read. A graph that needs the numbers keeps them.
 */
export function takeOver(name: string, old: unknown, next: unknown): void {
  const living = new Set(tensorsIn(next));
  const gone = () =>
    new DisposedError(
      `this tensor was state that ${name} took over: it was released when the next state was there. Keep its numbers with detach(), or the tensor with keep(t), before`,
    );
  for (const tensor of tensorsIn(old)) {
    if (living.has(tensor)) continue;
    if (releasable(tensor)) release(tensor.scope as Hold, gone);
    else if (!(tensor.scope instanceof Hold) && tensor.scope.alive) tensor.dispose();
  }
}
