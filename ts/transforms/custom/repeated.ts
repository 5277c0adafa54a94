/** A function that runs again must be the function that ran before. */
import { isFloat } from "../../dtype.js";
import { ValueError } from "../../errors.js";
import { run } from "../../run.js";
import { checked, engine } from "../../runtime/instance.js";
import { idOf, type Tensor } from "../../tensor.js";
import { inScope } from "../machinery.js";

/** How far values may differ, of the largest there is: what no change of the function's does, and rounding in another order would. */
const ROUNDING = { float32: 1e-5, float64: 1e-12 };

const holds = (name: string, condition: Tensor) => checked(engine.all_true(idOf(condition)), name) === 2;

/** Equal element by element, in all examples of a vmap; NaN is equal to NaN. */
function same(name: string, now: Tensor, before: Tensor): boolean {
  const equal = run("eq", [now, before]);
  if (holds(name, equal)) return true;
  if (!isFloat(before.dtype)) return false;
  const bothNaN = run("logicalAnd", [run("isNaN", [now]), run("isNaN", [before])]);
  const bound = before
    .abs()
    .nanToNum()
    .max()
    .mul(ROUNDING[before.dtype as keyof typeof ROUNDING]);
  const close = run("le", [now.sub(before).abs(), bound]);
  return holds(name, run("logicalOr", [run("logicalOr", [equal, bothNaN]), close]));
}

/** Throws `ValueError` unless a second run gave what the first one gave: derivatives would be those of another function. */
export function checkRepeated(name: string, now: readonly Tensor[], before: readonly Tensor[]): void {
  const place = before.findIndex(
    (y, i) =>
      now[i] === undefined || now[i].shape.join() !== y.shape.join() || now[i].dtype !== y.dtype || !inScope(() => same(name, now[i]!, y)),
  );
  if (place < 0 && now.length === before.length) return;
  throw new ValueError(
    `${name}: the function gave another value when it ran again in the backward pass (output ${Math.max(place, 0)}), so its gradient would be that of another function. ` +
      "Numbers and flags it reads must not change in between (pass them as arguments, as tensors), and what it draws must come from ad.random; " +
      `${name}(f, { determinismCheck: false }) leaves the comparison out`,
    name,
  );
}
