/**
 * Graphs of the root that nobody goes backward through, as an evaluation without `noGrad` leaves them behind with every turn. What is part of a graph
 * cannot be moved tensor by tensor, as plain values are: its nodes hold each other. So it goes by *parts*, nodes that hang together and that
 * nothing in the engine refers to but tensors which were not used between two sweeps. Such a part, nodes and numbers, becomes one JavaScript
 * object, which its tensors refer to: ordinary garbage when nobody can reach any of them. The next use of one of them makes all of the part again, the
 * same to the bit, so that a later `backward()` finds what it would have found.
 *
 * What a part was computed from may stay inside: parameters, and tensors that are used. It names their owners.
 */

import { bytesInUse, checked, engine, failure, pass, scratch } from "../runtime/instance.js";
import { type Heir, type Hold, type Needed, needless, pinned } from "./holds.js";
import { graphPace } from "./pace.js";
import { copyOut, fill, moveIn, type Store, settle, sharedStore, undoCopy } from "./spill.js";

/** A part of a graph that was moved out. */
export interface Part {
  /** As the engine takes it back (`crate::parts`), apart from ids, which are others then. */
  readonly description: Float64Array;
  /** Where each value lies; null: only its dims and dtype are asked for. */
  readonly stores: (Store | null)[];
  /** The owners of what it was computed from. */
  readonly named: readonly (Hold | null)[];
  /** The owners of its tensors. */
  readonly holds: readonly Hold[];
  /** Of a parameter: its gradient, when that is a tensor of its own, and which value that was. */
  gradient: {
    readonly owner: Hold;
    readonly heir: Heir;
    readonly value: number;
  } | null;
}

/** Stands behind a name in a description in place of how often a parameter was written to. */
const NO_LEAF = -1;

/** The owners of what is part of a graph and inside; the dead are dropped now and then. */
let holds: Hold[] = [];
let limit = 4096;

const isInside = (hold: Hold) => hold.part === null && (hold.alive || hold.isNeeded);

/** An owner was found to be of a tensor that is part of a graph. */
export function addRecorded(hold: Hold): void {
  hold.recorded = true;
  if (holds.push(hold) < limit) return;
  holds = holds.filter(isInside);
  limit = Math.max(4096, 2 * holds.length);
}

/** Bytes since the last sweep of graphs. */
let added = 0;
/** Of the tape when it was last gone through, which takes time: as much as making so many bytes a row. */
let rows = 0;
const USUAL_COST = 64;
let cost = USUAL_COST;

/** Test mode, see `sweepAfter`. */
export function paceGraphs(bytes: number | null): void {
  graphPace.fix(bytes);
  cost = bytes === null ? USUAL_COST : 0;
}

/** Parts came back, and their tensors with them; nobody watches for those that were not used since. */
let strays = false;

/** Moves parts out again that nobody needs inside. Whether there were any. */
export function moveStrays(): boolean {
  if (!strays) return false;
  strays = false;
  holds = holds.filter(isInside);
  const count = holds.length;
  try {
    moveParts(
      holds.filter((hold) => !hold.warm),
      holds,
    );
  } finally {
    holds = holds.filter(isInside);
    strays = holds.some((hold) => !hold.warm && !hold.watched);
  }
  return holds.length < count;
}

/** A sweep, after so many bytes since the last. Returns how many bytes it moved out; null: no part. */
export function sweepGraphs(bytes: number): number | null {
  added += bytes;
  if (added < graphPace.budget || added < cost * rows) return null;
  added = 0;
  const before = bytesInUse();
  holds = holds.filter(isInside);
  const cold = holds.filter((hold) => !hold.warm);
  const count = holds.length;
  try {
    if (cold.length > 0) moveParts(cold, holds);
  } finally {
    holds = holds.filter(isInside);
    for (const hold of holds) hold.warm = false;
    graphPace.adapt(before > 2 ** 31);
  }
  return holds.length === count ? null : Math.max(0, before - bytesInUse());
}

function moveParts(cold: readonly Hold[], all: readonly Hold[]): void {
  const owners = new Map<number, Hold>();
  for (const hold of all) owners.set(hold.id, hold);
  // Gradients are plain, but their parameters refer to them.
  for (const hold of pinned) if (hold.alive && hold.out === null) owners.set(hold.id, hold);
  pass(
    cold.map((hold) => hold.id),
    all.filter((hold) => hold.warm).map((hold) => hold.id),
  );
  const count = checked(engine.graph_parts(all.length, cold.length)) - 1;
  rows = scratch()[0]!;
  try {
    for (let i = 0; i < count; i++) moveOut(i, owners);
  } finally {
    engine.graph_parts(0, 0);
  }
}

