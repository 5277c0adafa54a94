/** .npy: one array as NumPy writes it. After the description of the format, versions 1 to 3, in NumPy's reference (`numpy.lib.format`). */
import { asTensor } from "../creation.js";
import { atMost } from "../input/arguments.js";
import type { DType } from "../dtype.js";
import { FormatError } from "../errors.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { type Bytes, countOf, NUMBER_TYPES, type NumberType, readBytes, tensorOf } from "./bytes.js";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const DESCRIPTIONS: Record<DType, string> = { float32: "<f4", float64: "<f8", int32: "<i4", bool: "|b1" };
const TYPES: Readonly<Record<string, string>> = {
  f8: "F64",
  f4: "F32",
  f2: "F16",
  i8: "I64",
  i4: "I32",
  i2: "I16",
  i1: "I8",
  u8: "U64",
  u4: "U32",
  u2: "U16",
  u1: "U8",
  b1: "BOOL",
};

/**
 * The bytes of a .npy file, for `numpy.load`.
 *
 * @example
 * const bytes = ad.io.saveNpy(ad.eye(3));
 * ad.io.loadNpy(bytes).shape; // [3, 3]
 */
export function saveNpy(tensor: TensorLike): Uint8Array<ArrayBuffer> {
  atMost("saveNpy", arguments, 1);
  return inScope(() => npyOf(asTensor(tensor)));
}

/** The file of a tensor. */
export function npyOf(tensor: Tensor): Uint8Array<ArrayBuffer> {
  const { dtype, shape } = tensor;
  const data = tensor.data();
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const header = `{'descr': '${DESCRIPTIONS[dtype]}', 'fortran_order': False, 'shape': (${tuple}), }`;
  // The numbers begin at a multiple of 64, behind a line's end.
  const length = Math.ceil((10 + header.length + 1) / 64) * 64 - 10;
  const file = new Uint8Array(10 + length + data.byteLength);
  file.set(MAGIC);
  file.set([1, 0, length & 255, length >> 8], 6);
  file.set(new TextEncoder().encode(`${header.padEnd(length - 1)}\n`), 10);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + length);
  return file;
}

/**
 * The array in a .npy file. Floats and int32 are read bit for bit, half precision exactly, as float32, other whole numbers as int32. Throws
 * `FormatError`, naming the place, for a file that is damaged, cut off or too long, for other types (complex, objects, texts), and for whole
 * numbers that do not fit.
 *
 * @example
 * const x = ad.io.loadNpy(ad.io.saveNpy([[1, 2], [3, 4]])); // loadNpy(readFileSync("x.npy"))
 */
export function loadNpy(bytes: Bytes): Tensor {
  atMost("loadNpy", arguments, 1);
  return readNpy("loadNpy", "the file", readBytes("loadNpy", bytes));
}

/** The tensor of a file; `where` names it in messages. */
export function readNpy(op: string, where: string, file: Uint8Array<ArrayBufferLike>): Tensor {
  const refuse = (what: string) => new FormatError(`${op}: ${where} ${what}`, op);
  if (file.length < 10 || MAGIC.some((byte, i) => file[i] !== byte)) throw refuse("does not begin as a .npy file does (\\x93NUMPY)");
  const version = file[6]!;
  if (version < 1 || version > 3) throw refuse(`is of version ${version} of the format; 1 to 3 are read`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const start = version === 1 ? 10 : 12;
  if (file.length < start) throw refuse("ends in its header");
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > file.length - start) throw refuse(`has a header of ${length} bytes, but ${file.length - start} follow; it is cut off`);
  const { type, little, fortran, shape } = readHeader(op, where, new TextDecoder("latin1").decode(file.slice(start, start + length)));
  const count = countOf(op, where, shape);
  const data = file.subarray(start + length);
  if (data.length !== count * type.size)
    throw refuse(
      `holds ${data.length} bytes of numbers; shape [${shape.join(", ")}] takes ${count * type.size}: it is ${data.length < count * type.size ? "cut off" : "too long"}`,
    );
  if (!fortran || shape.length < 2) return tensorOf(op, where, data, type, shape, little);
  return inScope(() => tensorOf(op, where, data, type, [...shape].reverse(), little).transpose());
}

/** A dictionary of Python's with these three entries, in any order, and nothing else. */
function readHeader(
  op: string,
  where: string,
  text: string,
): { readonly type: NumberType; readonly little: boolean; readonly fortran: boolean; readonly shape: number[] } {
  const refuse = (what: string) => new FormatError(`${op}: ${where} ${what}`, op);
  const body = /^\s*\{([^{}]*)\}\s*$/.exec(text)?.[1];
  if (body === undefined) throw refuse("has a header that is no dictionary");
  const found = new Map<string, string>();
  const entry = /\s*(?:'(\w+)'|"(\w+)")\s*:\s*('[^']*'|"[^"]*"|True|False|\([\d,\sL]*\)|\[[^\]]*\])\s*(?:,|$)/y;
  while (entry.lastIndex < body.length && body.slice(entry.lastIndex).trim() !== "") {
    const match = entry.exec(body);
    if (match === null) throw refuse("has a header that cannot be read: expected 'descr', 'fortran_order' and 'shape'");
    const key = (match[1] ?? match[2])!;
    if (found.has(key)) throw refuse(`has '${key}' twice in its header`);
    found.set(key, match[3]!);
  }
  const [descr, order, shape] = [found.get("descr"), found.get("fortran_order"), found.get("shape")];
  if (found.size !== 3 || descr === undefined || (order !== "True" && order !== "False") || !shape?.startsWith("("))
    throw refuse("has a header without the three entries 'descr', 'fortran_order' and 'shape'");
  const [, endian, name] = /^['"]([<>|=])(\w+)['"]$/.exec(descr) ?? [];
  const type = name === undefined || !Object.hasOwn(TYPES, name) ? undefined : NUMBER_TYPES[TYPES[name]!];
  if (type === undefined || endian === undefined || (endian === "|" && type.size > 1))
    throw refuse(`is of type ${descr}; numbers are read: floats of 2, 4 and 8 bytes, whole numbers, truth values`);
  const sizes = shape
    .slice(1, -1)
    .split(",")
    .map((size) => size.trim());
  // (3,) has a comma behind the last.
  if (sizes.at(-1) === "") sizes.pop();
  if (sizes.some((size) => !/^\d{1,15}L?$/.test(size))) throw refuse(`has the shape ${shape}`);
  return { type, little: endian !== ">", fortran: order === "True", shape: sizes.map((size) => Number.parseInt(size, 10)) };
}
