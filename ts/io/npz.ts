/** .npz: arrays by name, a .npy file for each in a ZIP archive, as `numpy.savez` writes it. */
import { atMost, boolean } from "../input/arguments.js";
import { readOptions } from "../input/options.js";
import { FormatError } from "../errors.js";
import type { Tensor } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { allOrNone, type Bytes, readBytes } from "./bytes.js";
import { named, type Named } from "./named.js";
import { npyOf, readNpy } from "./npy.js";
import { readZip, writeZip } from "./zip.js";

/** Options of `saveNpz`. */
export interface NpzOptions {
  /** Deflated, as `numpy.savez_compressed` does it. Default: false. */
  compressed?: boolean;
}

/**
 * The bytes of a .npz file, for `numpy.load`. `tensors` is an object of tensors by name, a tree of them, or a module.
 *
 * @example
 * const bytes = ad.io.saveNpz({ x: [1, 2, 3], y: ad.eye(2) }, { compressed: true });
 * Object.keys(ad.io.loadNpz(bytes)); // ["x", "y"]
 */
export function saveNpz(tensors: Named, options?: NpzOptions): Uint8Array<ArrayBuffer> {
  const op = "saveNpz";
  atMost(op, arguments, 2);
  const { compressed = false } = readOptions<NpzOptions>(op, options, ["compressed"]);
  const deflated = boolean(op, "compressed", compressed);
  return inScope(() =>
    writeZip(
      named(op, tensors).map(([name, tensor]) => [`${name}.npy`, npyOf(tensor)]),
      deflated,
    ),
  );
}

/**
 * The arrays in a .npz file, by name. What `loadNpy` says holds for each. Throws `FormatError` for an archive that is damaged, cut off or whose
 * checksums do not agree, for names that stand twice, and for files that are no arrays.
 *
 * @example
 * const { x } = ad.io.loadNpz(ad.io.saveNpz({ x: [1, 2, 3] })); // loadNpz(readFileSync("arrays.npz"))
 */
export function loadNpz(bytes: Bytes): Record<string, Tensor> {
  const op = "loadNpz";
  atMost(op, arguments, 1);
  return allOrNone(readZip(op, readBytes(op, bytes)), ({ name, contents }) => {
    if (!name.endsWith(".npy")) throw new FormatError(`${op}: the file ${JSON.stringify(name)} is no .npy file`, op);
    const own = name.slice(0, -4);
    return [own, readNpy(op, `the array ${JSON.stringify(own)}`, contents())];
  });
}
