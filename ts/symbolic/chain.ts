/** The product of a partial and a slope, with the engine's convention at poles. */
import { Expression } from "./expression.js";

/** The function that multiplies a partial with a slope: 0 where either is 0, even against an infinite or NaN other. */
export const STRONG = "mulZeroWins";

/** Whether an ordinary product of a partial and a slope is the same as one in which 0 wins. */
export function ordinary(a: Expression, b: Expression): boolean {
  const harmless = (x: Expression) => x.kind === "constant" && Number.isFinite(x.value);
  return harmless(a) || harmless(b) || (a.isRegular() && b.isRegular());
}

/** `a · b` for a partial and a slope. */
export function chain(a: Expression, b: Expression): Expression {
  return ordinary(a, b) ? Expression.product(a, b) : Expression.call(STRONG, a, b);
}
