// The IDX format of the MNIST files: a magic number (two zeros, element type, number of axes), the sizes of the axes as
// big-endian 32-bit numbers, then the elements.
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const UNSIGNED_BYTE = 0x08;

export class IdxError extends Error {}

/** The bytes of an IDX file of unsigned bytes: { shape, data }. `name` is for messages. */
export function parseIdx(bytes, name = "file") {
  if (bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzip(bytes, name);
  if (bytes.length < 4) throw new IdxError(`${name}: ${bytes.length} bytes are too few for an IDX header`);
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    throw new IdxError(`${name}: not an IDX file (it begins with ${bytes[0].toString(16)} ${bytes[1].toString(16)}, not 0 0)`);
  }
  if (bytes[2] !== UNSIGNED_BYTE) throw new IdxError(`${name}: elements of type 0x${bytes[2].toString(16)}; expected unsigned bytes (0x8)`);
  const axes = bytes[3];
  const header = 4 + 4 * axes;
  if (bytes.length < header) throw new IdxError(`${name}: the header says ${axes} axes but the file ends before their sizes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: axes }, (_, i) => view.getUint32(4 + 4 * i));
  const count = shape.reduce((a, b) => a * b, 1);
  if (bytes.length !== header + count) {
    throw new IdxError(
      `${name}: shape [${shape.join(", ")}] needs ${count} bytes, the file has ${bytes.length - header}; it is ${bytes.length < header + count ? "truncated" : "longer than it should be"}`,
    );
  }
  return { shape, data: bytes.subarray(header) };
}

function gunzip(bytes, name) {
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw new IdxError(`${name}: the gzip data is damaged (${error.message})`);
  }
}

/** Reads one file, as it is or with .gz behind its name. */
export function readIdx(file) {
  const path = [file, `${file}.gz`].find(existsSync);
  if (path === undefined)
    throw new IdxError(`${file} is missing (also ${file}.gz); run npm ci, or give the folder of the four MNIST files as an argument`);
  return parseIdx(readFileSync(path), path);
}

/** Images as rows of 784 numbers from 0 to 1, labels as int32. */
export function readExamples(folder, images, labels) {
  const pictures = readIdx(`${folder}/${images}`);
  const classes = readIdx(`${folder}/${labels}`);
  if (pictures.shape.length !== 3) throw new IdxError(`${images}: shape [${pictures.shape.join(", ")}]; expected [count, rows, columns]`);
  if (classes.shape.length !== 1 || classes.shape[0] !== pictures.shape[0]) {
    throw new IdxError(`${labels}: ${classes.shape[0]} labels for ${pictures.shape[0]} images`);
  }
  const [count, rows, columns] = pictures.shape;
  return { count, rows, columns, pixels: Float32Array.from(pictures.data, (v) => v / 255), labels: Int32Array.from(classes.data) };
}
