/**
 * Numbers of tensors that are moved out of WebAssembly memory, where JavaScript's garbage collector does not see them, into typed arrays,
 * where it does. Tensors that share a buffer share what became of it, so nothing takes more room outside than it did inside, and what
 * comes back is the same to the bit. Who is moved when: `sweeps.ts`.
 */
import { DTYPES, elements, newElements, type TypedArray } from "../dtype.js";
import { Spillable } from "../runtime/boundary.js";
import { checked, engine, failure, pass, scratch } from "../runtime/instance.js";

/** The elements of a buffer; one by itself is a number, as losses in a list are, and a few that a program made are an array. */
type Numbers = TypedArray | number | readonly number[];

/** A buffer in which tensors lie that were moved out. */
export interface Store {
  /** How many they are. */
  members: number;
  /** The engine's id for all of it, as long as others lie in it that are inside; then 0. */
  id: number;
  address: number;
  /** What it holds, once nobody inside needs it. */
  numbers: Numbers | null;
}

/** Where the numbers of a tensor are: the dtype, rank, dims, strides and offset of an array in a buffer, as the engine wrote them. */
export interface MovedOut {
  readonly store: Store;
  readonly layout: Float64Array;
}

/** The buffers that are inside though tensors in them were moved out, by address. */
const shared = new Map<number, Store>();

export function sharedBuffers(): number {
  return shared.size;
}

/** What the engine says of an id: part of a graph (of so many bytes), pinned by something that refers to it, or plain. */
export type Kind =
  | { readonly is: "recorded"; readonly bytes: number }
  | { readonly is: "pinned" }
  | { readonly is: "plain"; readonly address: number; readonly sharers: number };

/** The bytes of numbers outside. A buffer that the garbage collector found is subtracted as soon as the event loop gets a turn. */
export let movedOutBytes = 0;
/** Only buffers of so many bytes are counted: the finalizer costs as much as copying a small one. */
const COUNTED = 2 ** 15;

const outside = new FinalizationRegistry<number>((bytes) => {
  movedOutBytes -= bytes;
});

function isCounted(numbers: Numbers): numbers is TypedArray {
  return typeof numbers !== "number" && !Array.isArray(numbers) && (numbers as TypedArray).byteLength >= COUNTED;
}

/** Numbers that lie outside from now on. */
export function countOut(numbers: Numbers): void {
  if (!isCounted(numbers)) return;
  movedOutBytes += numbers.byteLength;
  outside.register(numbers, numbers.byteLength, numbers);
}

/** Numbers that do not any more. */
export function countIn(numbers: Numbers): void {
  if (isCounted(numbers) && outside.unregister(numbers)) movedOutBytes -= numbers.byteLength;
}

const PINNED: Kind = { is: "pinned" };

export function kindsOf(ids: readonly number[]): Kind[] {
  if (ids.length === 0) return [];
  pass(ids);
  checked(engine.spillable(ids.length));
  const answers = scratch(2 * ids.length);
  return ids.map((_, i) => {
    const [code, number] = [answers[2 * i]!, answers[2 * i + 1]!];
    if (code === Spillable.Recorded) return { is: "recorded", bytes: number };
    return code === Spillable.Pinned ? PINNED : { is: "plain", address: code, sharers: number };
  });
}

/** The last layout of each rank: in a loop most are like the one before, and are shared. */
const layouts: Float64Array[] = [];

/** The number of elements in the row, and the layout in it. */
function readLayout(): { count: number; layout: Float64Array } {
  const rank = scratch()[2]!;
  const length = 2 * rank + 3;
  const s = scratch(length + 1);
  let layout = layouts[rank];
  if (layout === undefined || layout.some((v, i) => v !== s[i + 1])) layouts[rank] = layout = s.slice(1, length + 1);
  return { count: s[0]!, layout };
}

/** Moves a plain tensor out. Its id is gone then. Throws, with nothing changed, when there is no room for the numbers outside. */
export function moveOut(id: number, { address, sharers }: Kind & { is: "plain" }): MovedOut {
  const known = shared.get(address);
  if (known === undefined && sharers === 1) {
    const { numbers, layout } = copyOf(id);
    engine.dispose(id);
    return { store: { members: 1, id: 0, address: 0, numbers }, layout };
  }
  const whole = checked(engine.whole_buffer(id));
  const { layout } = readLayout();
  engine.dispose(id);
  if (known !== undefined) engine.dispose(whole);
  const store = known ?? { members: 0, id: whole, address, numbers: null };
  shared.set(address, store);
  store.members++;
  return { store, layout };
}

/** A buffer that somebody inside needs, by a value that lies in it. Throws `OutOfMemoryError`. */
export function sharedStore(address: number, id: number): Store {
  let store = shared.get(address);
  if (store === undefined) {
    store = { members: 0, id: checked(engine.whole_buffer(id)), address, numbers: null };
    shared.set(address, store);
  }
  return store;
}

/** A copy of a buffer that is about to go. */
export function copyOut(address: number, count: number, dtype: number): Store {
  const there = elements(DTYPES[dtype]!, engine.memory.buffer, address, count);
  const numbers = count === 1 ? there[0]! : there.slice();
  countOut(numbers);
  return { members: 0, id: 0, address: 0, numbers };
}

