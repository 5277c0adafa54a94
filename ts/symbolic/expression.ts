/**
 * Scalar expressions as immutable trees with shared parts: built by constructors that normalise (0 + x, 1 · x, constants),
 * differentiated by the same table of partials for every function. Walks are by explicit stack and memoised on the node, so
 * that shared parts are visited once and deep chains do not overflow.
 */
import { atMost } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import type { Style, SymbolicFunction } from "./functions.js";

/**
 * What needs expressions and the table of functions both, and so cannot stand below this file: the table's partials are built with
 * the constructors here. `index.ts` brings the two together.
 */
interface Walks {
  readonly functions: Readonly<Record<string, SymbolicFunction>>;
  readonly derivativeOf: (expression: Expression, wrt: string) => Expression;
  readonly print: (expression: Expression, style: Style) => string;
  readonly compile: (expression: Expression, names: readonly string[]) => (values: ArrayLike<number>) => number;
}
let walks: Walks;
export function setWalks(all: Walks): void {
  walks = all;
}

/** What `isRegular` found. */
const regular = new WeakMap<Expression, boolean>();

/** What an expression is made by. */
export type Kind = "constant" | "variable" | "sum" | "product" | "power" | "call";

/**
 * A formula of named variables, as `symbolic` reads it from a function. Immutable: what changes it gives another. Equal ones are the same
 * object as far as sums and products are concerned.
 *
 * @example
 * const e = ad.symbolic((x) => x.square().add(x))(1);
 * const slope = e.derivative("x").evaluate({ x: 3 }); // 7
 */
export class Expression {
  private constructor(
    /** How it is made. */
    readonly kind: Kind,
    /** The number of a constant, the name of a variable or of a called function. */
    readonly value: number | string,
    /** Terms, factors, base and exponent, or arguments. */
    readonly parts: readonly Expression[],
    /** Equal expressions have equal keys; the key of a large one is a number given at construction. */
    readonly key: string,
    /** The variables it is a function of, where that is known: more than occur in it, when some cancelled. */
    private readonly declared?: readonly string[],
  ) {}

  private static readonly interned = new Map<string, WeakRef<Expression>>();
  private static serial = 0;

  private static make(kind: Kind, value: number | string, parts: readonly Expression[]): Expression {
    const content = `${kind}:${Object.is(value, -0) ? "-0" : value}(${parts.map((p) => p.key).join(",")})`;
    const known = Expression.interned.get(content)?.deref();
    if (known !== undefined) return known;
    const made = new Expression(kind, value, parts, content.length < 24 ? content : `#${++Expression.serial}`);
    Expression.interned.set(content, new WeakRef(made));
    return made;
  }

  /** The same expression as a function of the given variables: those it can be differentiated in, in this order. */
  withVariables(names: readonly string[]): Expression {
    return new Expression(this.kind, this.value, this.parts, this.key, names);
  }

  /** A number. */
  static constant(value: number): Expression {
    return Expression.make("constant", value, []);
  }

  /** A variable of this name. */
  static variable(name: string): Expression {
    return Expression.make("variable", name, []);
  }

  /** A sum with constants folded, nested sums flattened and equal terms collected. */
  static sum(...terms: Expression[]): Expression {
    let constant = 0;
    const collected = new Map<string, { term: Expression; factor: number }>();
    const stack = [...terms].reverse();
    while (stack.length > 0) {
      const term = stack.pop()!;
      if (term.kind === "sum") {
        stack.push(...[...term.parts].reverse());
      } else if (term.kind === "constant") {
        constant += term.value as number;
      } else {
        const [factor, rest] = term.splitFactor();
        const known = collected.get(rest.key);
        if (known) known.factor += factor;
        else collected.set(rest.key, { term: rest, factor });
      }
    }
    const parts: Expression[] = [];
    for (const { term, factor } of collected.values()) {
      if (factor !== 0) parts.push(factor === 1 ? term : Expression.product(Expression.constant(factor), term));
    }
    if (constant !== 0 || parts.length === 0) parts.push(Expression.constant(constant));
    return parts.length === 1 ? parts[0]! : Expression.make("sum", "", parts);
  }

