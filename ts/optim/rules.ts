/** What hyperparameters may be, checked wherever they are set: in the constructor, in a group, or later. */
import { boolean, number } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import { lookOut } from "../habits/lookout.js";
import { checkOptions } from "../input/options.js";

/** Returns the value to keep, or throws an error that names optimizer and option. */
export type Rule<T> = (op: string, what: string, value: unknown) => T;
/** A rule for every option. */
export type Rules<Options> = { readonly [K in keyof Options]-?: Rule<Options[K]> };

/** A finite number from 0 on: rates, decays, small constants. */
export function nonNegative(op: string, what: string, value: unknown): number {
  const given = number(op, what, value);
  if (!(given >= 0 && given < Infinity)) throw new ValueError(`${op}: ${what} is ${given}; expected a finite number from 0 on`, op);
  return given;
}

/** Any finite number. */
export function finite(op: string, what: string, value: unknown): number {
  const given = number(op, what, value);
  if (!Number.isFinite(given)) throw new ValueError(`${op}: ${what} is ${given}; expected a finite number`, op);
  return given;
}

/** Two numbers that fit together. */
export const pair =
  (expected: string, fits: (low: number, high: number) => boolean): Rule<readonly [number, number]> =>
  (op, what, value) => {
    const [low, high] = (Array.isArray(value) && value.length === 2 ? value : []) as unknown[];
    if (typeof low !== "number" || typeof high !== "number" || !fits(low, high)) {
      const got = Array.isArray(value) ? `[${value.map(describe).join(", ")}]` : describe(value);
      throw new ValueError(`${op}: ${what} must be two numbers ${expected}, got ${got}`, op);
    }
    return Object.freeze([low, high] as const);
  };

/** Adam's two decay rates. */
export const betas = pair("[beta1, beta2] from 0 to below 1", (a, b) => a >= 0 && a < 1 && b >= 0 && b < 1);

/** A number from 0 to 1. */
export function fraction(op: string, what: string, value: unknown): number {
  const given = number(op, what, value);
  if (!(given >= 0 && given <= 1)) throw new ValueError(`${op}: ${what} is ${given}; expected a number from 0 to 1`, op);
  return given;
}

/** Rules for every option: those given, for others by the default. */
export function completeRules<Options extends object>(defaults: Options, given: Partial<Rules<Options>> = {}): Rules<Options> {
  const byDefault = (key: string, value: unknown): Rule<any> => {
    if (typeof value === "number") return key === "lr" ? nonNegative : finite;
    return typeof value === "boolean" ? boolean : (_op, _what, option) => option;
  };
  const rules = Object.entries(defaults).map(([key, value]) => [key, given[key as keyof Options] ?? byDefault(key, value)]);
  return Object.fromEntries(rules) as Rules<Options>;
}

/** Options whose every later change is checked as well: `plain` holds the numbers, the result is its guarded face. */
export function guarded<Options extends object>(op: string, rules: Rules<Options>, plain: Options): Options {
  const prototype = {};
  lookOut(prototype, {
    kind: `the options of ${op}`,
    unknown: (_, name, value) => checkOptions(op, { [name]: value }, Object.keys(rules)),
  });
  const face = Object.create(prototype) as Options;
  for (const key of Object.keys(rules) as (keyof Options & string)[]) {
    Object.defineProperty(face, key, {
      enumerable: true,
      get: () => plain[key],
      set: (value: unknown) => {
        plain[key] = rules[key](op, key, value);
      },
    });
  }
  return Object.seal(face);
}