/** Moves a part out, if it can be. Throws, with nothing changed, when there is no room for the numbers outside. */
function moveOut(index: number, owners: ReadonlyMap<number, Hold>): void {
  const length = checked(engine.graph_part(index)) - 1;
  if (length === 0) return;
  const from = scratch(length).slice(0, length);
  const [ofValues, ofBoundaries, ofHandles] = from as unknown as [number, number, number];
  const description = new Float64Array(length - 3 * ofValues);
  const stores: (Store | null)[] = [];
  const layouts: Float64Array[] = [];
  const ids: number[] = [];
  const own = new Map<number, Store>();
  description.set(from.subarray(0, 4));
  let [at, to] = [4, 4];
  const copy = (count: number) => {
    description.set(from.subarray(at, at + count), to);
    at += count;
    to += count;
  };
  const undo = () => {
    for (const store of stores) {
      if (store === null) continue;
      store.members--;
      settle(store);
    }
    for (const store of own.values()) undoCopy(store);
  };
  try {
    for (let i = 0; i < ofValues; i++) {
      const [slot, address, alone, count, dtype, rank] = from.subarray(at, at + 6) as unknown as number[];
      let store: Store | null = null;
      if (address !== 0) {
        store = own.get(address!) ?? (alone === 1 ? copyOut(address!, count!, dtype!) : sharedStore(address!, slot!));
        if (alone === 1) own.set(address!, store);
        store.members++;
      }
      stores.push(store);
      ids.push(alone === 2 ? slot! : 0);
      at += 4;
      to++;
      layouts.push(from.slice(at, at + 2 * rank! + 3));
      copy(2 * rank! + 3);
    }
  } catch (error) {
    undo();
    throw error;
  }
  const named: (Hold | null)[] = [];
  for (let i = 0; i < ofBoundaries; i++) {
    const id = from[at]!;
    const owner = id > 0 ? owners.get(id) : null;
    if (owner === undefined) return undo();
    named.push(owner);
    copy(2);
  }
  const members: Hold[] = [];
  const first = at;
  let gradient: Part["gradient"] = null;
  for (let i = 0; i < ofHandles; i++) {
    const owner = owners.get(from[at]!);
    if (owner === undefined) return undo();
    members.push(owner);
    const id = ids[from[at + 3]! - 1] ?? 0;
    if (id !== 0) {
      const ownerOfGradient = owners.get(id);
      if (ownerOfGradient === undefined) return undo();
      gradient = {
        owner: ownerOfGradient,
        heir: { numbers: null },
        value: from[at + 3]! - 1,
      };
    }
    copy(4);
  }
  const part: Part = { description, stores, named, holds: members, gradient };
  copy(length - at);
  // Nothing fails any more.
  members.forEach((owner, i) => {
    const value = from[first + 4 * i + 2]! - 1;
    const store = stores[value]!;
    store.members++;
    engine.dispose(owner.id);
    owner.moveOut({ store, layout: layouts[value]! }, part);
  });
  if (gradient !== null) gradient.owner.heir = gradient.heir;
  const needed = needs(part).map((owner) => owner.need());
  if (needed.length > 0) unreachable.register(part, needed, part);
}

/** The owners of what a part was computed from that is no parameter: they are needed. A parameter that is gone gets no gradient. */
function needs({ description, named }: Part): Hold[] {
  const at = namesAt(description);
  return named.filter((owner, i): owner is Hold => owner !== null && description[at + 2 * i + 1] === NO_LEAF);
}

/** Parts that nobody can bring back. */
const unreachable = new FinalizationRegistry<readonly Needed[]>((all) => all.forEach(needless));

/** Where the names stand in a description: behind the values. */
function namesAt(description: Float64Array): number {
  let at = 4;
  for (let i = 0; i < description[0]!; i++) at += 2 * description[at + 2]! + 4;
  return at;
}

/** Makes a part again, and what it was computed from: the owners of all that came back. Throws `OutOfMemoryError`, with nothing lost. */
export function restore(part: Part, restored: Hold[] = []): readonly Hold[] {
  for (const owner of part.named) if (owner?.part != null) restore(owner.part, restored);
  const { description, stores } = part;
  const gradient = gradientId(part);
  let bytes = 0;
  let at = 4;
  for (const store of stores) {
    if (store !== null && store.id === 0) bytes += fill(store, description[at + 1]!);
    at += 2 * description[at + 2]! + 4;
  }
  const s = scratch(description.length);
  s.set(description);
  at = 4;
  for (const store of stores) {
    s[at] = store === null ? 0 : store.id;
    at += 2 * description[at + 2]! + 4;
  }
  for (const owner of part.named) {
    if (owner !== null) s[at] = owner.alive || owner.isNeeded ? owner.id : 0;
    at += 2;
  }
  // A parameter is a part by itself.
  if (gradient !== 0) s[at + 3] = -gradient;
  if (engine.graph_part_in(description.length) === 0) throw failure();
  if (part.gradient !== null) part.gradient.owner.heir = null;
  const ids = scratch(part.holds.length).slice(0, part.holds.length);
  const gone: number[] = [];
  strays = true;
  part.holds.forEach((owner, i) => {
    // Released meanwhile; or it is another part's now, which cannot be.
    if (owner.part !== part) {
      gone.push(ids[i]!);
      return;
    }
    owner.moveIn(ids[i]!);
    restored.push(owner);
    holds.push(owner);
  });
  for (const id of gone) engine.dispose(id);
  for (const store of stores) {
    if (store === null) continue;
    store.members--;
    settle(store);
  }
  if (unreachable.unregister(part)) for (const owner of needs(part)) needless(owner.needed!);
  graphPace.mistake(bytes);
  return restored;
}

/** The engine's id for the gradient of a parameter that comes back; 0: it is no tensor any more, and a value of the part. */
function gradientId(part: Part): number {
  if (part.gradient === null) return 0;
  const { owner, heir, value } = part.gradient;
  if (heir.numbers !== null) {
    const { store, layout } = heir.numbers;
    const before = part.stores[value]!;
    before.members--;
    settle(before);
    part.stores[value] = store;
    let at = 4;
    for (let i = 0; i < value; i++) at += 2 * part.description[at + 2]! + 4;
    part.description.set(layout, at + 1);
    part.gradient = null;
    return 0;
  }
  if (!owner.alive) return 0;
  if (owner.out !== null) {
    owner.id = moveIn(owner.out).id;
    owner.out = null;
    pinned.add(owner);
  }
  return owner.id;
}

/** At a `reset()`. */
export function abandonParts(): void {
  holds = [];
  [added, rows, strays] = [0, 0, false];
}
