/**
 * Scalar expressions as immutable trees with shared parts: built by constructors that normalise (0 + x, 1 · x, constants),
 * differentiated by the same table of partials for every function. Walks are by explicit stack and memoised on the node, so
 * that shared parts are visited once and deep chains do not overflow.
 */
import { ValueError } from "../errors.js";
import { functions } from "./functions.js";

export type Kind = "constant" | "variable" | "sum" | "product" | "power" | "call";

export class Expression {
  private constructor(
    readonly kind: Kind,
    /** The number of a constant, the name of a variable or of a called function. */
    readonly value: number | string,
    readonly parts: readonly Expression[],
    /** Equal expressions have equal keys; the key of a large one is a number given at construction. */
    readonly key: string,
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

  static constant(value: number): Expression {
    return Expression.make("constant", value, []);
  }

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

  static call(name: string, ...args: Expression[]): Expression {
    const { evaluate, simplify } = functions[name]!;
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

  add(other: Expression): Expression {
    return Expression.sum(this, other);
  }
  sub(other: Expression): Expression {
    return Expression.sum(this, other.neg());
  }
  mul(other: Expression): Expression {
    return Expression.product(this, other);
  }
  div(other: Expression): Expression {
    return Expression.product(this, Expression.power(other, Expression.constant(-1)));
  }
  neg(): Expression {
    return Expression.product(Expression.constant(-1), this);
  }
  pow(exponent: Expression): Expression {
    return Expression.power(this, exponent);
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
      if (!done.has(node)) done.set(node, visit(node, node.parts.map((part) => done.get(part)!)));
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

  /**
   * The partial derivative with respect to the variable `wrt`. A kink (abs, maximum, where) gets the derivative of the
   * piece the point lies on.
   */
  derivative(wrt: string): Expression {
    const zero = Expression.constant(0);
    return this.fold<Expression>((node, d) => {
      switch (node.kind) {
        case "constant":
          return zero;
        case "variable":
          return Expression.constant(node.value === wrt ? 1 : 0);
        case "sum":
          return Expression.sum(...d);
        case "product":
          // (u v w)' = u' v w + u v' w + u v w'
          return Expression.sum(...node.parts.map((_, i) => Expression.product(...node.parts.map((p, k) => (k === i ? d[k]! : p)))));
        case "power": {
          const [base, exponent] = node.parts as [Expression, Expression];
          // (u^v)' = v u^(v-1) u' + u^v log(u) v'
          const first = Expression.product(exponent, Expression.power(base, Expression.sum(exponent, Expression.constant(-1))), d[0]!);
          if (d[1]!.isZero()) return first;
          return Expression.sum(first, Expression.product(node, Expression.call("log", base), d[1]!));
        }
        case "call": {
          const { partials } = functions[node.value as string]!;
          const terms = node.parts.map((_, i) => (d[i]!.isZero() ? zero : Expression.product(partials[i]!(...node.parts), d[i]!)));
          return Expression.sum(...terms);
        }
      }
    });
  }

  isZero(): boolean {
    return this.kind === "constant" && this.value === 0;
  }

  /** The same expression rebuilt bottom-up, so that every rule of the constructors sees simplified parts. */
  simplify(): Expression {
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
        case "call":
          return Expression.call(node.value as string, ...parts);
      }
    });
  }

  /** The value at a point, e.g. `{ x: 2, "w[1]": 0.5 }`. Every variable needs a number. */
  evaluate(environment: Readonly<Record<string, number>>): number {
    return this.fold<number>((node, parts) => {
      switch (node.kind) {
        case "constant":
          return node.value as number;
        case "variable": {
          const value = environment[node.value as string];
          if (value === undefined) {
            throw new ValueError(`evaluate() has no value for the variable ${node.value}; give a number for each of ${this.variables().join(", ")}`, "evaluate");
          }
          return Number(value);
        }
        case "sum":
          return parts.reduce((a, b) => a + b, 0);
        case "product":
          return parts.reduce((a, b) => a * b, 1);
        case "power":
          return parts[0]! ** parts[1]!;
        case "call":
          return functions[node.value as string]!.evaluate(...parts);
      }
    });
  }

  /** As one would type it: `2 * x * exp(x^2)`. */
  toString(): string {
    return print(this, "text");
  }

