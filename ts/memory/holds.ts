/** The owner of a tensor of the root, outside of every scope: each has one of its own, so that one can be released while the others live. */
import { engine, generation, isPoisoned } from "../runtime/instance.js";
import type { ScopeToken } from "./memory.js";
import { graphPace } from "./pace.js";
import type { Part } from "./parts.js";
import { bytesOf, forget, kindsOf, moveOut, type MovedOut } from "./spill.js";
import type { Tensor } from "../tensor.js";

/** Makes the error for the use of a tensor that went, where "its scope has ended" would not tell why. */
export type Reason = () => Error;

/** A tensor that parts of graphs were computed from which were moved out. It must be inside, or in a part itself, as long as they can come back. */
export interface Needed {
  /** How many. */
  parts: number;
  /** The engine's; 0: it was moved out. */
  id: number;
  /** Nobody else wants it. */
  released: boolean;
  readonly made: number;
}

/** A part is inside again, or gone. */
export function needless(needed: Needed): void {
  needed.parts--;
  if (needed.parts === 0 && needed.released && needed.id !== 0 && needed.made === generation && !isPoisoned()) engine.dispose(needed.id);
}

/** A parameter that was moved out, to which a gradient belongs that is a tensor of its own. */
export interface Heir {
  /** The gradient's, when that was released: as they were then. */
  numbers: MovedOut | null;
}

/** The owner of one tensor of the root. It does not know the tensor, which would keep that alive. */
export class Hold {
  /** Of the root. */
  readonly depth = 0;
  /** Under the finalizer's eyes. */
  watched = false;
  /** Used, or made, since the last sweep. */
  warm = true;
  /** Of something that is part of a graph. */
  recorded = false;
  /** Where the numbers are when they are not in the engine. */
  out: MovedOut | null = null;
  /** The part of a graph it was moved out with. */
  part: Part | null = null;
  /** Of a gradient whose parameter was moved out: who gets the numbers when it is released. */
  heir: Heir | null = null;
  /** What parts that were moved out and were computed from this tensor need of it, which is no parameter. */
  needed: Needed | null = null;
  private held = true;
  private gone: Reason | null = null;

  constructor(
    /** The engine's; another one each time the numbers were brought back. */
    public id: number,
    private readonly root: ScopeToken,
    /** Neither a step nor a loop releases it. */
    public kept: boolean,
    /** Grows with every tensor of the root. */
    readonly serial: number,
  ) {}

  /** Tensors of the root are in nobody's log. */
  get log(): null {
    return null;
  }

  get alive(): boolean {
    return this.held && this.root.alive;
  }

  /** It may be used unasked. */
  get open(): boolean {
    return this.warm && this.root.open;
  }

  /** Moved out, and no function is watched for what it closes over, where another value may stand for it. */
  get readable(): boolean {
    return this.held && this.out !== null && this.root.open;
  }

  /** What whoever uses it later is told. */
  get reason(): Reason | null {
    return this.gone ?? this.root.reason;
  }

  /** Releases the tensor. */
  release(why: Reason | null = null): void {
    if (!this.alive) return;
    // Moved in vain: it would have gone anyway.
    if (why !== null && this.part !== null) graphPace.mistake(bytesOf(this.out!));
    if (this.isNeeded) this.needed!.released = true;
    else this.letGo();
    this.held = false;
    this.warm = false;
    this.gone = why;
    this.unwatch();
  }

  private letGo(): void {
    if (this.heir === null || !this.leave(this.heir)) {
      if (this.out === null) engine.dispose(this.id);
      else forget(this.out);
    }
    this.out = null;
    this.part = null;
  }

  /** Leaves the numbers to `heir`; without memory for that he has those he knows. */
  private leave(heir: Heir): boolean {
    this.heir = null;
    try {
      if (this.out === null) {
        const [kind] = kindsOf([this.id]);
        if (kind!.is !== "plain") return false;
        this.out = moveOut(this.id, kind as typeof kind & { is: "plain" });
      }
      heir.numbers = this.out;
      return true;
    } catch {
      return false;
    }
  }

  /** Released or not, its node is wanted. */
  get isNeeded(): boolean {
    return this.needed !== null && this.needed.parts > 0;
  }

  /** Its part was moved out, and the id is gone. */
  moveOut(out: MovedOut, part: Part): void {
    this.out = out;
    this.part = part;
    if (this.needed !== null) this.needed.id = 0;
    this.unwatch();
  }

  /** Its part is inside again. */
  moveIn(id: number): void {
    forget(this.out!);
    this.out = null;
    this.part = null;
    this.id = id;
    if (this.needed !== null) this.needed.id = id;
  }

  /** One more part needs it. */
  need(): Needed {
    this.needed ??= { parts: 0, id: this.id, released: false, made: generation };
    this.needed.parts++;
    return this.needed;
  }

  watch(tensor: Tensor): void {
    if (this.watched || !this.alive) return;
    this.watched = true;
    registry.register(tensor, { hold: this, made: generation }, this);
  }

  /** The registry keeps hold of what it watches for. */
  unwatch(): void {
    if (this.watched) registry.unregister(this);
    this.watched = false;
  }
}

/** Plain tensors that were not to be moved when it was tried: something inside holds them. */
export const pinned = new Set<Hold>();

/** Unreachable tensors, released at the next call: a finalizer may run at any awkward moment. */
let unreachable: Hold[] = [];

const registry = new FinalizationRegistry<{ hold: Hold; made: number }>(({ hold, made }) => {
  if (hold.alive && made === generation) unreachable.push(hold);
});

/** Releases what the garbage collector found; whether that was anything. */
export function collect(): boolean {
  if (unreachable.length === 0) return false;
  const holds = unreachable;
  unreachable = [];
  for (const hold of holds) hold.release();
  return true;
}

/** At a `reset()`: there is nothing left to release. */
export function abandonUnreachable(): void {
  unreachable = [];
}
