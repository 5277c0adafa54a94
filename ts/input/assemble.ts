/** Nested arrays that hold tensors, as one tensor: stacked, with their derivatives at every level. */
import { ShapeError } from "../errors.js";
import { dtypeCode, type DType } from "../dtype.js";
import type { Contents } from "./nested.js";
import { releasing, run } from "../run.js";
import type { Tensor } from "../tensor.js";
import { upload } from "./upload.js";

const ORDER: readonly DType[] = ["bool", "int32", "float32", "float64"];
const wider = (a: DType, b: DType): DType => (ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b);

/** The dtype all elements fit: the tensors' widest; numbers adopt it where it can hold them, else take `fallback`. */
function commonDtype(contents: Contents, numbers: readonly number[], fallback: DType): DType {
  let dtype = [...contents.tensors!.values()].map((t) => t.dtype).reduce(wider);
  if (contents.natural !== undefined) return wider(dtype, contents.natural);
  if (numbers.length === 0 || dtype === "float32" || dtype === "float64") return dtype;
  dtype = "int32";
  return numbers.every((v) => Number.isInteger(v) && Math.abs(v) < 2 ** 31) ? dtype : fallback;
}

/**
 * [a, 1, b] with tensors a and b: runs of numbers become constants, runs of tensors are stacked, all are joined and brought to the
 * nested shape. The tensors must have one shape, [] where numbers stand among them.
 */
export function assemble(op: string, contents: Contents, asked: DType | undefined, fallback: DType): Tensor {
  const { shape, data } = contents;
  const tensors = contents.tensors!;
  const first = tensors.values().next().value!;
  const inner = first.shape;
  const numbers: number[] = [];
  for (let i = 0; i < data.length; i++) {
    const t = tensors.get(i);
    if (t === undefined) numbers.push(data[i]!);
    const have = t === undefined ? [] : t.shape;
    if (have.join() !== inner.join()) {
      throw new ShapeError(
        `${op}: elements of shapes [${inner.join(", ")}] and [${have.join(", ")}] in one array; all must have one shape, that of a number is []`,
        op,
      );
    }
  }
  const dtype = asked ?? commonDtype(contents, numbers, fallback);
  return releasing((keep) => {
    const pieces: Tensor[] = [];
    for (let from = 0; from < data.length; ) {
      const loose = !tensors.has(from);
      let end = from + 1;
      while (end < data.length && tensors.has(end) === !loose) end++;
      if (loose) {
        pieces.push(
          keep(
            upload(
              Array.from({ length: end - from }, (_, i) => data[from + i]!),
              [end - from],
              dtype,
              op,
            ),
          ),
        );
      } else {
        const cast = Array.from({ length: end - from }, (_, i) => {
          const t = tensors.get(from + i)!;
          return t.dtype === dtype ? t : keep(run("cast", [t], [dtypeCode(dtype)]));
        });
        pieces.push(keep(run("stack", cast, [0])));
      }
      from = end;
    }
    const joined = pieces.length === 1 ? pieces[0]! : keep(run("concat", pieces, [0]));
    return run("reshape", [joined], [...shape, ...inner]);
  });
}
