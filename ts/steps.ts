/**
 * What a plainly written training loop leaves behind at the root. The rule:
 *
 * - A step ends when, after a `backward()` that freed its graph, a parameter changes or gradients are forgotten: `optimizer.step()`,
 *   `minimize()`, `assign()` to a parameter, `zeroGrad()`.
 * - The values of that graph (whatever was computed from parameters) stay readable until the *next* step ends; then they are released,
 *   apart from scalars, parameters, detached tensors, graphs nobody went backward through, and what was kept with `keep()`.
 *
 * So logits may be read after `minimize`, losses collected in a list, and the memory of a loop is that of two steps.
 */
import { DisposedError } from "./errors.js";
import { Hold, openList, release } from "./holds.js";
import { root } from "./memory.js";
import { checked, engine, pass, scratch } from "./runtime/instance.js";
import { idOf } from "./tensor.js";
import { tensorsIn } from "./tree.js";

const releasedByStep = () =>
  new DisposedError(
    "this tensor was computed from parameters in an earlier training step; backward() freed its graph, and it was released when the next step ended. " +
    "Keep its numbers with detach(), or the tensor with keep(t), in the step that makes it; item() and toArray() copy them out",
  );

/** Codes of `engine.spent`. */
const [LIVE, SPENT] = [1, 2];

/** Whether a backward pass has freed a graph since the last step ended. */
let freed = false;
/** Tensors of the root made since they were last gone through. */
const fresh = openList();
/** Of graphs that can still be swept; looked at again now and then, since there may be very many. */
let waiting: Hold[] = [];
let sinceWaiting = 0;
/** Spent when the last step ended, released when the next one does. */
let spent: Hold[] = [];

/** `backward()` freed the graph it went over. */
export function graphFreed(): void {
  freed = true;
}

/** The end of a training step, if there was a backward pass since the last. */
export function stepEnded(): void {
  if (!freed) return;
  freed = false;
  for (const hold of spent) if (!hold.kept) release(hold, releasedByStep);
  sinceWaiting++;
  const again = waiting.length <= 64 * sinceWaiting;
  const asked = (again ? [...waiting, ...fresh.holds] : fresh.holds).filter((hold) => hold.alive && !hold.kept);
  if (again) {
    waiting = [];
    sinceWaiting = 0;
  }
  fresh.holds = [];
  spent = [];
  if (asked.length === 0) return;
  pass(asked.map((hold) => hold.id));
  checked(engine.spent(asked.length));
  const codes = scratch(asked.length);
  for (let i = 0; i < asked.length; i++) {
    if (codes[i] === SPENT) spent.push(asked[i]!);
    else if (codes[i] === LIVE) waiting.push(asked[i]!);
  }
}

/**
 * Keeps tensors out of the release by a step, a loader's loop or the scopes around: from now on they live until `dispose()` or the
 * garbage collector. Takes a tensor or any nesting of arrays and objects, and returns it. Values inside grad, jvp and vmap end with
 * the transform whatever happens: `ValueError`.
 */
export function keep<R>(value: R): R {
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
