/** The product of a partial and a slope, with the engine's convention at poles. */
import { Expression } from "./expression.js";
import { functions, STRONG } from "./functions.js";

const known = new WeakMap<Expression, boolean>();

/** Whether the value is finite wherever the variables are: where it is 0, it makes any such product 0 by itself. */
function regular(expression: Expression): boolean {
  return expression.fold<boolean>((node, parts) => {
    const before = known.get(node);
    if (before !== undefined) return before;
    const [, exponent] = node.parts;
    const poles =
      (node.kind === "constant" && !Number.isFinite(node.value)) ||
      (node.kind === "power" && !(exponent!.kind === "constant" && Number.isInteger(exponent!.value) && (exponent!.value as number) > 0)) ||
      (node.kind === "call" && functions[node.value as string]!.regular !== true);
    const result = !poles && parts.every(Boolean);
    known.set(node, result);
    return result;
  });
}

/** Whether an ordinary product of a partial and a slope is the same as one in which 0 wins. */
export function ordinary(a: Expression, b: Expression): boolean {
  const harmless = (x: Expression) => x.kind === "constant" && Number.isFinite(x.value);
  return harmless(a) || harmless(b) || (regular(a) && regular(b));
}

/** `a · b` for a partial and a slope. */
export function chain(a: Expression, b: Expression): Expression {
  return ordinary(a, b) ? Expression.product(a, b) : Expression.call(STRONG, a, b);
}
