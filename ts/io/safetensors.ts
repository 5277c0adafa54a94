/**
 * safetensors: 8 bytes with the length of a header, the header as JSON (names, dtypes, shapes, places), the numbers one behind the other.
 * After the format's description in the repository huggingface/safetensors.
 */
import { atMost } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import { isPlainObject, readOptions } from "../input/options.js";
import type { DType } from "../dtype.js";
import { FormatError, ValueError } from "../errors.js";
import { inScope } from "../transforms/machinery.js";
import type { Tensor } from "../tensor.js";
import { allOrNone, type Bytes, countOf, NUMBER_TYPES, readBytes, tensorOf } from "./bytes.js";
import { named, type Named } from "./named.js";

const METADATA = "__metadata__";
/** As the reference implementation has it. */
const LONGEST_HEADER = 100_000_000;

/** Options of `saveSafetensors`. */
export interface SafetensorsOptions {
  /** Texts by name, for whoever reads the file. */
  metadata?: Readonly<Record<string, string>>;
}

const CODES: Record<DType, string> = { float32: "F32", float64: "F64", int32: "I32", bool: "BOOL" };

/**
 * The bytes of a .safetensors file, as PyTorch, JAX and others read it. `tensors` is an object of tensors by name, a tree of them (`layers.0.weight`
 * is the name of a leaf), or a module, whose `stateDict()` is written. The same tensors give the same bytes. Throws `ValueError`.
 *
 * @example
 * const bytes = ad.io.saveSafetensors({ w: ad.ones([2, 3]), b: ad.zeros([3]) }); // a Uint8Array, for writeFileSync
 * Object.keys(ad.io.loadSafetensors(bytes)); // ["b", "w"]
 */
export function saveSafetensors(tensors: Named, options?: SafetensorsOptions): Uint8Array<ArrayBuffer> {
  const op = "saveSafetensors";
  atMost(op, arguments, 2);
  const { metadata } = readOptions<SafetensorsOptions>(op, options, ["metadata"]);
  if (metadata !== undefined && !(isPlainObject(metadata) && Object.values(metadata).every((text) => typeof text === "string")))
    throw new ValueError(`${op}: metadata must be an object of strings, got ${describe(metadata)}`, op);
  return inScope(() => {
    const entries = named(op, tensors).map(([name, tensor]) => ({ name, dtype: tensor.dtype, shape: tensor.shape, data: tensor.data() }));
    if (entries.some(({ name }) => name === METADATA)) throw new ValueError(`${op}: no tensor may have the name ${METADATA}`, op);
    // The widest first: so all lie at multiples of their size.
    entries.sort((a, b) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT || (a.name < b.name ? -1 : 1));
    const header: [string, unknown][] = metadata === undefined ? [] : [[METADATA, metadata]];
    let end = 0;
    for (const { name, dtype, shape, data } of entries) {
      header.push([name, { dtype: CODES[dtype], shape, data_offsets: [end, end + data.byteLength] }]);
      end += data.byteLength;
    }
    const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
    const length = Math.ceil(text.length / 8) * 8;
    const file = new Uint8Array(8 + length + end);
    new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
    file.fill(0x20, 8 + text.length, 8 + length);
    file.set(text, 8);
    let at = 8 + length;
    for (const { data } of entries) {
      file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
      at += data.byteLength;
    }
    return file;
  });
}

interface Entry {
  readonly name: string;
  readonly type: string;
  readonly shape: number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * The tensors in a .safetensors file, by name. F64, F32, I32 and BOOL are read bit for bit, F16 and BF16 exactly, as float32, other whole numbers
 * as int32. Throws `FormatError`, naming the place, for a file that is damaged, cut off or too long, and for numbers that do not fit; then
 * nothing is loaded.
 *
 * @example
 * const bytes = ad.io.saveSafetensors({ w: ad.tensor([1, 2]) });
 * const { w } = ad.io.loadSafetensors(bytes); // net.loadStateDict(ad.io.loadSafetensors(bytes)) for a module
 */
export function loadSafetensors(bytes: Bytes): Record<string, Tensor> {
  const op = "loadSafetensors";
  atMost(op, arguments, 1);
  const file = readBytes(op, bytes);
  const { entries, start } = readHeader(op, file);
  return allOrNone(entries, ({ name, type, shape, begin, end }) => [
    name,
    tensorOf(op, `the tensor ${JSON.stringify(name)}`, file.subarray(start + begin, start + end), NUMBER_TYPES[type]!, shape),
  ]);
}

/**
 * The texts that a .safetensors file carries beside its tensors; an empty object where there are none. Throws `FormatError`.
 *
 * @example
 * const bytes = ad.io.saveSafetensors({ w: ad.ones([2]) }, { metadata: { epoch: "3" } });
 * ad.io.safetensorsMetadata(bytes).epoch; // "3"
 */
export function safetensorsMetadata(bytes: Bytes): Record<string, string> {
  const op = "safetensorsMetadata";
  atMost(op, arguments, 1);
  return readHeader(op, readBytes(op, bytes)).metadata;
}

function readHeader(
  op: string,
  file: Uint8Array<ArrayBufferLike>,
): { readonly entries: readonly Entry[]; readonly metadata: Record<string, string>; readonly start: number } {
  const refuse = (what: string) => new FormatError(`${op}: ${what}`, op);
  if (file.length < 8)
    throw refuse(`a file of ${file.length} bytes; a .safetensors file begins with 8 bytes that say how long its header is`);
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  if (length > LONGEST_HEADER || length > file.length - 8)
    throw refuse(`the header is said to have ${length} bytes, but ${file.length - 8} follow; the file is cut off, or no .safetensors file`);
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(file.slice(8, 8 + length));
    header = JSON.parse(text);
  } catch (error) {
    throw refuse(`the header is not JSON (${(error as Error).message})`);
  }
  if (!isPlainObject(header) || !text.startsWith("{")) throw refuse("the header is not a JSON object");
  const twice = repeatedKey(text);
  if (twice !== undefined) throw refuse(`the header has ${JSON.stringify(twice)} twice`);

