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
import { closeList, Hold, openList, release, serial, type HoldList } from "./holds.js";
import { current, enter, leave, root, type Entry } from "./memory.js";
import { checked, engine, pass, scratch } from "./runtime/instance.js";
import { idOf, Tensor } from "./tensor.js";
import { tensorsIn } from "./tree.js";

const releasedByStep = () =>
  new DisposedError(
    "this tensor was computed from parameters in an earlier training step; backward() freed its graph, and it was released when the next step ended. " +
    "Keep its numbers with detach(), or the tensor with keep(t), in the step that makes it; item() and toArray() copy them out",
  );

const releasedByLoop = () =>
  new DisposedError(
    "this tensor was made in the body of a loader's loop and released when the next batch was asked for: a batch and what is computed from it live for one turn of the loop. " +
    "Keep it with detach() or keep(t); loader.toArray() gives all batches at once",
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

/**
 * Releases the state that `name` was given to replace, apart from what lives on in the new one: old carries of a loop, the moments an
 * optimizer's update read. A graph that needs the numbers keeps them.
 */
export function takeOver(name: string, old: unknown, next: unknown): void {
  const living = new Set(tensorsIn(next));
  const gone = () =>
    new DisposedError(`this tensor was state that ${name} took over: it was released when the next state was there. Keep its numbers with detach(), or the tensor with keep(t), before`);
  for (const tensor of tensorsIn(old)) {
    if (living.has(tensor) || tensor.handle === 0 || !tensor.scope.alive) continue;
    if (!(tensor.scope instanceof Hold)) tensor.dispose();
    else if (!tensor.scope.kept) release(tensor.scope, gone);
  }
}

/** Whether the end of a loop's body leaves a tensor alone: scalars (losses in a list), parameters, what is kept. */
function outlivesLoop(id: number): boolean {
  const rank = checked(engine.meta(id)) - 1;
  const leaf = 3;
  return rank === 0 || (scratch()[1]! & leaf) === leaf;
}

/** Spares a tensor from the end of a loader's loop body: what `detach()` promises. */
export function spare(tensor: Tensor): Tensor {
  if (tensor.scope instanceof Hold) tensor.scope.kept = true;
  else tensor.scope.spared?.add(tensor);
  return tensor;
}

/** The turns of loops at the root that are under way, the oldest first, and what was made since the oldest of them began. */
const turns = new Set<LoopBody>();
let made: HoldList | null = null;

/** One turn of a loader's loop: begins before a batch is made, and ends when the next one is asked for. */
export class LoopBody {
  /** In a scope: the scope of this turn. */
  private entry: Entry | null = null;
  /** At the root: the last tensor before it. No scope is opened there, since an iterator left lying would leave it open for ever. */
  private readonly began: number = serial;
  /** At the root, when it is over: what it made. */
  private left: readonly Hold[] = [];

  constructor() {
    if (current === root) {
      turns.add(this);
      made ??= openList();
      return;
    }
    this.entry = enter();
    this.entry.token.log = [];
    this.entry.token.spared = new Set();
    this.entry.token.reason = releasedByLoop;
  }

  /** The next batch is asked for: what this turn made goes. */
  end(): void {
    this.close();
    for (const hold of this.left) if (hold.alive && !hold.kept && !outlivesLoop(hold.id)) release(hold, releasedByLoop);
    this.left = [];
    this.leave((tensor) => outlivesLoop(tensor.handle));
  }

  /** The loop is over: what its last turn made may be read after it, until it is `end`ed. */
  finish(): void {
    this.close();
    this.leave(() => true);
  }

  /** Takes stock of what it made, apart from what a younger turn (of a loop that is zipped with this one) made as well. */
  private close(): void {
    const younger = [...turns].slice([...turns].indexOf(this) + 1);
    if (!turns.delete(this) || made === null) return;
    const until = younger[0]?.began ?? serial;
    this.left = made.holds.filter((hold) => hold.serial > this.began && hold.serial <= until);
    if (turns.size > 0) return;
    closeList(made);
    made = null;
  }

  private leave(survives: (tensor: Tensor) => boolean): void {
    if (this.entry === null) return;
    const { entry } = this;
    const { token } = entry;
    this.entry = null;
    // Another scope was opened in between: it will end this one with it.
    if (!token.alive || current !== token) return;
    leave(entry, token.log!.filter((tensor) => tensor.handle !== 0 && tensor.scope === token && (token.spared!.has(tensor) || survives(tensor))));
  }
}