  /** A product with constants folded, nested products flattened and equal bases collected into powers. */
  static product(...factors: Expression[]): Expression {
    let constant = 1;
    const collected = new Map<string, { base: Expression; exponents: Expression[] }>();
    const stack = [...factors].reverse();
    while (stack.length > 0) {
      const factor = stack.pop()!;
      if (factor.kind === "product") {
        stack.push(...[...factor.parts].reverse());
      } else if (factor.kind === "constant") {
        constant *= factor.value as number;
      } else {
        const [base, exponent] = factor.kind === "power" ? [factor.parts[0]!, factor.parts[1]!] : [factor, Expression.constant(1)];
        const known = collected.get(base.key);
        if (known) known.exponents.push(exponent);
        else collected.set(base.key, { base, exponents: [exponent] });
      }
    }
    if (constant === 0) return Expression.constant(0);
    const parts: Expression[] = [];
    for (const { base, exponents } of collected.values()) {
      const power = Expression.power(base, Expression.sum(...exponents));
      if (power.kind === "constant") constant *= power.value as number;
      else parts.push(power);
    }
    if (parts.length === 0) return Expression.constant(constant);
    // A number times a sum is distributed: 2(x + 1) and 2x + 2 are then one expression.
    if (constant !== 1 && parts.length === 1 && parts[0]!.kind === "sum") {
      return Expression.sum(...parts[0]!.parts.map((term) => Expression.product(Expression.constant(constant), term)));
    }
    if (constant !== 1) parts.unshift(Expression.constant(constant));
    return parts.length === 1 ? parts[0]! : Expression.make("product", "", parts);
  }

  /** A power, with constants folded and powers of powers joined where that holds everywhere. */
  static power(base: Expression, exponent: Expression): Expression {
    if (exponent.kind === "constant") {
      if (exponent.value === 0) return Expression.constant(1);
      if (exponent.value === 1) return base;
      if (base.kind === "constant") return Expression.constant((base.value as number) ** (exponent.value as number));
      // (b^p)^n = b^(pn) and (uv)^n = u^n v^n hold for every base when n is an integer.
      if (Number.isInteger(exponent.value)) {
        if (base.kind === "power") return Expression.power(base.parts[0]!, Expression.product(base.parts[1]!, exponent));
        if (base.kind === "product") return Expression.product(...base.parts.map((part) => Expression.power(part, exponent)));
      }
    }
    if (base.kind === "constant" && base.value === 1) return base;
    return Expression.make("power", "", [base, exponent]);
  }

  /** A call of a function of the table in functions.ts. Throws `ValueError` for one that is not there. */
  static call(name: string, ...args: Expression[]): Expression {
    if (!Object.hasOwn(walks.functions, name)) throw new ValueError(`symbolic: there is no function ${JSON.stringify(name)}`, "symbolic");
    const { evaluate, simplify } = walks.functions[name]!;
    if (args.every((a) => a.kind === "constant")) {
      const value = evaluate(...args.map((a) => a.value as number));
      // Only exact values replace a call: sin(1) stays sin(1), exp(0) becomes 1.
      if (Number.isInteger(value)) return Expression.constant(value);
    }
    return simplify?.(...args) ?? Expression.make("call", name, args);
  }

  /** [c, rest] with this = c · rest. */
  private splitFactor(): [number, Expression] {
    if (this.kind === "product" && this.parts[0]!.kind === "constant") {
      const rest = this.parts.slice(1);
      return [this.parts[0]!.value as number, rest.length === 1 ? rest[0]! : Expression.make("product", "", rest)];
    }
    return [1, this];
  }

  // ---- operators --------------------------------------------------------------------------------------------------

  /** This plus the other. */
  add(other: Expression): Expression {
    return Expression.sum(this, other).declaring(this, other);
  }
  /** This minus the other. */
  sub(other: Expression): Expression {
    return Expression.sum(this, other.neg()).declaring(this, other);
  }
  /** This times the other. */
  mul(other: Expression): Expression {
    return Expression.product(this, other).declaring(this, other);
  }
  /** This divided by the other. */
  div(other: Expression): Expression {
    return Expression.product(this, Expression.power(other, Expression.constant(-1))).declaring(this, other);
  }
  /** Minus this. */
  neg(): Expression {
    return Expression.product(Expression.constant(-1), this).declaring(this);
  }
  /** This to the power of the exponent. */
  pow(exponent: Expression): Expression {
    return Expression.power(this, exponent).declaring(this, exponent);
  }

