/**
 * Who finds the tensors of the root that are not needed any more. What is part of a graph is released by the end of a training step. Plain
 * values are found by JavaScript's garbage collector, in the middle of a synchronous loop too, because numbers that were not used for a while
 * are moved out of WebAssembly memory (`spill.ts`):
 *
 * - All that was made is sorted now and then into what is recorded and what is plain.
 * - A *sweep*, whenever `budget` bytes have been added, moves the plain tensors out that were not used since the sweep before, and
 *   marks the others as not used: `idOf` finds them marked at the next use, or brings them back.
 * - So a tensor that nobody can reach becomes ordinary garbage, and one that somebody wants is never gone.
 *
 * A sweep begins when a tensor of the root is made and no scope or transform is open. **Nobody may hold a plain tensor's id while he makes two
 * others**: take ids (`idOf`) right before the call that needs them.
 */
import type { TypedArray } from "../dtype.js";
import { OutOfMemoryError } from "../errors.js";
import { bytesInUse, engine, isPoisoned } from "../runtime/instance.js";
import type { Tensor } from "../tensor.js";
import { abandonUnreachable, collect, Hold, pinned } from "./holds.js";
import type { ScopeToken } from "./memory.js";
import { Pace } from "./pace.js";
import { abandonParts, addRecorded, moveStrays, paceGraphs, restore, sweepGraphs } from "./parts.js";
import {
  abandonStores,
  kindsOf,
  type MovedOut,
  moveIn,
  moveOut,
  moveShared,
  NOWHERE,
  numberOutside,
  readOutside,
  sharedBuffers,
} from "./spill.js";

// ---- what is part of a graph ---------------------------------------------------------------------------------------

/** The last tensor's number. */
export let serial = 0;

/** The tensors of the root that were found to be part of a graph since it was opened. The dead are dropped now and then. */
export class HoldList {
  holds: Hold[] = [];
  private limit = 4096;

  add(fresh: Hold): void {
    if (this.holds.push(fresh) < this.limit) return;
    this.holds = this.holds.filter((hold) => hold.alive && !hold.kept);
    this.limit = Math.max(4096, 2 * this.holds.length);
  }

  /** All of them up to now. */
  all(): readonly Hold[] {
    sort();
    return this.holds;
  }

  /** What was moved out is found by the garbage collector, which a list would keep from it; it is added again when it comes back. */
  dropMovedOut(): void {
    this.holds = this.holds.filter((hold) => hold.alive && hold.part === null);
  }

  /** The same, and the list is empty again. */
  take(): Hold[] {
    const holds = this.all().filter((hold) => hold.alive && !hold.kept);
    this.holds = [];
    return holds;
  }
}

const open = new Set<HoldList>();

export function openList(): HoldList {
  const list = new HoldList();
  open.add(list);
  return list;
}

export function closeList(list: HoldList): void {
  open.delete(list);
}

// ---- who is where --------------------------------------------------------------------------------------------------

/**
 * Each living tensor of the root is in one of these, until it is moved out, or found to be recorded and watched. The lists of tensors keep
 * them alive until the next sweep or turn: only what still lives then is worth the finalizer, the dearest part of a tensor.
 */
let fresh: Tensor[] = [];
let recorded: Tensor[] = [];
let plain: Tensor[] = [];
/** Plain, used since the last sweep, and watched. */
let watched: Hold[] = [];
/** Plain, and not used since the last sweep unless `warm`. */
let cold: Hold[] = [];
/** Sweeps since it was tried again. */
let roundsWithout = 0;

/** An owner for a tensor of the root. */
export function hold(tensor: Tensor, id: number, root: ScopeToken, kept: boolean): Hold {
  // What finalizers released is no room for as much garbage.
  if (collect()) mark = Math.min(mark, bytesInUse() + pace.budget);
  // Before this one is added: it does not have its owner yet.
  if (bytesInUse() + OVERHEAD * (serial - sweptAt) >= mark) makeRoom();
  fresh.push(tensor);
  beginTurn();
  return new Hold(id, root, kept, ++serial);
}

/** An owner for numbers that lie outside from the beginning. There is nothing to release, so nobody watches it. */
export function holdOutside(out: MovedOut, root: ScopeToken): Hold {
  const owner = new Hold(NOWHERE, root, false, ++serial);
  owner.out = out;
  owner.warm = false;
  return owner;
}

