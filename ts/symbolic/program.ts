/** An expression as a list of steps over numbered places: shared parts are computed once, and nothing is looked up while it runs. */
import type { Expression } from "./expression.js";
import { functions } from "./functions.js";

/** What a step does with the places a and b; the functions that are most called are steps of their own. */
const enum Step {
  Add,
  Multiply,
  Square,
  Power,
  Sin,
  Cos,
  Exp,
  Log,
  Call1,
  Call2,
  Call,
}

const DIRECT: Readonly<Record<string, Step>> = { sin: Step.Sin, cos: Step.Cos, exp: Step.Exp, log: Step.Log };

/** x^y with the square roots IEEE has: `**` gives Infinity for (-Infinity)^(1/2). */
function raise(x: number, y: number): number {
  return y === 0.5 ? Math.sqrt(x) : y === -0.5 ? 1 / Math.sqrt(x) : x ** y;
}

/** A function of the values of `names`, in their order. */
export function compile(expression: Expression, names: readonly string[]): (values: ArrayLike<number>) => number {
  const place = new Map(names.map((name, i) => [name, i]));
  const constants: [place: number, value: number][] = [];
  // Four numbers a step: what, to which place, from which two.
  const steps: number[] = [];
  const calls: ((...x: number[]) => number)[] = [];
  const lists: number[][] = [];
  let count = names.length;
  const result = expression.fold<number>((node, parts) => {
    if (node.kind === "variable") return place.get(node.value as string)!;
    const to = count++;
    const [a, b = 0] = parts as [number, number?];
    const step = (what: Step, first = a, second = b) => void steps.push(what, to, first, second);
    switch (node.kind) {
      case "constant":
        constants.push([to, node.value as number]);
        break;
      case "sum":
      case "product": {
        const what = node.kind === "sum" ? Step.Add : Step.Multiply;
        step(what);
        for (const next of parts.slice(2)) step(what, to, next);
        break;
      }
      case "power":
        step(node.parts[1]!.value === 2 ? Step.Square : Step.Power);
        break;
      case "call": {
        const direct = DIRECT[node.value as string];
        if (direct !== undefined) {
          step(direct);
          break;
        }
        const at = calls.push(functions[node.value as string]!.evaluate) - 1;
        // For calls a is the list of arguments, b the function.
        lists.push(parts);
        steps.push(parts.length === 1 ? Step.Call1 : parts.length === 2 ? Step.Call2 : Step.Call, to, lists.length - 1, at);
      }
    }
    return to;
  });
  const at = new Float64Array(count);
  for (const [i, value] of constants) at[i] = value;
  const code = Int32Array.from(steps);
  return (values) => {
    for (let i = 0; i < names.length; i++) at[i] = values[i]!;
    for (let i = 0; i < code.length; i += 4) {
      const to = code[i + 1]!;
      const a = code[i + 2]!;
      const b = code[i + 3]!;
      switch (code[i] as Step) {
        case Step.Add:
          at[to] = at[a]! + at[b]!;
          break;
        case Step.Multiply:
          at[to] = at[a]! * at[b]!;
          break;
        case Step.Square:
          at[to] = at[a]! * at[a]!;
          break;
        case Step.Power:
          at[to] = raise(at[a]!, at[b]!);
          break;
        case Step.Sin:
          at[to] = Math.sin(at[a]!);
          break;
        case Step.Cos:
          at[to] = Math.cos(at[a]!);
          break;
        case Step.Exp:
          at[to] = Math.exp(at[a]!);
          break;
        case Step.Log:
          at[to] = Math.log(at[a]!);
          break;
        case Step.Call1:
          at[to] = calls[b]!(at[lists[a]![0]!]!);
          break;
        case Step.Call2:
          at[to] = calls[b]!(at[lists[a]![0]!]!, at[lists[a]![1]!]!);
          break;
        case Step.Call:
          at[to] = calls[b]!(...lists[a]!.map((from) => at[from]!));
      }
    }
    return at[result]!;
  };
}
