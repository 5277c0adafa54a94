/**
 * The table every op test runs over: one row per op. A row says how to call it, what inputs it takes, and an independent
 * float64 reference. The rows of a family are in a file of `cases/`.
 */
import { binaries } from "./cases/binary.js";
import { convolutions } from "./cases/convolution.js";
import { contractions } from "./cases/einsum.js";
import { indices } from "./cases/indices.js";
import { linearAlgebra } from "./cases/linalg.js";
import { movement } from "./cases/movement.js";
import { products } from "./cases/products.js";
import { reductions } from "./cases/reductions.js";
import type { Case } from "./cases/samples.js";
import { unaries } from "./cases/unary.js";

export type { Case, Sample } from "./cases/samples.js";

export const cases: Case[] = [
  ...unaries,
  ...binaries,
  ...reductions,
  ...movement,
  ...indices,
  ...products,
  ...linearAlgebra,
  ...contractions,
  ...convolutions,
];