/** Makes a tensor's owner `open`, unless it is gone: it was not used for a while. Throws `OutOfMemoryError`. */
export function wake(tensor: Tensor): void {
  const owner = tensor.scope;
  if (!(owner instanceof Hold) || owner.warm || !owner.alive) return;
  if (owner.part !== null) {
    comeBack(owner);
  } else if (owner.out !== null) {
    const { id, bytes } = moveIn(owner.out);
    owner.id = id;
    owner.out = null;
    pace.mistake(bytes + OVERHEAD);
  }
  // Also when another tensor brought this one back with its part.
  tensor.handle = owner.id;
  owner.warm = true;
  if (owner.recorded && owner.watched) return;
  (owner.recorded ? recorded : plain).push(tensor);
  beginTurn();
}

/** Brings the part of a graph back that an owner's tensor was moved out with. Throws `OutOfMemoryError`. */
export function comeBack(owner: Hold): void {
  if (owner.part === null) return;
  for (const restored of restore(owner.part)) if (restored.alive && !restored.kept) for (const list of open) list.add(restored);
}

/** The number of a 0-d tensor that was moved out, where that is at hand. */
export function readNumberMovedOut(tensor: Tensor): number | null {
  const owner = tensor.scope;
  return owner instanceof Hold && owner.readable ? numberOutside(owner.out!) : null;
}

/** The elements of a tensor that was moved out, where that does without bringing it back: a history is read one by one. */
export function readMovedOut(tensor: Tensor): TypedArray | null {
  const owner = tensor.scope;
  return owner instanceof Hold && owner.readable ? readOutside(owner.out!) : null;
}

/** The engine's id of a tensor that lives there; else 0. Its handle may be out of date, and another tensor's id now. */
export function idInside({ scope, handle }: Tensor): number {
  if (!scope.alive) return 0;
  return scope instanceof Hold ? (scope.out === null ? scope.id : 0) : handle;
}

/** Finds out what the fresh tensors are. */
function sort(): void {
  if (fresh.length === 0) return;
  const tensors = fresh.filter((tensor) => tensor.scope instanceof Hold && tensor.scope.alive);
  const holds = tensors.map((tensor) => tensor.scope as Hold);
  const kinds = kindsOf(holds.map((owner) => owner.id));
  fresh = [];
  kinds.forEach((kind, i) => {
    if (kind.is !== "recorded") {
      plain.push(tensors[i]!);
      return;
    }
    recorded.push(tensors[i]!);
    addRecorded(holds[i]!);
    if (!holds[i]!.kept) for (const list of open) list.add(holds[i]!);
    graphBytes += kind.bytes;
  });
  warn();
}

const resting = (owner: Hold) => owner.alive && !owner.warm && owner.out === null;

function moveAll(holds: readonly Hold[]): void {
  kindsOf(holds.map((owner) => owner.id)).forEach((kind, i) => {
    const owner = holds[i]!;
    if (!resting(owner)) return;
    try {
      if (kind.is === "plain") owner.out = moveOut(owner.id, kind);
    } catch {
      // No room outside: it stays.
    }
    if (owner.out === null) pinned.add(owner);
    else owner.unwatch();
  });
}

// ---- when ----------------------------------------------------------------------------------------------------------

/** What a tensor takes besides its numbers, here and in the engine. */
const OVERHEAD = 64;
const pace = new Pace(2 ** 19, 2 ** 29);
/** The bytes in use, and the tensor, at which the next sweep is due, and the last was. */
let mark = pace.budget;
let sweptAt = 0;

/** A sweep, if one is due and possible now. */
export function makeRoom(): void {
  if (bytesInUse() + OVERHEAD * (serial - sweptAt) < mark || engine.depth() > 0 || engine.level_depth() > 1) return;
  quietly(sweep);
  mark = bytesInUse() + pace.budget;
  sweptAt = serial;
}

const others: (() => void)[] = [];
/** Runs `move` with every sweep: for what else can be moved out. */
export function onSweep(move: () => void): void {
  others.push(move);
}

const onMoved: (() => void)[] = [];
/** Runs `drop` after parts of graphs were moved out: nothing that is no tensor may keep them. */
export function onGraphsMoved(drop: () => void): void {
  onMoved.push(drop);
}

/** So many bytes that were outside were wanted again: where that is much, sweeps become rarer. */
export function noteBroughtBack(bytes: number): void {
  pace.mistake(bytes);
}