  const start = 8 + length;
  const space = file.length - start;
  let metadata: Record<string, string> = {};
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA) {
      if (!isPlainObject(value) || !Object.values(value).every((text) => typeof text === "string"))
        throw refuse(`${METADATA} is not an object of strings`);
      metadata = value as Record<string, string>;
    } else {
      entries.push(entryOf(op, name, value, space));
    }
  }
  // One behind the other: none twice, none in what another one holds, nothing in between.
  let end = 0;
  let before = "the header";
  for (const { name, begin, end: own } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== end)
      throw refuse(
        `the tensor ${JSON.stringify(name)} begins at byte ${begin} of the data, but ${before} ends at ${end}; tensors lie one behind the other`,
      );
    [end, before] = [own, `the tensor ${JSON.stringify(name)}`];
  }
  if (end !== space) throw refuse(`${space - end} bytes stand behind the last tensor`);
  return { entries, metadata, start };
}

function entryOf(op: string, name: string, value: unknown, space: number): Entry {
  const where = `the tensor ${JSON.stringify(name)}`;
  const refuse = (what: string) => new FormatError(`${op}: ${where} ${what}`, op);
  if (!isPlainObject(value)) throw refuse(`is described by ${describe(value)}; expected { dtype, shape, data_offsets }`);
  const { dtype: type, shape, data_offsets: offsets } = value;
  for (const key of Object.keys(value))
    if (key !== "dtype" && key !== "shape" && key !== "data_offsets")
      throw refuse(`has an entry ${JSON.stringify(key)}, which means nothing`);
  if (typeof type !== "string" || !Object.hasOwn(NUMBER_TYPES, type))
    throw refuse(`is of type ${typeof type === "string" ? type : describe(type)}; these are read: ${Object.keys(NUMBER_TYPES).join(", ")}`);
  if (!Array.isArray(shape)) throw refuse(`has the shape ${describe(shape)}; expected a list`);
  const count = countOf(op, where, shape);
  const [begin, end] = Array.isArray(offsets) && offsets.length === 2 ? (offsets as unknown[]) : [];
  if (!Number.isSafeInteger(begin) || !Number.isSafeInteger(end) || (begin as number) < 0 || (end as number) < (begin as number))
    throw refuse(`has the places ${describe(offsets)}; expected [begin, end]`);
  if ((end as number) > space) throw refuse(`ends at byte ${end} of the data, of which the file has ${space}; is it cut off?`);
  const bytes = count * NUMBER_TYPES[type]!.size;
  if ((end as number) - (begin as number) !== bytes)
    throw refuse(`has ${(end as number) - (begin as number)} bytes; [${shape.join(", ")}] of ${type} are ${bytes}`);
  return { name, type, shape: shape as number[], begin: begin as number, end: end as number };
}

/** A key that stands twice in the outermost object of a JSON text that has been parsed: parsing keeps the last of them. */
function repeatedKey(text: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  let isKey = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '"') {
      const begin = i;
      for (i++; text[i] !== '"'; i++) if (text[i] === "\\") i++;
      if (depth === 1 && isKey) {
        const key = JSON.parse(text.slice(begin, i + 1)) as string;
        if (seen.has(key)) return key;
        seen.add(key);
        isKey = false;
      }
    } else if (c === "{" || c === "[") {
      depth++;
      isKey = depth === 1;
    } else if (c === "}" || c === "]") depth--;
    else if (c === "," && depth === 1) isKey = true;
  }
  return undefined;
}