/** A buffer that was copied stays after all. */
export function undoCopy({ numbers }: Store): void {
  if (numbers !== null) countIn(numbers);
}

export function isScalar({ layout }: MovedOut): boolean {
  return layout[1] === 0;
}

/** The bytes of a tensor that was moved out. */
export function bytesOf({ layout }: MovedOut): number {
  let bytes = newElements(DTYPES[layout[0]!]!, 0).BYTES_PER_ELEMENT;
  for (let i = 0; i < layout[1]!; i++) bytes *= layout[2 + i]!;
  return bytes;
}

function copyOf(id: number): { numbers: Numbers; layout: Float64Array } {
  const pointer = checked(engine.read_stored(id));
  const { count, layout } = readLayout();
  const there = elements(DTYPES[layout[0]!]!, engine.memory.buffer, pointer, count);
  const numbers = count === 1 ? there[0]! : there.slice();
  engine.read_done();
  countOut(numbers);
  return { numbers, layout };
}

/** Moves out the buffers in which nobody lies any more who is inside. */
export function moveShared(): void {
  const stores = [...shared.values()];
  kindsOf(stores.map((store) => store.id)).forEach((kind, i) => {
    if (kind.is !== "plain" || kind.sharers > 1) return;
    const store = stores[i]!;
    store.numbers = copyOf(store.id).numbers;
    engine.dispose(store.id);
    shared.delete(store.address);
    store.id = 0;
  });
}

/** A fresh id of the root for a tensor that was moved out, and the bytes that came back with it. Throws `OutOfMemoryError`. */
export function moveIn({ store, layout }: MovedOut): { id: number; bytes: number } {
  const bytes = store.id === 0 ? fill(store, layout[0]!) : 0;
  scratch(layout.length).set(layout);
  const id = engine.row_view(store.id);
  const error = id === 0 ? failure() : null;
  if (error === null) store.members--;
  settle(store);
  if (error !== null) throw error;
  return { id, bytes };
}

/** Brings a buffer back, for all who lie in it. Throws `OutOfMemoryError`. */
export function fill(store: Store, dtype: number): number {
  const numbers = store.numbers!;
  const count = typeof numbers === "number" ? 1 : numbers.length;
  const row = checked(engine.row_new(dtype, count));
  const address = engine.data_pointer(row);
  const there = elements(DTYPES[dtype]!, engine.memory.buffer, address, count);
  if (typeof numbers === "number") there[0] = numbers;
  else there.set(numbers);
  countIn(numbers);
  [store.id, store.address, store.numbers] = [row, address, null];
  shared.set(address, store);
  return there.byteLength;
}

/** The handle of a tensor that was never inside. */
export const NOWHERE = 0xffffffff;

/** Numbers as if they had been moved out: `layout` says how they lie. */
export function outsideFrom(numbers: Numbers, layout: Float64Array): MovedOut {
  return { store: { members: 1, id: 0, address: 0, numbers }, layout };
}

/** The number of a 0-d tensor that was moved out alone. */
export function numberOutside({ store: { numbers }, layout }: MovedOut): number | null {
  return typeof numbers === "number" && layout[1] === 0 ? numbers : null;
}

/** The numbers of a tensor of which nothing else is kept, if they lie in order and are of this dtype and shape. */
export function numbersOutside({ store: { numbers }, layout }: MovedOut, wanted: Float64Array): Numbers | null {
  if (numbers === null) return null;
  if (layout !== wanted) {
    if (layout.length !== wanted.length) return null;
    for (let i = 0; i < layout.length; i++) if (layout[i] !== wanted[i]) return null;
  }
  return numbers;
}

/** A copy of the elements of a tensor that was moved out, if they lie in order outside; else null. */
export function readOutside({ store: { numbers }, layout }: MovedOut): TypedArray | null {
  const rank = layout[1]!;
  let count = 1;
  let inOrder = numbers !== null;
  for (let i = 1 + rank; i >= 2; i--) {
    inOrder &&= layout[i] === 1 || layout[i + rank] === count;
    count *= layout[i]!;
  }
  if (!inOrder || numbers === null) return null;
  const offset = layout[2 + 2 * rank]!;
  if (typeof numbers !== "number" && !Array.isArray(numbers)) return (numbers as TypedArray).slice(offset, offset + count);
  const copy = newElements(DTYPES[layout[0]!]!, count);
  if (typeof numbers !== "number") for (let i = 0; i < count; i++) copy[i] = numbers[offset + i]!;
  else if (count === 1) copy[0] = numbers;
  else return null;
  return copy;
}

/** A tensor that was moved out is done with. */
export function forget({ store }: MovedOut): void {
  store.members--;
  if (store.members === 0 && store.numbers !== null) countIn(store.numbers);
  settle(store);
}

/** Lets go of the id of a buffer that nobody who is out lies in. */
export function settle(store: Store): void {
  if (store.members > 0 || store.id === 0) return;
  shared.delete(store.address);
  engine.dispose(store.id);
  store.id = 0;
}

/** At a `reset()`. */
export function abandonStores(): void {
  shared.clear();
}
