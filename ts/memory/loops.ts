/** One turn of a loader's loop: a scope that begins when a batch is made and ends when the next one is asked for. */
import { DisposedError } from "../errors.js";
import { Hold } from "./holds.js";
import { closeList, graphsDealtWith, openList, serial, type HoldList } from "./sweeps.js";
import { isScalar } from "./spill.js";
import { current, enter, leave, root, type Entry } from "./memory.js";
import { MetaFlag } from "../runtime/boundary.js";
import { checked, engine, scratch } from "../runtime/instance.js";
import type { Tensor } from "../tensor.js";

const releasedByLoop = () =>
  new DisposedError(
    "this tensor was made in the body of a loader's loop and released when the next batch was asked for: what is part of a graph lives for one turn of the loop, in a scope a batch and what is computed from it too. " +
      "Keep it with detach() or keep(t) before the turn ends; loader.toArray() gives all batches at once",
  );

/** Whether the end of a loop's body leaves a tensor alone: scalars (losses in a list), parameters, what is kept. */
function outlivesLoop({ id, part, out }: Pick<Hold, "id" | "part" | "out">): boolean {
  if (part !== null) return isScalar(out!);
  const rank = checked(engine.meta(id)) - 1;
  const leaf = MetaFlag.RequiresGrad | MetaFlag.Leaf;
  return rank === 0 || (scratch()[1]! & leaf) === leaf;
}

/** Spares a tensor from the end of a loader's loop body: what `detach()` promises. */
export function spare(tensor: Tensor): Tensor {
  if (tensor.scope instanceof Hold) tensor.scope.kept = true;
  else tensor.scope.spared?.add(tensor);
  return tensor;
}

/** The turns of loops at the root that are under way, the oldest first, and what was found to be part of a graph since the oldest began. */
const turns = new Set<LoopBody>();
let made: HoldList | null = null;

/** One turn of a loader's loop: begins before a batch is made, and ends when the next one is asked for. */
export class LoopBody {
  /** In a scope: the scope of this turn. */
  private entry: Entry | null = null;
  /** At the root: the last tensor before it. No scope is opened there, since an iterator left lying would leave it open for ever. */
  private readonly began: number = serial;
  /** At the root, when it is over: what it made that is part of a graph. Plain values need nobody to release them (`sweeps.ts`). */
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
    for (const hold of this.left) if (hold.alive && !hold.kept && !outlivesLoop(hold)) hold.release(releasedByLoop);
    graphsDealtWith();
    this.left = [];
    this.leave((tensor) => outlivesLoop({ id: tensor.handle, part: null, out: null }));
  }

  /** The loop is over: what its last turn made may be read after it, until it is `end`ed. */
  finish(): void {
    this.close();
    this.leave(() => true);
  }

  /** Takes stock of what it made, apart from what a younger turn (of a loop that is zipped with this one) made as well. */
  private close(): void {
    const all = [...turns];
    const younger = all[all.indexOf(this) + 1];
    if (!turns.delete(this) || made === null) return;
    const until = younger?.began ?? serial;
    this.left = made.all().filter((hold) => hold.serial > this.began && hold.serial <= until);
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
    leave(
      entry,
      token.log!.filter((tensor) => tensor.handle !== 0 && tensor.scope === token && (token.spared!.has(tensor) || survives(tensor))),
    );
  }
}
