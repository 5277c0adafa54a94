/** Sums of products with named axes: Einstein's notation, and products over axes given by number. */
import { atMost, axisOf, integer, integers } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import { ShapeError, ValueError } from "../errors.js";
import { releasing, run } from "../run.js";
import { dtypeCode } from "../dtype.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { withTensors } from "./apply.js";
import { contracted, contraction, type Contraction } from "./contraction.js";

type Shapes = readonly (readonly number[])[];

/** How many plans are kept of one equation, and of how many equations. */
const MOST_PLANS = 32;
const MOST_EQUATIONS = 512;
/** Plans by equation, the newest first. */
const plans = new Map<string, Contraction[]>();

/** Loops, not callbacks: this is what a small product waits for. */
function sameShapes(shapes: Shapes, operands: readonly Tensor[]): boolean {
  if (shapes.length !== operands.length) return false;
  for (let i = 0; i < shapes.length; i++) {
    const [shape, other] = [shapes[i]!, operands[i]!.shape];
    if (shape.length !== other.length) return false;
    for (let axis = 0; axis < shape.length; axis++) if (shape[axis] !== other[axis]) return false;
  }
  return true;
}

/** The sum that `key` names, planned when it first meets these shapes. Bools count as 0 and 1. */
function contract(key: string, operands: readonly Tensor[], plan: (shapes: Shapes) => Contraction): Tensor {
  const known = plans.get(key) ?? [];
  let found = known.find(({ shapes }) => sameShapes(shapes, operands));
  if (found === undefined) {
    found = plan(operands.map((x) => x.shape));
    if (known.length === 0 && plans.size >= MOST_EQUATIONS) plans.clear();
    plans.set(key, [found, ...known.slice(0, MOST_PLANS - 1)]);
  }
  if (operands.every((x) => x.dtype !== "bool")) return contracted(found, operands);
  return releasing((keep) =>
    contracted(
      found,
      operands.map((x) => (x.dtype === "bool" ? keep(run("cast", [x], [dtypeCode("int32")])) : x)),
    ),
  );
}

const shown = (shape: readonly number[]) => `[${shape.join(", ")}]`;

/** The axes of an operand by name: letters, and for those of an ellipsis their place from the end. */
function namesOf(equation: string, term: string, i: number, shape: readonly number[]): string[] {
  if (!/^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(term))
    throw new ValueError(
      `einsum: in ${JSON.stringify(equation)} operand ${i} is "${term}"; expected letters, one for each axis, and at most one ellipsis "..."`,
      "einsum",
    );
  const [before, behind] = term.split("...") as [string, string?];
  const named = before.length + (behind ?? "").length;
  const rest = shape.length - named;
  if (rest < 0 || (behind === undefined && rest > 0))
    throw new ShapeError(
      `einsum: in ${JSON.stringify(equation)} "${term}" names ${named === 1 ? "one axis" : `${named} axes`}${behind === undefined ? "" : " beside its ellipsis"}, but operand ${i} has shape ${shown(shape)}`,
      "einsum",
    );
  return [...before, ...Array.from({ length: rest }, (_, axis) => `...${rest - axis}`), ...(behind ?? "")];
}

/** The size of every name. Axes of size 1 stand for larger ones, but not beside another of the same operand. */
function sizesOf(equation: string, names: readonly (readonly string[])[], shapes: Shapes): Map<string, number> {
  const sizes = new Map<string, number>();
  const from = new Map<string, number>();
  const called = (label: string) => (label.startsWith("...") ? `axis -${label.slice(3)} of the ellipsis has` : `index ${label} has`);
  names.forEach((labels, i) =>
    labels.forEach((label, axis) => {
      const size = shapes[i]![axis]!;
      const own = shapes[i]![labels.indexOf(label)]!;
      if (own !== size)
        throw new ShapeError(
          `einsum: in ${JSON.stringify(equation)} ${called(label)} sizes ${own} and ${size} in operand ${i} of shape ${shown(shapes[i]!)}; a diagonal needs equal sizes`,
          "einsum",
        );
      const known = sizes.get(label);
      if (known !== undefined && known !== 1 && size !== 1 && known !== size) {
        const other = from.get(label)!;
        throw new ShapeError(
          `einsum: in ${JSON.stringify(equation)} ${called(label)} size ${known} in operand ${other} of shape ${shown(shapes[other]!)}, but ${size} in operand ${i} of shape ${shown(shapes[i]!)}; they must be equal, or 1`,
          "einsum",
        );
      }
      if (known === undefined || known === 1) {
        sizes.set(label, size);
        from.set(label, i);
      }
    }),
  );
  return sizes;
}

