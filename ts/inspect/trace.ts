/**
 * Recording a run as a program: every primitive evaluated below all transforms, gradient programs included, and every write. The values
 * are there, so it can be drawn with them, run again, read symbolically, and searched for sparsity.
 */
import { atMost } from "../input/arguments.js";
import type { Tensor } from "../tensor.js";
import { asTree } from "../transforms/arguments.js";
import { type Callback, checkFunction, inScope } from "../transforms/machinery.js";
import type { ArgumentsOf } from "../transforms/types.js";
import { flatten } from "../tree.js";
import { build } from "./build.js";
import type { Program } from "./program.js";
import { record } from "./record.js";

/** An input named like the argument it came from. */
function inputNames(args: readonly unknown[]): string[] {
  const letters = ["x", "y", "z", "u", "v", "w"];
  return args.flatMap((arg, i) => {
    const [leaves] = flatten(arg);
    const base = args.length <= letters.length ? letters[i]! : `x${i}`;
    return leaves.length === 1 ? [base] : leaves.map((_: unknown, k: number) => `${base}${k}`);
  });
}

/**
 * `trace(f)(...args)` runs `f` once and returns the flat program of what it computed: what the outputs depend on, with all
 * transforms unrolled (`trace(grad(f))` shows the gradient's program), and what it wrote: updates of optimizers, `assign`, gradients added
 * up by `backward()`. Throws `ValueError` inside another trace.
 *
 * @example
 * console.log(String(ad.trace(ad.grad((x) => x.sin().sum()))([1, 2])));
 */
export function trace<A extends unknown[] = Tensor[], R = unknown>(f: (...args: A) => R): (...args: ArgumentsOf<A>) => Program<A, R>;
export function trace(f: Callback): (...args: any[]) => Program<any, any> {
  checkFunction("trace", f);
  atMost("trace", arguments, 1);
  return (...args) => programOf("trace", f, args, false);
}

/**
 * As `trace`, but reading a number that the next run may find different throws `TracedValueError` with the line that read it: what a
 * compiled function needs.
 * @internal
 */
export function strictTrace(f: Callback): (...args: any[]) => Program {
  checkFunction("compile", f);
  atMost("compile", arguments, 1);
  return (...args) => programOf("compile", f, args, true);
}

function programOf(name: string, f: Callback, args: readonly unknown[], strict: boolean): Program {
  return inScope(() => {
    const given = args.map((arg) => asTree(arg));
    return record(name, f, given, strict, (recorded) => build(recorded, inputNames(given)));
  });
}