function sweep(): void {
  sort();
  for (const move of others) move();
  for (const tensor of recorded) watch(tensor);
  const victims = cold.filter(resting);
  cold = plain.flatMap((tensor) => (tensor.scope instanceof Hold ? [tensor.scope] : [])).concat(watched);
  for (const owner of cold) owner.warm = false;
  recorded = [];
  plain = [];
  watched = [];
  moveAll(victims);
  // There may be very many of these: now and then.
  if (pinned.size + sharedBuffers() <= 1024 * ++roundsWithout) tryAgain();
  // Half of what there can be: no time to be generous.
  pace.adapt(bytesInUse() > 2 ** 31);
  const moved = sweepGraphs(pace.budget);
  if (moved === null) return;
  graphBytes = Math.max(0, graphBytes - moved);
  partsMoved();
}

function partsMoved(): void {
  for (const list of open) list.dropMovedOut();
  for (const drop of onMoved) drop();
}

/** Moves out what could not be moved before. */
function tryAgain(): void {
  roundsWithout = 0;
  const victims = [...pinned].filter(resting);
  pinned.clear();
  moveAll(victims);
  moveShared();
}

/** Leaves nothing inside that nobody needs there, as far as that can be known. */
export function tidy(): void {
  collect();
  if (engine.depth() === 0 && engine.level_depth() === 1)
    quietly(() => {
      if (moveStrays()) partsMoved();
    });
  if (pinned.size + sharedBuffers() > 0) quietly(tryAgain);
}

let fixed: number | null = null;

/** Test mode: so many bytes between two sweeps, 0 for a sweep with every tensor; `null` for as many as seem good. Returns what it was. */
export function sweepAfter(bytes: number | null): number | null {
  const before = fixed;
  fixed = bytes;
  pace.fix(bytes);
  paceGraphs(bytes);
  mark = bytesInUse() + pace.budget;
  return before;
}

let inTurn = false;

/** Until the program gives the event loop a turn, which is when finalizers can run. */
function beginTurn(): void {
  if (inTurn) return;
  inTurn = true;
  void Promise.resolve().then(() => {
    inTurn = false;
    if (!isPoisoned()) quietly(endTurn);
  });
}

/** What lives then is watched. What a sweep of this turn marked is not, and moved. */
function endTurn(): void {
  sort();
  graphBytes = 0;
  for (const tensor of recorded) watch(tensor);
  for (const tensor of plain) {
    watch(tensor);
    if (tensor.scope instanceof Hold) watched.push(tensor.scope);
  }
  recorded = [];
  plain = [];
  const victims = cold.filter((owner) => resting(owner) && !owner.watched);
  cold = cold.filter((owner) => resting(owner) && owner.watched);
  moveAll(victims);
  if (pinned.size + sharedBuffers() > 0) tryAgain();
}

function watch(tensor: Tensor): void {
  if (tensor.scope instanceof Hold) tensor.scope.watch(tensor);
}

/** What a sweep cannot do for want of memory is left to the next; whoever made a tensor has his own. */
function quietly(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error;
  }
}

/** At a `reset()`: every tensor of the old engine is gone. */
export function abandonAll(): void {
  [fresh, recorded, plain, watched, cold] = [[], [], [], [], []];
  abandonUnreachable();
  pinned.clear();
  abandonStores();
  abandonParts();
  for (const list of open) list.holds = [];
  mark = pace.budget;
  sweptAt = serial;
}

// ---- a warning in time ---------------------------------------------------------------------------------------------

/** Bytes of graphs that one turn of the event loop may add, without a step, before it is said what holds them. */
const WARN_BYTES = 256 * 2 ** 20;
let graphBytes = 0;
let warned = false;

/** A step, or the end of a loop's turn, took care of the graphs made so far. */
export function graphsDealtWith(): void {
  graphBytes = 0;
}

function warn(): void {
  if (warned || graphBytes < WARN_BYTES) return;
  warned = true;
  console.warn(
    `adjoint: ${Math.round(graphBytes / 2 ** 20)} MB of tensors were computed from parameters without a pause, no training step made use of them, and they could not be moved out. ` +
      "They hold their graphs, and JavaScript can only find unused ones when the program gives the event loop a turn. Evaluate in noGrad(() => ...), " +
      "wrap the loop's body in scope(() => ...), dispose() what is not needed, or await between steps.",
  );
}