  /** What was made of functions is a function of the variables of all. */
  private declaring(...parts: readonly Expression[]): Expression {
    if (parts.every(({ declared }) => declared === undefined)) return this;
    return this.withVariables([...new Set(parts.flatMap((part) => part.arguments()))]);
  }

  // ---- walks ------------------------------------------------------------------------------------------------------

  /** Folds the tree bottom-up; each shared node once. */
  fold<R>(visit: (node: Expression, parts: R[]) => R): R {
    const done = new Map<Expression, R>();
    const stack: Expression[] = [this];
    while (stack.length > 0) {
      const node = stack[stack.length - 1]!;
      const open = done.has(node) ? [] : node.parts.filter((part) => !done.has(part));
      if (open.length > 0) {
        stack.push(...open);
        continue;
      }
      stack.pop();
      if (!done.has(node))
        done.set(
          node,
          visit(
            node,
            node.parts.map((part) => done.get(part)!),
          ),
        );
    }
    return done.get(this)!;
  }

  /** The names of the variables, in order of appearance. */
  variables(): string[] {
    const names = new Set<string>();
    this.fold((node) => {
      if (node.kind === "variable") names.add(node.value as string);
    });
    return [...names];
  }

  /** Number of distinct nodes: what the expression costs to hold and to evaluate once. */
  size(): number {
    let count = 0;
    this.fold(() => void count++);
    return count;
  }

  /** The variables it is a function of: as declared, else those that occur in it. */
  arguments(): readonly string[] {
    return this.declared ?? this.variables();
  }

  /**
   * The partial derivative with respect to the variable `wrt`, with the engine's conventions at kinks and poles. Throws `ValueError`
   * for a name that is no variable of the function.
   */
  derivative(wrt: string): Expression {
    const known = this.arguments();
    if (typeof wrt !== "string" || !known.includes(wrt)) {
      const names = known.length === 0 ? "it has none" : `they are ${known.slice(0, 8).join(", ")}${known.length > 8 ? ", ..." : ""}`;
      throw new ValueError(`derivative: ${describe(wrt)} is no variable of this expression; ${names}`, "derivative");
    }
    const slope = walks.derivativeOf(this, wrt);
    return slope.withVariables(known);
  }

  /** Whether it is the constant 0. */
  isZero(): boolean {
    return this.kind === "constant" && this.value === 0;
  }

  /**
   * The same expression rebuilt bottom-up, so that every rule of the constructors sees simplified parts. Where nothing is selected
   * (no `where`, `maximum` and the like), special points are given up for shorter forms: at a pole of an inner function the
   * result is then that of the simpler expression.
   */
  simplify(): Expression {
    const simple = this.rebuilt((part) => !part.selects());
    return this.declared === undefined ? simple : simple.withVariables(this.declared);
  }

  /** Built again bottom-up; functions that differ from a plainer one at special points only are replaced by it where `plainly` says so. */
  private rebuilt(plainly: (part: Expression) => boolean): Expression {
    return this.fold<Expression>((node, parts) => {
      switch (node.kind) {
        case "constant":
        case "variable":
          return node;
        case "sum":
          return pythagoras(Expression.sum(...parts));
        case "product":
          return Expression.product(...parts);
        case "power":
          return Expression.power(parts[0]!, parts[1]!);
        case "call": {
          const { generic } = walks.functions[node.value as string]!;
          return generic && parts.every(plainly) ? generic(...parts) : Expression.call(node.value as string, ...parts);
        }
      }
    });
  }

  /** Whether a function in it is 0 for whole ranges of its arguments. */
  private selects(): boolean {
    return this.fold<boolean>(
      (node, parts) => parts.includes(true) || (node.kind === "call" && walks.functions[node.value as string]!.selects === true),
    );
  }

  /** @internal Whether the value is finite wherever the variables are: where it is 0, it makes any product 0 by itself. */
  isRegular(): boolean {
    return this.fold<boolean>((node, parts) => {
      const before = regular.get(node);
      if (before !== undefined) return before;
      const exponent = node.parts[1];
      const poles =
        (node.kind === "constant" && !Number.isFinite(node.value)) ||
        (node.kind === "power" &&
          !(exponent!.kind === "constant" && Number.isInteger(exponent!.value) && (exponent!.value as number) > 0)) ||
        (node.kind === "call" && walks.functions[node.value as string]!.regular !== true);
      const result = !poles && parts.every(Boolean);
      regular.set(node, result);
      return result;
    });
  }

