/** Partial derivatives, bottom-up; each shared part is differentiated once. */
import { chain, ordinary } from "./chain.js";
import { Expression } from "./expression.js";
import { functions } from "./functions.js";

interface Slope {
  readonly slope: Expression;
  /** Of a power, the slope of its base. */
  readonly base?: Expression;
}

/** ∂expression/∂wrt */
export function derivativeOf(expression: Expression, wrt: string): Expression {
  const { constant, sum, product, power, call } = Expression;
  const zero = constant(0);
  return expression.fold<Slope>((node, d) => {
    switch (node.kind) {
      case "constant":
        return { slope: zero };
      case "variable":
        return { slope: constant(node.value === wrt ? 1 : 0) };
      case "sum":
        return { slope: sum(...d.map(({ slope }) => slope)) };
      case "product":
        return { slope: ofProduct(node, d) };
      case "power": {
        const [base, exponent] = node.parts as [Expression, Expression];
        const [u, v] = [d[0]!.slope, d[1]!.slope];
        // (u^v)' = v u^(v-1) u' + u^v log(u) v'
        const lower = power(base, sum(exponent, constant(-1)));
        const inBase = u.isZero() ? zero : chain(chain(exponent, lower), u);
        if (v.isZero()) return { slope: inBase, base: u };
        const positive = base.kind === "constant" && (base.value as number) > 0;
        return { slope: sum(inBase, chain(positive ? product(node, call("log", base)) : call("powerLog", base, exponent), v)), base: u };
      }
      case "call": {
        const row = functions[node.value as string]!;
        const slopes = d.map(({ slope }) => slope);
        if (row.derivative) return { slope: row.derivative(node.parts, slopes) };
        return { slope: sum(...slopes.map((slope, i) => (slope.isZero() ? zero : chain(row.partial(i, node.parts), slope)))) };
      }
    }
  }).slope;
}

/** (u v w)' = u' v w + u v' w + u v w'. What stands below a quotient's line has one partial together with what stands above. */
function ofProduct(node: Expression, d: readonly Slope[]): Expression {
  const { constant, sum, product, power } = Expression;
  return sum(
    ...node.parts.map((part, i) => {
      const { slope, base } = d[i]!;
      if (slope.isZero()) return constant(0);
      const others = node.parts.filter((_, k) => k !== i);
      const [below, exponent] = part.parts;
      if (base === undefined || exponent!.kind !== "constant" || (exponent!.value as number) >= 0) {
        // In the order of the factors, for the reader.
        return ordinary(product(...others), slope)
          ? product(...node.parts.map((p, k) => (k === i ? slope : p)))
          : chain(product(...others), slope);
      }
      return chain(product(...others, exponent!, power(below!, sum(exponent!, constant(-1)))), base);
    }),
  );
}