  /** LaTeX source: `2 x e^{x^{2}}`. */
  toLatex(): string {
    return print(this, "latex");
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

type Style = "text" | "latex";
interface Printed {
  text: string;
  /** 0 sum, 1 product, 2 power, 3 atom: a part weaker than its place gets parentheses. */
  strength: number;
}

const number = (value: number, style: Style): string => {
  if (!Number.isFinite(value)) return style === "latex" ? (Number.isNaN(value) ? "\\mathrm{NaN}" : value > 0 ? "\\infty" : "-\\infty") : String(value);
  const text = String(value);
  if (style === "text" || !text.includes("e")) return text;
  const [mantissa, exponent] = text.split("e") as [string, string];
  return `${mantissa} \\cdot 10^{${Number(exponent)}}`;
};

const name = (text: string, style: Style): string => {
  if (style === "text") return text;
  const indexed = /^(\w+)\[(.*)\]$/.exec(text);
  if (indexed) return `${name(indexed[1]!, style)}_{${indexed[2]}}`;
  return text.length === 1 ? text : `\\mathrm{${text.replace(/_/g, "\\_")}}`;
};

function print(expression: Expression, style: Style): string {
  const wrap = (p: Printed, least: number) => (p.strength >= least ? p.text : style === "latex" ? `\\left(${p.text}\\right)` : `(${p.text})`);
  return expression.fold<Printed>((node, parts) => {
    switch (node.kind) {
      case "constant":
        return { text: number(node.value as number, style), strength: (node.value as number) < 0 ? 0 : 3 };
      case "variable":
        return { text: name(node.value as string, style), strength: 3 };
      case "sum": {
        const text = parts.map((p, i) => (i === 0 ? p.text : p.text.startsWith("-") ? ` - ${p.text.slice(1)}` : ` + ${p.text}`)).join("");
        return { text, strength: 0 };
      }
      case "product":
        return printProduct(node, parts, style, wrap);
      case "power":
        return printPower(node, parts, style, wrap);
      case "call":
        return { text: functions[node.value as string]!.print(style, parts.map((p) => p.text)), strength: 3 };
    }
  }).text;
}

type Wrap = (p: Printed, least: number) => string;

function printProduct(node: Expression, parts: Printed[], style: Style, wrap: Wrap): Printed {
  const above: string[] = [];
  const below: string[] = [];
  let sign = "";
  node.parts.forEach((part, i) => {
    if (part.kind === "constant" && part.value === -1) {
      sign = "-";
    } else if (part.kind === "constant" && (part.value as number) < 0) {
      sign = "-";
      above.push(number(-(part.value as number), style));
    } else if (part.kind === "power" && part.parts[1]!.kind === "constant" && (part.parts[1]!.value as number) < 0) {
      const inverse = Expression.power(part.parts[0]!, Expression.constant(-(part.parts[1]!.value as number)));
      const text = print(inverse, style);
      below.push(inverse.kind === "sum" ? wrap({ text, strength: 0 }, 1) : text);
    } else {
      above.push(wrap(parts[i]!, 1));
    }
  });
  const join = style === "latex" ? " " : " * ";
  const top = above.length > 0 ? above.join(join) : "1";
  if (below.length === 0) return { text: sign + top, strength: sign ? 0 : 1 };
  const text = style === "latex" ? `\\frac{${top}}{${below.join(join)}}` : `${top} / ${below.length > 1 ? `(${below.join(join)})` : below[0]}`;
  return { text: sign + text, strength: sign ? 0 : 1 };
}

function printPower(node: Expression, parts: Printed[], style: Style, wrap: Wrap): Printed {
  const exponent = node.parts[1]!;
  if (exponent.kind === "constant" && (exponent.value as number) < 0) {
    const inverse = Expression.power(node.parts[0]!, Expression.constant(-(exponent.value as number)));
    const text = print(inverse, style);
    const strength = inverse.kind === "sum" ? 0 : 2;
    return style === "latex" ? { text: `\\frac{1}{${text}}`, strength: 3 } : { text: `1 / ${wrap({ text, strength }, 2)}`, strength: 1 };
  }
  const base = wrap(parts[0]!, 3);
  return style === "latex" ? { text: `${base}^{${parts[1]!.text}}`, strength: 2 } : { text: `${base}^${wrap(parts[1]!, 3)}`, strength: 2 };
}