  /**
   * The value at a point, e.g. `{ x: 2, "w[1]": 0.5 }`. Throws `ValueError` where a variable has no number, and for a name that is no variable
   * (those of the function it was made of may all be given, also where the expression does not depend on them).
   */
  evaluate(environment: Readonly<Record<string, number>>): number {
    atMost("evaluate", arguments, 1);
    const names = this.variables();
    const known = new Set([...this.arguments(), ...names]);
    if (typeof environment === "object" && environment !== null) {
      for (const name of Object.keys(environment))
        if (!known.has(name))
          throw new ValueError(
            `evaluate: ${JSON.stringify(name)} is no variable of this expression; it has ${[...known].join(", ") || "none"}`,
            "evaluate",
          );
    }
    const values = names.map((name) => {
      const value: unknown =
        typeof environment === "object" && environment !== null && Object.hasOwn(environment, name) ? environment[name] : undefined;
      if (typeof value !== "number") {
        throw new ValueError(
          `evaluate() has no number for the variable ${name}, it got ${describe(value)}; give one for each of ${names.join(", ")}`,
          "evaluate",
        );
      }
      return value;
    });
    return walks.compile(this, names)(values);
  }

  /**
   * A plain JavaScript function of numbers with the same values as `evaluate`, made of closures (no `eval`): its arguments are the
   * variables in order, or as `variables` lists them; one array of all numbers does as well. Throws `ValueError` where a variable
   * of the expression is not among them, and when the function gets another number of arguments.
   */
  toFunction(variables: readonly string[] = this.arguments()): (...values: (number | ArrayLike<number>)[]) => number {
    if (!Array.isArray(variables) || variables.some((name) => typeof name !== "string"))
      throw new ValueError(`toFunction: the variables are a list of names, got ${describe(variables)}`, "toFunction");
    const missing = this.variables().filter((name) => !variables.includes(name));
    if (missing.length > 0)
      throw new ValueError(
        `toFunction: the expression depends on ${missing.join(", ")}, which ${missing.length === 1 ? "is" : "are"} not among [${variables.join(", ")}]`,
        "toFunction",
      );
    const run = walks.compile(this, variables);
    const count = variables.length;
    return (...values) => {
      const list = values.length === 1 && typeof values[0] === "object" && values[0] !== null ? values[0] : (values as number[]);
      if (list.length !== count)
        throw new ValueError(
          `toFunction: the function takes ${count} number${count === 1 ? "" : "s"} (${variables.join(", ")}), got ${list.length}`,
          "toFunction",
        );
      return run(list);
    };
  }

  /** As one would type it: `2 * x * exp(x^2)`. How products treat 0 times infinity is not shown. */
  toString(): string {
    return walks.print(
      this.rebuilt(() => true),
      "text",
    );
  }

  /** LaTeX source: `2 x e^{x^{2}}`. */
  toLatex(): string {
    return walks.print(
      this.rebuilt(() => true),
      "latex",
    );
  }
}

/** sin²u + cos²u = 1, for equal factors in front of the two. */
function pythagoras(sum: Expression): Expression {
  if (sum.kind !== "sum") return sum;
  const square = (term: Expression, name: string) => {
    const power = term.kind === "product" ? term.parts[term.parts.length - 1]! : term;
    const hit = power.kind === "power" && power.parts[0]!.kind === "call" && power.parts[0]!.value === name && power.parts[1]!.value === 2;
    if (!hit) return undefined;
    const factor = term.kind === "product" ? Expression.product(...term.parts.slice(0, -1)) : Expression.constant(1);
    return { factor, argument: power.parts[0]!.parts[0]! };
  };
  for (const [i, a] of sum.parts.entries()) {
    const s = square(a, "sin");
    if (!s) continue;
    for (const [k, b] of sum.parts.entries()) {
      const c = square(b, "cos");
      if (c && c.argument === s.argument && c.factor === s.factor) {
        const rest = sum.parts.filter((_, m) => m !== i && m !== k);
        return pythagoras(Expression.sum(s.factor, ...rest));
      }
    }
  }
  return sum;
}
