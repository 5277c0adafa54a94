/** Sums of products with named axes, and the products beside them; against sums written out. */
import * as ad from "adjoint";
import { at, broadcastShapes, build, type Plain } from "../array.js";
import { multiply } from "./references.js";
import { fixed, type Case } from "./samples.js";

const SUMS = { rounded: true, tolerance: [1e-13, 1e-5] as [number, number], floor: 1 };

/** By definition: one loop over all indices, each a letter. Axes of size 1 stand for larger ones. */
function summed(equation: string, ...inputs: Plain[]): Plain {
  const [left, right] = equation.split("->") as [string, string];
  const terms = left.split(",").map((term) => [...term]);
  const letters = [...new Set(terms.flat())];
  const sizes = letters.map((letter) => {
    const own = terms.flatMap((term, i) => term.flatMap((l, axis) => (l === letter ? [inputs[i]!.shape[axis]!] : [])));
    return own.find((size) => size !== 1) ?? 1;
  });
  const sizeFor = (letter: string) => sizes[letters.indexOf(letter)]!;
  const inner = letters.filter((letter) => !right.includes(letter));
  const innerShape = inner.map(sizeFor);
  return build([...right].map(sizeFor), (outer) => {
    let sum = 0;
    build(innerShape, (index) => {
      const place = (letter: string) => (right.includes(letter) ? outer[right.indexOf(letter)]! : index[inner.indexOf(letter)]!);
      sum += terms.reduce((product, term, i) => {
        const x = inputs[i]!;
        return (
          product *
          at(
            x,
            term.map((letter, axis) => (x.shape[axis] === 1 ? 0 : place(letter))),
          )
        );
      }, 1);
      return 0;
    });
    return sum;
  });
}

/** There are many rows of an op: a few samples each. */
const few = (row: Case, count: number): Case => ({ ...row, samples: row.samples.slice(0, count) });

/** A row for an equation; shapes are written as "2,3 3,4", that of a scalar "."; `spelled` is the same with an ellipsis or without its result. */
const row = (equation: string, shapes: string, spelled = equation): Case =>
  fixed(
    `einsum(${spelled}) of ${shapes}`,
    shapes.split(" ").map((shape) => (shape === "." ? [] : shape.split(",").map(Number))),
    (...x) => ad.einsum(spelled, ...x),
    (...x) => summed(equation, ...x),
    SUMS,
  );

