/** The transpose of a linear function written with ops. */
import { zerosLike } from "../../creation.js";
import type { Tensor } from "../../tensor.js";
import { vjp } from "../reverse.js";

/** A'y for a linear function `a` of float tensors shaped like `likes`: the pullback of a linear function is the same everywhere. */
export function transposed(a: (values: Tensor[]) => Tensor[], likes: readonly Tensor[], y: readonly Tensor[]): Tensor[] {
  const [, pullback] = vjp(
    a,
    likes.map((like) => zerosLike(like)),
  );
  const [result] = pullback([...y]) as [Tensor[]];
  pullback.dispose();
  return result;
}
