/**
 * Tensors of the root, outside of every scope. Each has an owner of its own, a `Hold`, so that one can be released while the others
 * live: by the garbage collector as a safety net, by the end of a training step, by a loader's loop.
 */
import { checked, engine, generation, scratch } from "./runtime/instance.js";
import type { ScopeToken } from "./memory.js";
import type { Tensor } from "./tensor.js";

/** Makes the error for the use of a tensor that went, where "its scope has ended" would not tell why. */
export type Reason = () => Error;

/** The owner of one tensor of the root. It does not know the tensor, which would keep that alive. */
export class Hold {
  /** Of the root. */
  readonly depth = 0;
  /** Under the finalizer's eyes. */
  watched = false;
  private held = true;
  private gone: Reason | null = null;

  constructor(
    readonly id: number,
    private readonly root: ScopeToken,
    /** Neither a step nor a loop releases it. */
    public kept: boolean,
    /** Grows with every tensor of the root. */
    readonly serial: number,
  ) {}

  get alive(): boolean {
    return this.held && this.root.alive;
  }

  get open(): boolean {
    return this.held && this.root.open;
  }

  /** What whoever uses it later is told. */
  get reason(): Reason | null {
    return this.gone ?? this.root.reason;
  }

  /** Nothing is left to watch. */
  drop(why: Reason | null = null): void {
    this.held = false;
    this.gone = why;
    if (this.watched) registry.unregister(this);
  }
}

/** Ids of unreachable tensors, released at the next call: a finalizer may run at any awkward moment. */
let unreachable: Hold[] = [];

const registry = new FinalizationRegistry<{ hold: Hold; made: number }>(({ hold, made }) => {
  if (hold.alive && made === generation) unreachable.push(hold);
});

/** Releases what the garbage collector found. */
export function collect(): void {
  if (unreachable.length === 0) return;
  const holds = unreachable;
  unreachable = [];
  for (const hold of holds) {
    if (hold.alive) engine.dispose(hold.id);
    hold.drop();
  }
}

/** The last tensor's number. */
export let serial = 0;

/** The tensors of the root made since it was opened. The dead are dropped now and then. */
export class HoldList {
  holds: Hold[] = [];
  private limit = 4096;

  add(fresh: Hold): void {
    if (this.holds.push(fresh) < this.limit) return;
    this.holds = this.holds.filter((hold) => hold.alive && !hold.kept);
    this.limit = Math.max(4096, 2 * this.holds.length);
  }
}

/** Those to which every fresh hold is added. */
const open = new Set<HoldList>();

/**
 * Finalizers never run before the program gives the event loop a turn, so a tensor is registered when that comes near: most are
 * released before, and registering is the dearest part of making one.
 */
let unwatched: Tensor[] = [];
const BATCH = 1024;

/** An owner for a tensor of the root. */
export function hold(tensor: Tensor, id: number, root: ScopeToken, kept: boolean): Hold {
  collect();
  const fresh = new Hold(id, root, kept, ++serial);
  if (!kept) for (const list of open) list.add(fresh);
  // Before this one is added: it does not have its owner yet.
  if (unwatched.length >= BATCH) watchAll();
  const waiting = unwatched.push(tensor);
  if (waiting === 1) beginTurn();
  else if (waiting % 64 === 0) checkGrowth();
  return fresh;
}

function watchAll(): void {
  const tensors = unwatched;
  unwatched = [];
  for (const tensor of tensors) {
    const owner = tensor.scope;
    if (!(owner instanceof Hold) || !owner.alive || owner.watched || tensor.handle === 0) continue;
    owner.watched = true;
    registry.register(tensor, { hold: owner, made: generation }, owner);
  }
}

/** Releases one tensor of the root; using it from now on throws what `why` makes. */
export function release(owner: Hold, why: Reason): void {
  if (!owner.alive) return;
  owner.drop(why);
  engine.dispose(owner.id);
}

export function openList(): HoldList {
  const list = new HoldList();
  open.add(list);
  return list;
}

export function closeList(list: HoldList): void {
  open.delete(list);
}

/** At a `reset()`: every tensor of the old engine is gone. */
export function abandonAll(): void {
  unwatched = [];
  unreachable = [];
  for (const list of open) list.holds = [];
}

// ---- a warning in time --------------------------------------------------------------------------------------------

/** Bytes of tensors that one turn of the event loop may add before it is said what holds them. */
const WARN_BYTES = 256 * 2 ** 20;
let bytesAtTurn = 0;
let inTurn = false;
let warned = false;

function bytesNow(): number {
  checked(engine.memory_stats());
  return scratch()[1]!;
}

function beginTurn(): void {
  if (inTurn) return;
  inTurn = true;
  if (!warned) bytesAtTurn = bytesNow();
  void Promise.resolve().then(() => {
    inTurn = false;
    watchAll();
  });
}

function checkGrowth(): void {
  if (warned) return;
  const grown = bytesNow() - bytesAtTurn;
  if (grown < WARN_BYTES) return;
  warned = true;
  console.warn(
    `adjoint: ${Math.round(grown / 2 ** 20)} MB of tensors were made without a pause and none of them is known to be done with. ` +
      "JavaScript can only find unused ones when the program gives the event loop a turn. In a loop, wrap the body in scope(() => ...), " +
      "evaluate in noGrad(() => ...), carry state with forLoop or optim.transform, dispose() what is not needed, or await between steps.",
  );
}