const EQUATIONS: Case[] = [
  // one operand: views, diagonals, sums
  row("ij->ij", "2,3"),
  row("ij->ji", "2,3", "ji"),
  row("ii->", "3,3", "ii"),
  row("ii->i", "3,3"),
  row("jiji->i", "2,3,2,3"),
  row("iii->i", "3,3,3"),
  row("ijk->j", "2,3,2"),
  row("->", "."),
  // matrix products
  row("ij,jk->ik", "2,3 3,4"),
  row("ij,jk->ik", "3,2 2,3", " i j , j k "),
  row("ji,kj->ki", "3,2 4,3"),
  row("ij,j->i", "2,3 3"),
  row("i,ij->j", "2 2,3"),
  row("j,ij->i", "3 2,3"),
  row("ij,i->j", "2,3 2"),
  row("i,i->", "5 5"),
  row("ij,ij->", "2,3 2,3"),
  row("ijk,ljk->li", "2,3,2 2,3,2"),
  row("ikj,jlk->il", "2,3,2 2,2,3"),
  // with a batch
  row("bij,bjk->bik", "2,2,3 2,3,2"),
  row("bij,bjk->ikb", "2,2,3 2,3,2"),
  row("bqhd,bkhd->bhqk", "1,2,2,3 1,3,2,3"),
  row("bij,bj->bi", "2,2,3 2,3"),
  row("bi,bi->b", "3,4 3,4"),
  row("bxiy,biz->xbyz", "2,2,3,1 2,3,2"),
  row("abij,bjac->abic", "2,2,1,2 2,2,2,3"),
  // axes of one factor only, together and apart; large enough to go in front
  row("xcy,cz->xyz", "2,3,2 3,2"),
  row("xcy,cz->xyz", "2,2,17 2,1"),
  row("ij,kjl->ikl", "1,2 2,2,16"),
  row("bxiy,biz->bxyz", "1,2,1,16 1,1,2"),
  row("bij,bxjy->bxiy", "2,2,2 2,2,2,16"),
  row("nchw,oc->nohw", "2,2,4,4 1,2"),
  row("xcyz,cw->xyzw", "2,2,4,4 2,1"),
  row("bxiyz,biw->bxyzw", "1,2,2,4,4 1,2,1"),
  row("bij,bxjyz->bxiyz", "1,2,2 1,2,2,4,4"),
  row("ij,klj->lik", "2,3 2,2,3"),
  // products without sums, sums of one operand before a product
  row("i,j->ji", "3 4"),
  row("ij,ij->ij", "2,3 2,3"),
  row("ij,k->kj", "2,3 2"),
  row(",ij->ji", ". 2,3"),
  row("ii,ij->j", "3,3 3,2"),
  // several operands
  row("ij,jk,k->i", "2,3 3,2 2"),
  row("i,j,ij->", "2 3 2,3"),
  row("ai,bi,ci->abc", "2,3 2,3 1,3"),
  row("ab,bc,cd,da->", "2,2 2,3 3,1 1,2"),
  // ellipses, sizes of 1 that stand for others, no elements
  row("abij,bjk->abik", "2,1,2,2 3,2,2", "...ij,...jk->...ik"),
  row("abi->iab", "2,3,2", "...i->i..."),
  row("abij->abi", "2,1,2,3", "...ij->...i"),
  row("abii->ab", "2,1,3,3", "...ii"),
  row("ij,jk->ik", "2,1 3,4"),
  row("i,i->i", "1 3"),
  row("ij,jk->ik", "2,0 0,3"),
  row("bij,bjk->bik", "0,2,3 0,3,2"),
  row("i->", "0"),
];

const dots = (name: string, shapes: [number[], number[]], axes: Parameters<typeof ad.tensordot>[2], equation: string): Case =>
  fixed(
    `tensordot(${name})`,
    shapes,
    (x, y) => x.tensordot(y, axes),
    (x, y) => summed(equation, x, y),
    SUMS,
  );

/** b in every place of a. */
const kronecker = (a: Plain, b: Plain): Plain => {
  const ndim = Math.max(a.shape.length, b.shape.length);
  const [outer, inner] = [a, b].map((x) => ({ shape: [...Array<number>(ndim - x.shape.length).fill(1), ...x.shape], data: x.data })) as [
    Plain,
    Plain,
  ];
  return build(
    outer.shape.map((size, axis) => size * inner.shape[axis]!),
    (index) =>
      at(
        outer,
        index.map((i, axis) => Math.floor(i / inner.shape[axis]!)),
      ) *
      at(
        inner,
        index.map((i, axis) => i % inner.shape[axis]!),
      ),
  );
};

/** a × b along an axis counted from the end. */
function crossed(fromEnd: number, a: Plain, b: Plain): Plain {
  const shape = broadcastShapes(a.shape, b.shape);
  const axis = shape.length + fromEnd;
  const component = (x: Plain, index: readonly number[], step: number) => {
    const lead = shape.length - x.shape.length;
    const place = index.map((i, k) => (k === axis ? (i + step) % 3 : i)).slice(lead);
    return at(
      x,
      place.map((i, k) => (x.shape[k] === 1 ? 0 : i)),
    );
  };
  return build(shape, (index) => component(a, index, 1) * component(b, index, 2) - component(a, index, 2) * component(b, index, 1));
}

