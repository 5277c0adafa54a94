/**
 * Numbers of tensors that are moved out of WebAssembly memory, where JavaScript's garbage collector does not see them, into typed arrays,
 * where it does. Tensors that share a buffer share what became of it, so nothing takes more room outside than it did inside, and what
 * comes back is the same to the bit. Who is moved when: `holds.ts`.
 */
import { DTYPES, elements, type TypedArray } from "./dtype.js";
import { checked, engine, failure, pass, scratch } from "./runtime/instance.js";

/** A buffer in which tensors lie that were moved out. */
interface Store {
  /** How many they are. */
  members: number;
  /** The engine's id for all of it, as long as others lie in it that are inside; then 0. */
  id: number;
  address: number;
  /** What it holds, once nobody inside needs it. */
  numbers: TypedArray | null;
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

const PINNED: Kind = { is: "pinned" };

export function kindsOf(ids: readonly number[]): Kind[] {
  if (ids.length === 0) return [];
  pass(ids);
  checked(engine.spillable(ids.length));
  const answers = scratch(2 * ids.length);
  return ids.map((_, i) => {
    const [code, number] = [answers[2 * i]!, answers[2 * i + 1]!];
    if (code === 0) return { is: "recorded", bytes: number };
    return code === 1 ? PINNED : { is: "plain", address: code, sharers: number };
  });
}

/** The number of elements in the row, and the layout in it. */
function readLayout(): { count: number; layout: Float64Array } {
  const rank = scratch()[2]!;
  const s = scratch(2 * rank + 4);
  return { count: s[0]!, layout: s.slice(1, 2 * rank + 4) };
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

function copyOf(id: number): { numbers: TypedArray; layout: Float64Array } {
  const pointer = checked(engine.read_stored(id));
  const { count, layout } = readLayout();
  const numbers = elements(DTYPES[layout[0]!]!, engine.memory.buffer, pointer, count).slice();
  engine.read_done();
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

/** Brings a buffer back, for all who lie in it. */
function fill(store: Store, dtype: number): number {
  const numbers = store.numbers!;
  const row = checked(engine.row_new(dtype, numbers.length));
  const address = engine.data_pointer(row);
  elements(DTYPES[dtype]!, engine.memory.buffer, address, numbers.length).set(numbers);
  [store.id, store.address, store.numbers] = [row, address, null];
  shared.set(address, store);
  return numbers.byteLength;
}

/** A tensor that was moved out is done with. */
export function forget({ store }: MovedOut): void {
  store.members--;
  settle(store);
}

/** Lets go of the id of a buffer that nobody who is out lies in. */
function settle(store: Store): void {
  if (store.members > 0 || store.id === 0) return;
  shared.delete(store.address);
  engine.dispose(store.id);
  store.id = 0;
}

/** At a `reset()`. */
export function abandonStores(): void {
  shared.clear();
}
