/** Printed forms: only the parentheses that are needed. */
import { Expression } from "./expression.js";
import { functions, type Style } from "./functions.js";

interface Printed {
  text: string;
  /** 0 sum, 1 product, 2 power, 3 atom: a part weaker than its place gets parentheses. */
  strength: number;
}

const number = (value: number, style: Style): string => {
  if (!Number.isFinite(value))
    return style === "latex" ? (Number.isNaN(value) ? "\\mathrm{NaN}" : value > 0 ? "\\infty" : "-\\infty") : String(value);
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

/** As text or as LaTeX source. */
export function print(expression: Expression, style: Style): string {
  const wrap = (p: Printed, least: number) =>
    p.strength >= least ? p.text : style === "latex" ? `\\left(${p.text}\\right)` : `(${p.text})`;
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
        return {
          text: functions[node.value as string]!.print(
            style,
            parts.map((p) => p.text),
          ),
          strength: 3,
        };
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
  const text =
    style === "latex" ? `\\frac{${top}}{${below.join(join)}}` : `${top} / ${below.length > 1 ? `(${below.join(join)})` : below[0]}`;
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