/** The axes of the result by name. */
function outputOf(equation: string, written: string | undefined, names: readonly (readonly string[])[]): string[] {
  const all = names.flat();
  const rank = Math.max(0, ...all.map((label) => (label.startsWith("...") ? Number(label.slice(3)) : 0)));
  const ellipsis = Array.from({ length: rank }, (_, axis) => `...${rank - axis}`);
  const letters = all.filter((label) => !label.startsWith("..."));
  if (written === undefined) return [...ellipsis, ...letters.filter((l) => all.indexOf(l) === all.lastIndexOf(l)).sort()];
  if (!/^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(written))
    throw new ValueError(
      `einsum: the result of ${JSON.stringify(equation)} is "${written}"; expected letters and at most one ellipsis "..."`,
      "einsum",
    );
  const [before, behind] = written.split("...") as [string, string?];
  const output = [...before, ...(behind === undefined ? [] : ellipsis), ...(behind ?? "")];
  for (const [i, label] of output.entries()) {
    if (!all.includes(label))
      throw new ValueError(`einsum: the result of ${JSON.stringify(equation)} has an index ${label} that no operand has`, "einsum");
    if (output.indexOf(label) !== i)
      throw new ValueError(
        `einsum: the result of ${JSON.stringify(equation)} has the index ${label} twice; name it once, and put the rows on a diagonal by diag()`,
        "einsum",
      );
  }
  return output;
}

/** Reads an equation for operands of these shapes, and plans it. */
function planned(equation: string, shapes: Shapes): Contraction {
  const [operands, result, ...more] = equation.replace(/\s/g, "").split("->") as [string, ...string[]];
  if (more.length > 0) throw new ValueError(`einsum: ${JSON.stringify(equation)} has more than one arrow`, "einsum");
  const terms = operands.split(",");
  if (terms.length !== shapes.length)
    throw new ValueError(
      `einsum: ${JSON.stringify(equation)} is for ${terms.length} operand${terms.length === 1 ? "" : "s"}, got ${shapes.length}; give them one by one behind the equation`,
      "einsum",
    );
  const names = terms.map((term, i) => namesOf(equation, term, i, shapes[i]!));
  const sizes = sizesOf(equation, names, shapes);
  return contraction(names, shapes, outputOf(equation, result, names), sizes);
}

/**
 * A sum of products in Einstein's notation, as torch.einsum: each operand's axes are named by letters, and what the result does not name is summed
 * over. Without an arrow the result has the letters that stand once, in alphabetical order. A letter twice in one operand takes a diagonal; "..."
 * stands for further axes, which broadcast. Sizes of a letter agree or are 1.
 *
 * It is done by matrix products, with axes that operands share and the result keeps as their batch; several operands are joined two at a time,
 * the pair with the fewest multiplications first. The plan is kept for the equation and shapes. Dtypes are promoted, bools count as int32.
 * Throws `ShapeError` where sizes or numbers of axes do not fit, `ValueError` for an equation that cannot be read.
 *
 * @example
 * ad.einsum("ij,jk->ik", [[1, 2], [3, 4]], [[1, 0], [1, 1]]); // [[3, 2], [7, 4]]
 */
