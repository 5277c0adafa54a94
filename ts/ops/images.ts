/** What convolutions and windows are told: a number for each axis, and images with a batch axis or without. */
import { integer, integers } from "../input/arguments.js";
import { ShapeError } from "../errors.js";
import type { Tensor } from "../tensor.js";

/** One number for each of some axes. */
export function perAxis(op: string, what: string, value: unknown, axes: number, least: number): number[] {
  if (typeof value === "number") return new Array<number>(axes).fill(integer(op, what, value, least));
  const list = integers(op, what, value, least);
  if (list.length === 1) return new Array<number>(axes).fill(list[0]!);
  if (list.length !== axes) throw new ShapeError(`${op}: ${what} has ${list.length} entries; expected a number, or ${axes} of them`, op);
  return list;
}

/** An input with its batch axis: [channels, ...] is one image. */
export function withBatch(op: string, axes: number, x: Tensor, body: (x: Tensor) => Tensor): Tensor {
  if (x.ndim === axes + 2) return body(x);
  if (x.ndim !== axes + 1) {
    const names = ["length", "height, width", "depth, height, width"][axes - 1]!;
    throw new ShapeError(
      `${op}: the input has shape [${x.shape.join(", ")}]; expected [batch, channels, ${names}] or [channels, ${names}]`,
      op,
    );
  }
  const y = body(x.unsqueeze(0));
  return y.squeeze(0);
}
