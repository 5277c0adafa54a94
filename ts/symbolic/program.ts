/** An expression as a list of steps over numbered places: shared parts are computed once, and nothing is looked up while it runs. */
import type { Expression } from "./expression.js";
import { functions } from "./functions.js";

type Step = (at: Float64Array) => void;

/** x^y with the square roots IEEE has: `**` gives Infinity for (-Infinity)^(1/2). */
function raise(x: number, y: number): number {
  return y === 0.5 ? Math.sqrt(x) : y === -0.5 ? 1 / Math.sqrt(x) : x ** y;
}

/** A function of the values of `names`, in their order. */
export function compile(expression: Expression, names: readonly string[]): (values: ArrayLike<number>) => number {
  const place = new Map(names.map((name, i) => [name, i]));
  const constants: [place: number, value: number][] = [];
  const steps: Step[] = [];
  let count = names.length;
  const result = expression.fold<number>((node, parts) => {
    if (node.kind === "variable") return place.get(node.value as string)!;
    const to = count++;
    const [a, b, c] = parts as [number, number, number];
    switch (node.kind) {
      case "constant":
        constants.push([to, node.value as number]);
        break;
      case "sum":
        steps.push(parts.length === 2 ? (at) => void (at[to] = at[a]! + at[b]!) : (at) => void (at[to] = parts.reduce((sum, i) => sum + at[i]!, 0)));
        break;
      case "product":
        steps.push(parts.length === 2 ? (at) => void (at[to] = at[a]! * at[b]!) : (at) => void (at[to] = parts.reduce((product, i) => product * at[i]!, 1)));
        break;
      case "power":
        steps.push(node.parts[1]!.value === 2 ? (at) => void (at[to] = at[a]! * at[a]!) : (at) => void (at[to] = raise(at[a]!, at[b]!)));
        break;
      case "call": {
        const { evaluate } = functions[node.value as string]!;
        if (parts.length === 1) steps.push((at) => void (at[to] = evaluate(at[a]!)));
        else if (parts.length === 2) steps.push((at) => void (at[to] = evaluate(at[a]!, at[b]!)));
        else if (parts.length === 3) steps.push((at) => void (at[to] = evaluate(at[a]!, at[b]!, at[c]!)));
        else steps.push((at) => void (at[to] = evaluate(...parts.map((i) => at[i]!))));
      }
    }
    return to;
  });
  const at = new Float64Array(count);
  for (const [i, value] of constants) at[i] = value;
  return (values) => {
    for (let i = 0; i < names.length; i++) at[i] = values[i]!;
    for (let i = 0; i < steps.length; i++) steps[i]!(at);
    return at[result]!;
  };
}