const powers = (n: number, shape: number[]): Case =>
  fixed(
    `matrixPower(${n}) of [${shape.join()}]`,
    [shape],
    (x) => x.matrixPower(n),
    (x) => {
      const size = shape.at(-1)!;
      let power: Plain = build(shape, (index) => Number(index.at(-1) === index.at(-2)));
      for (let k = 0; k < n; k++) power = size === 0 ? power : multiply(power, x);
      return power;
    },
    // The identity depends on nothing.
    { ...SUMS, discrete: n === 0 },
  );

/** Of matrices of two rows, with larger numbers on the diagonal. */
const inversePowers = (n: number): Case =>
  fixed(
    `matrixPower(${n})`,
    [[2, 2, 2]],
    (x) => x.matrixPower(n),
    (x) => {
      const inverse = build(x.shape, ([b, i, j]) => {
        const determinant = at(x, [b!, 0, 0]) * at(x, [b!, 1, 1]) - at(x, [b!, 0, 1]) * at(x, [b!, 1, 0]);
        return (i === j ? at(x, [b!, 1 - i!, 1 - j!]) : -at(x, [b!, i!, j!])) / determinant;
      });
      let power = inverse;
      for (let k = 1; k < -n; k++) power = multiply(power, inverse);
      return power;
    },
    {
      ...SUMS,
      prepare: (sample) => ({
        ...sample,
        inputs: sample.inputs.map(({ shape, data }) => ({ shape, data: data.map((v, i) => v + (i % 4 === 0 || i % 4 === 3 ? 3 : 0)) })),
      }),
    },
  );

const OTHERS: Case[] = [
  dots(
    "2",
    [
      [2, 3, 2],
      [3, 2, 2],
    ],
    undefined,
    "iab,abj->ij",
  ),
  dots(
    "1",
    [
      [2, 3],
      [3, 2],
    ],
    1,
    "ia,aj->ij",
  ),
  dots("0", [[2], [3]], 0, "i,j->ij"),
  dots(
    "lists",
    [
      [2, 3, 2],
      [2, 2, 3],
    ],
    [
      [1, 0],
      [-1, 0],
    ],
    "abi,ajb->ij",
  ),
  dots(
    "numbers",
    [
      [3, 2],
      [2, 3],
    ],
    [0, 1],
    "ai,ja->ij",
  ),
  fixed(
    "kron(matrices)",
    [
      [2, 3],
      [3, 2],
    ],
    (x, y) => x.kron(y),
    kronecker,
  ),
  fixed("kron(other ranks)", [[2], [2, 1, 3]], (x, y) => x.kron(y), kronecker),
  fixed("kron(scalar)", [[], [3]], (x, y) => x.kron(y), kronecker),
  fixed(
    "kron(no elements)",
    [
      [2, 0],
      [1, 2],
    ],
    (x, y) => x.kron(y),
    kronecker,
  ),
  fixed(
    "cross",
    [[3], [3]],
    (x, y) => x.cross(y),
    (x, y) => crossed(-1, x, y),
    { floor: 1 },
  ),
  fixed(
    "cross(axis)",
    [
      [3, 2],
      [2, 3, 1],
    ],
    (x, y) => x.cross(y, { axis: 1 }),
    (x, y) => crossed(-2, x, y),
    { floor: 1 },
  ),
  fixed(
    "cross(broadcast)",
    [
      [2, 1, 3],
      [4, 3],
    ],
    (x, y) => x.cross(y),
    (x, y) => crossed(-1, x, y),
    { floor: 1 },
  ),
  fixed(
    "cross(no vectors)",
    [[0, 3], [3]],
    (x, y) => x.cross(y),
    (x, y) => crossed(-1, x, y),
  ),
  powers(0, [3, 3]),
  powers(1, [2, 2]),
  powers(2, [2, 2, 2]),
  powers(5, [3, 3]),
  powers(3, [1, 1]),
  powers(3, [0, 0]),
  powers(6, [2, 1, 2, 2]),
  inversePowers(-1),
  inversePowers(-3),
];

export const contractions: Case[] = [...EQUATIONS.map((row) => few(row, 3)), ...OTHERS.map((row) => few(row, 7))];