export function einsum(equation: string, ...operands: TensorLike[]): Tensor {
  if (typeof equation !== "string")
    throw new ValueError(
      `einsum: the first argument is the equation, as "ij,jk->ik", and the operands follow; got ${describe(equation)}`,
      "einsum",
    );
  return withTensors("einsum", operands, (operands) => contract(equation, operands, (shapes) => planned(equation, shapes)));
}

/** Axes of each operand by number: the last of a and the first of b, or two lists. */
function pairedAxes(axes: unknown, a: readonly number[], b: readonly number[]): [ofA: number[], ofB: number[]] {
  if (typeof axes === "number") {
    const count = integer("tensordot", "the number of axes", axes, 0);
    if (count > Math.min(a.length, b.length))
      throw new ShapeError(
        `tensordot: sums over ${count} axes, but the shapes are ${shown(a)} and ${shown(b)}; give a smaller number or lists of axes`,
        "tensordot",
      );
    return [Array.from({ length: count }, (_, i) => a.length - count + i), Array.from({ length: count }, (_, i) => i)];
  }
  if (!Array.isArray(axes) || axes.length !== 2)
    throw new ValueError(`tensordot: axes is a number or two lists [[...], [...]], got ${describe(axes)}`, "tensordot");
  const [ofA, ofB] = [a, b].map((shape, i) => {
    const given: unknown = axes[i];
    const list =
      typeof given === "number" ? [given] : integers("tensordot", `the axes of the ${i === 0 ? "first" : "second"} tensor`, given);
    const found = list.map((axis) => axisOf("tensordot", axis, shape.length));
    if (new Set(found).size < found.length)
      throw new ValueError(`tensordot: an axis stands twice in [${list.join(", ")}]; name each once`, "tensordot");
    return found;
  }) as [number[], number[]];
  if (ofA.length !== ofB.length)
    throw new ValueError(`tensordot: ${ofA.length} axes of the first tensor, but ${ofB.length} of the second; name as many`, "tensordot");
  return [ofA, ofB];
}

/**
 * Sums products over pairs of axes, as torch.tensordot: the last `axes` of a with the first of b (2 by default), or those in two lists, an axis of
 * each at a time. What remains of a, then of b, is the result's shape. Dtypes are promoted, bools count as int32. `ShapeError` where sizes differ,
 * `IndexError` for axes that do not exist, `ValueError`.
 *
 * @example
 * ad.tensordot(ad.ones([2, 3, 4]), ad.ones([4, 3, 5]), [[1, 2], [1, 0]]).shape; // [2, 5]
 */
export function tensordot(
  a: TensorLike,
  b: TensorLike,
  axes: number | readonly [number | readonly number[], number | readonly number[]] = 2,
): Tensor {
  atMost("tensordot", arguments, 3);
  return withTensors("tensordot", [a, b], (operands) => {
    const [first, second] = [operands[0]!.shape, operands[1]!.shape];
    const [ofA, ofB] = pairedAxes(axes, first, second);
    return contract(`tensordot ${ofA.join()} ${ofB.join()}`, operands, (shapes) => {
      ofA.forEach((axis, i) => {
        if (first[axis] !== second[ofB[i]!])
          throw new ShapeError(
            `tensordot: axis ${axis} of ${shown(first)} has size ${first[axis]}, but axis ${ofB[i]} of ${shown(second)} has size ${second[ofB[i]!]}; sizes summed over must be equal`,
            "tensordot",
          );
      });
      const names = [first.map((_, axis) => `a${axis}`), second.map((_, axis) => `b${axis}`)] as const;
      const paired = [names[0], names[1].map((name, axis) => (ofB.includes(axis) ? `a${ofA[ofB.indexOf(axis)]}` : name))] as const;
      const output = [...names[0].filter((_, axis) => !ofA.includes(axis)), ...names[1].filter((_, axis) => !ofB.includes(axis))];
      const sizes = new Map(paired.flatMap((labels, i) => labels.map((label, axis) => [label, shapes[i]![axis]!] as const)));
      return contraction(paired, shapes, output, sizes);
    });
  });
}
