/**
 * ZIP archives, as far as .npz needs them: stored and deflated files, sizes of 8 bytes where writers put them. After PKWARE's APPNOTE.TXT, 6.3.
 * Compression is fflate's; the directory is read here, because what it says has to be checked before anything is unpacked.
 */
import { inflateSync, type Zippable, zipSync } from "../vendor/fflate.js";
import { FormatError } from "../errors.js";

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const STORED = 0;
const DEFLATED = 8;
/** The end of the directory has 22 bytes and a comment of at most so many. */
const LONGEST_COMMENT = 65535;
/** deflate makes at most so many bytes of one. */
const MOST_PER_BYTE = 1032;

type View = Uint8Array<ArrayBufferLike>;

export interface ZipEntry {
  readonly name: string;
  /** Unpacks it, and checks its checksum. */
  readonly contents: () => View;
}

/** An archive of files; the same files give the same bytes. */
export function writeZip(files: readonly (readonly [name: string, contents: View])[], deflated: boolean): Uint8Array<ArrayBuffer> {
  const level = deflated ? 6 : 0;
  // The first day that a ZIP archive can name.
  const mtime = new Date(1980, 0, 1);
  const zippable: Zippable = {};
  for (const [name, contents] of files) Object.defineProperty(zippable, name, { value: [contents, { level, mtime }], enumerable: true });
  return zipSync(zippable) as Uint8Array<ArrayBuffer>;
}

/** The files of an archive, in the order of its directory; that has been checked when this returns. */
export function readZip(op: string, file: View): ZipEntry[] {
  const refuse = (what: string) => new FormatError(`${op}: ${what}`, op);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const end = endOfDirectory(view);
  if (end === undefined) throw refuse("this is no ZIP archive, or it is cut off: it has no directory at its end");
  const { count, start, size } = directory(view, end, refuse);
  if (start + size > end || count * 46 > size)
    throw refuse(`the directory is said to have ${count} files in ${size} bytes at ${start}, where it is not`);

  const entries: ZipEntry[] = [];
  const names = new Set<string>();
  const places: { name: string; from: number; to: number }[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + 46 > start + size || view.getUint32(at, true) !== ENTRY) throw refuse(`file ${i} of ${count} has no entry in the directory`);
    const [flags, method, checksum] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true), view.getUint32(at + 16, true)];
    const [nameLength, extraLength, commentLength] = [
      view.getUint16(at + 28, true),
      view.getUint16(at + 30, true),
      view.getUint16(at + 32, true),
    ];
    const next = at + 46 + nameLength + extraLength + commentLength;
    if (next > start + size) throw refuse(`the entry of file ${i} ends behind the directory`);
    const name = new TextDecoder().decode(file.slice(at + 46, at + 46 + nameLength));
    const where = `the file ${JSON.stringify(name)}`;
    if (names.has(name)) throw refuse(`${where} stands twice in the archive`);
    names.add(name);
    const wide = wideFields(view, at + 46 + nameLength, extraLength);
    const unpacked = wide(view.getUint32(at + 24, true));
    const packed = wide(view.getUint32(at + 20, true));
    const local = wide(view.getUint32(at + 42, true));
    if (flags & 1) throw refuse(`${where} is encrypted`);
    if (method !== STORED && method !== DEFLATED)
      throw refuse(`${where} is packed by method ${method}; stored and deflated files are read`);
    if (local + 30 > start || view.getUint32(local, true) !== LOCAL)
      throw refuse(`${where} is not where the directory says (byte ${local})`);
    const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    if (from + packed > start) throw refuse(`${where} ends behind the archive's files; is it cut off?`);
    if (method === STORED ? unpacked !== packed : unpacked > packed * MOST_PER_BYTE)
      throw refuse(`${where} is said to have ${unpacked} bytes, which ${packed} packed ones cannot be`);
    places.push({ name, from: local, to: from + packed });
    entries.push({
      name,
      contents: () => {
        const contents =
          method === STORED ? file.subarray(from, from + packed) : inflated(file.subarray(from, from + packed), unpacked, where, refuse);
        if (checksumOf(contents) !== checksum) throw refuse(`${where} is damaged: its checksum is another one`);
        return contents;
      },
    });
    at = next;
  }
  // Files that share bytes would unpack to more than there is.
  places.sort((a, b) => a.from - b.from);
  for (let i = 1; i < places.length; i++)
    if (places[i]!.from < places[i - 1]!.to)
      throw refuse(`the files ${JSON.stringify(places[i - 1]!.name)} and ${JSON.stringify(places[i]!.name)} lie in one another`);
  return entries;
}

function inflated(packed: View, unpacked: number, where: string, refuse: (what: string) => FormatError): View {
  let contents: View;
  try {
    // One byte more, so that too much is seen.
    contents = inflateSync(packed, { out: new Uint8Array(unpacked + 1) });
  } catch (error) {
    throw refuse(`${where} is damaged: ${(error as Error).message}`);
  }
  if (contents.length !== unpacked) throw refuse(`${where} has not the ${unpacked} bytes that the directory says`);
  return contents;
}

function endOfDirectory(view: DataView): number | undefined {
  const last = view.byteLength - 22;
  for (let at = last; at >= Math.max(0, last - LONGEST_COMMENT); at--)
    if (view.getUint32(at, true) === END && view.getUint16(at + 20, true) === last - at) return at;
  return undefined;
}

function directory(view: DataView, end: number, refuse: (what: string) => FormatError): { count: number; start: number; size: number } {
  const here = { count: view.getUint16(end + 10, true), size: view.getUint32(end + 12, true), start: view.getUint32(end + 16, true) };
  if (end < 20 || view.getUint32(end - 20, true) !== LOCATOR_64) return here;
  const wide = Number(view.getBigUint64(end - 12, true));
  if (wide + 56 > end - 20 || view.getUint32(wide, true) !== END_64)
    throw refuse("the end of its directory, with sizes of 8 bytes, is not where it should be");
  const number = (at: number) => Number(view.getBigUint64(wide + at, true));
  return { count: number(32), size: number(40), start: number(48) };
}

/** Reads fields that are 0xffffffff where they do not fit: then they stand in the extra field number 1, in order. */
function wideFields(view: DataView, at: number, length: number): (value: number) => number {
  let [next, left] = [0, 0];
  for (let place = at; place + 4 <= at + length; place += 4 + view.getUint16(place + 2, true)) {
    if (view.getUint16(place, true) === 1) {
      [next, left] = [place + 4, Math.min(view.getUint16(place + 2, true), at + length - place - 4)];
      break;
    }
  }
  return (value) => {
    if (value !== 0xffffffff || left < 8) return value;
    next += 8;
    left -= 8;
    return Number(view.getBigUint64(next - 8, true));
  };
}

const TABLE = /* @__PURE__ */ (() =>
  Uint32Array.from({ length: 256 }, (_, byte) => {
    let c = byte;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  }))();

/** CRC-32, as ZIP has it. */
function checksumOf(bytes: View): number {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = TABLE[(c ^ bytes[i]!) & 255]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
