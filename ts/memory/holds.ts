/** The owner of a tensor of the root, outside of every scope: each has one of its own, so that one can be released while the others live. */
import { engine, generation } from "../runtime/instance.js";
import type { ScopeToken } from "./memory.js";
import { forget, type MovedOut } from "./spill.js";
import type { Tensor } from "../tensor.js";

/** Makes the error for the use of a tensor that went, where "its scope has ended" would not tell why. */
export type Reason = () => Error;

/** The owner of one tensor of the root. It does not know the tensor, which would keep that alive. */
export class Hold {
  /** Of the root. */
  readonly depth = 0;
  /** Under the finalizer's eyes. */
  watched = false;
  /** Used, or made, since the last sweep; what is not plain stays so. */
  warm = true;
  /** Where the numbers are when they are not in the engine. */
  out: MovedOut | null = null;
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
    return this.out !== null && this.root.open;
  }

  /** What whoever uses it later is told. */
  get reason(): Reason | null {
    return this.gone ?? this.root.reason;
  }

  /** Releases the tensor. */
  release(why: Reason | null = null): void {
    if (!this.alive) return;
    if (this.out === null) engine.dispose(this.id);
    else forget(this.out);
    this.out = null;
    this.held = false;
    this.warm = false;
    this.gone = why;
    this.unwatch();
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

/** Unreachable tensors, released at the next call: a finalizer may run at any awkward moment. */
let unreachable: Hold[] = [];

const registry = new FinalizationRegistry<{ hold: Hold; made: number }>(({ hold, made }) => {
  if (hold.alive && made === generation) unreachable.push(hold);
});

/** Releases what the garbage collector found. */
export function collect(): void {
  if (unreachable.length === 0) return;
  const holds = unreachable;
  unreachable = [];
  for (const hold of holds) hold.release();
}

/** At a `reset()`: there is nothing left to release. */
export function abandonUnreachable(): void {
  unreachable = [];
}
