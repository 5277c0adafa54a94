/** Functions of two tensors and more, element by element, with broadcasting; predicates. */
import * as ad from "adjoint";
import { broadcastShapes, mapped, randoms, sizeOf, type Plain } from "../array.js";
import * as special from "../special.js";
import { lse } from "./references.js";
import { binary, binarySamples, EDGES, including, kinked, POSITIVE, truth, unary, type Case } from "./samples.js";

export const binaries: Case[] = [
  binary("add", (x, y) => x + y, undefined, undefined, [
    [Infinity, 1e20, 0],
    [1, 1, -0],
  ]),
  binary("sub", (x, y) => x - y),
  // The tangent of the square depends on x and is stretched by the product.
  { ...binary("mul", (x, y) => x * x * y), name: "mul of a square", call: (x, y) => x.square().mul(y) },
  binary("mul", (x, y) => x * y),
  binary(
    "div",
    (x, y) => x / y,
    undefined,
    [0.3, 3],
    [
      [1, 0, -1],
      [0, 2, Infinity],
    ],
  ),
  binary(
    "mod",
    special.mod,
    undefined,
    [0.7, 2.9],
    [
      [-5.5, 5.5],
      [2, -2],
    ],
  ),
  binary(
    "fmod",
    (x, y) => x % y,
    undefined,
    [0.7, 2.9],
    [
      [-5.5, 5.5],
      [2, -2],
    ],
  ),
  including(
    binary("pow", (x, y) => x ** y, POSITIVE, undefined, [
      [0, 0, -2, 2, 0, -2],
      [0, 2, 3, 0, 0.5, 0.5],
    ]),
    [
      [2, 3, 0.5],
      [0, 1, 0],
    ],
  ),
  including(
    binary("hypot", Math.hypot, undefined, undefined, [
      [0, 3e30, 3],
      [0, 4e30, 4],
    ]),
    [
      [0, 2, -1],
      [2, 0, 0],
    ],
  ),
  including(
    binary(
      "atan2",
      Math.atan2,
      undefined,
      [0.2, 3],
      [
        [1, -1, 0],
        [-1, -1, 2],
      ],
    ),
    [
      [0, 2, -1, 0],
      [2, 0, 0, 3],
    ],
  ),
  including(
    binary(
      "logaddexp",
      (x, y) => lse([x, y]),
      undefined,
      undefined,
      [
        [0, 1000, -Infinity, -Infinity, Infinity],
        [0, 1000, 2, -Infinity, Infinity],
      ],
      { floor: 1 },
    ),
    [
      [1, 0, 30],
      [1, 0, 0],
    ],
  ),
  including(
    binary("xlogy", (x, y) => (x === 0 ? 0 : x * Math.log(y)), undefined, POSITIVE, [
      [0, 0, 2],
      [0, 1, 0],
    ]),
    [
      [0, 0, 1],
      [0.5, 2, 1],
    ],
  ),
  kinked(
    binary("maximum", (x, y) => (Number.isNaN(x) || Number.isNaN(y) ? NaN : Math.max(x, y)), undefined, undefined, [
      [1, NaN, 2],
      [1, 1, 3],
    ]),
  ),
  kinked(
    binary("minimum", (x, y) => (Number.isNaN(x) || Number.isNaN(y) ? NaN : Math.min(x, y)), undefined, undefined, [
      [1, NaN, 2],
      [1, 1, 3],
    ]),
  ),
  ...(
    [
      ["eq", (x: number, y: number) => truth(x === y)],
      ["ne", (x: number, y: number) => truth(x !== y)],
      ["lt", (x: number, y: number) => truth(x < y)],
      ["le", (x: number, y: number) => truth(x <= y)],
      ["gt", (x: number, y: number) => truth(x > y)],
      ["ge", (x: number, y: number) => truth(x >= y)],
      ["logicalAnd", (x: number, y: number) => truth(x !== 0 && y !== 0)],
      ["logicalOr", (x: number, y: number) => truth(x !== 0 || y !== 0)],
    ] as const
  ).map(([name, f]) =>
    binary(
      name,
      f,
      undefined,
      undefined,
      [
        [1, NaN, 0, 2],
        [1, 1, 0, 3],
      ],
      { discrete: true },
    ),
  ),
  unary("logicalNot", (x) => truth(x === 0), undefined, [0, 1], { discrete: true }),
  unary("isNaN", (x) => truth(Number.isNaN(x)), undefined, EDGES, { discrete: true }),
  unary("isinf", (x) => truth(Math.abs(x) === Infinity), undefined, EDGES, { discrete: true }),
  {
    ...unary("nanToNum", (x) => (Number.isNaN(x) ? 7 : Math.min(Math.max(x, -8), 9)), undefined, [NaN, Infinity, -Infinity, 2]),
    call: (x) => ad.nanToNum(x, { nan: 7, posinf: 9, neginf: -8 }),
  },
  {
    name: "maskedFill",
    call: (x, mask) => ad.maskedFill(x, mask, 2.5),
    reference: mapped((x, mask) => (mask !== 0 ? 2.5 : x)),
    samples: [...binarySamples([-2, 2], [-2, 2]), ...binarySamples([-1, 3], [-1, 1])].flatMap((s) => {
      const [x, mask] = s.inputs as [Plain, Plain];
      const fits = broadcastShapes(x.shape, mask.shape).join() === x.shape.join();
      return fits ? [{ ...s, booleans: [1], inputs: [x, { shape: mask.shape, data: mask.data.map((v) => truth(v > 0)) }] }] : [];
    }),
  },
  unary("isFinite", (x) => truth(Number.isFinite(x)), undefined, EDGES, { discrete: true }),
  {
    name: "where",
    call: (c, x, y) => ad.where(c, x, y),
    reference: mapped((c, x, y) => (c !== 0 ? x : y)),
    samples: binarySamples([-2, 2], [-2, 2]).map((s, i) => {
      const shape = i % 2 === 0 ? s.inputs[0]!.shape : broadcastShapes(...s.inputs.map((x) => x.shape));
      return { ...s, booleans: [0], inputs: [{ shape, data: randoms(sizeOf(shape), i + 5).map((v) => truth(v > 0)) }, ...s.inputs] };
    }),
  },
];
