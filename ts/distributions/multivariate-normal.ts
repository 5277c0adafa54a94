/** The multivariate normal distribution, by a Cholesky factor. */
import { eye } from "../creation.js";
import { ShapeError, ValueError } from "../errors.js";
import { atMost } from "../input/arguments.js";
import { readOptions } from "../input/options.js";
import { cholesky, triangularSolve } from "../ops/linalg.js";
import type { Parameter } from "../random/arguments.js";
import type { Tensor } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { check, Distribution, FINITE, POSITIVE, standardNormal, tensors, together } from "./distribution.js";

const NAME = "MultivariateNormal";

/** The matrix of `MultivariateNormal`: one of the three, [..., k, k]. */
export interface MultivariateNormalOptions {
  /** Covariances: symmetric, positive definite. */
  covarianceMatrix?: Parameter;
  /** The inverse of the covariances. */
  precisionMatrix?: Parameter;
  /** L with covariances L Lᵀ; its lower triangle is read. */
  scaleTril?: Parameter;
}
const KNOWN = ["covarianceMatrix", "precisionMatrix", "scaleTril"] as const;

/** The diagonals of [..., k, k]. */
const diagonal = (L: Tensor): Tensor => L.mul(eye(L.shape.at(-1)!, { dtype: L.dtype })).sum(-1);
/** The factor of what was given. */
function factor(what: (typeof KNOWN)[number], matrix: Tensor): Tensor {
  if (what === "scaleTril") return matrix.tril();
  try {
    if (what === "covarianceMatrix") return cholesky(matrix);
    // Of the matrix read backwards the factor is an upper one, whose inverse is lower again: no inverse of the matrix itself.
    const upper = cholesky(matrix.flip([-2, -1])).flip([-2, -1]);
    return triangularSolve(upper.moveaxis(-1, -2), eye(matrix.shape.at(-1)!, { dtype: matrix.dtype }), { lower: true });
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new ValueError(`${NAME}: the parameter ${what} must be positive definite: ${error.message}`, NAME);
  }
}

/** Half the logarithm of the determinant of L Lᵀ. */
export const halfLogDet = (L: Tensor): Tensor => diagonal(L).log().sum(-1);

/** |L⁻¹ d|² for d [..., k]. */
export function mahalanobis(L: Tensor, d: Tensor): Tensor {
  if (L.ndim === 2) {
    // One factor for all: one solve with a column for each.
    const k = L.shape[0]!;
    const lead = d.shape.slice(0, -1);
    const count = lead.reduce((a, b) => a * b, 1);
    const columns = d.reshape([count, k]).transpose();
    return triangularSolve(L, columns, { lower: true }).square().sum(0).reshape(lead);
  }
  const missing = Math.max(0, L.ndim - 1 - d.ndim);
  const columns = d.reshape([...Array<number>(missing).fill(1), ...d.shape, 1]);
  return triangularSolve(L, columns, { lower: true }).squeeze(-1).square().sum(-1);
}

/**
 * Normal in k dimensions: mean `loc` [..., k], and one of `covarianceMatrix`, `precisionMatrix`, `scaleTril` [..., k, k]. `scaleTril` costs least. `ValueError` naming a matrix that is
 * not positive definite, or a diagonal that is not positive; `ShapeError` where sizes do not fit.
 *
 * @example
 * new ad.distributions.MultivariateNormal([0, 0], { covarianceMatrix: [[2, 1], [1, 2]] }).logProb([0, 0]); // -2.387183
 */
export class MultivariateNormal extends Distribution {
  readonly name = NAME;
  /** As given, [..., k]; broadcasts. */
  readonly loc: Tensor;
  /** The lower Cholesky factor of the covariances, [..., k, k]; broadcasts. */
  readonly scaleTril: Tensor;
  constructor(loc: Parameter, options: MultivariateNormalOptions) {
    atMost(NAME, arguments, 2);
    const given = readOptions<MultivariateNormalOptions>(NAME, options, KNOWN);
    const [what, another] = KNOWN.filter((name) => given[name] !== undefined);
    if (what === undefined || another !== undefined)
      throw new ValueError(
        `${NAME}: expected one of the parameters ${KNOWN.join(", ")}, got ${what === undefined ? "none" : `${what} and ${another}`}`,
        NAME,
      );
    const own = tensors(NAME, { loc, [what]: given[what]! } as Record<string, Parameter>);
    const [mean, matrix] = [own.loc!, own[what]!];
    const k = mean.shape.at(-1);
    if (k === undefined) throw new ShapeError(`${NAME}: loc has shape []; expected [..., k]`, NAME);
    if (matrix.ndim < 2 || matrix.shape.at(-1) !== k || matrix.shape.at(-2) !== k)
      throw new ShapeError(
        `${NAME}: ${what} has shape [${matrix.shape.join(", ")}]; with loc [${mean.shape.join(", ")}] it has to be [..., ${k}, ${k}]`,
        NAME,
      );
    check(NAME, "loc", mean, FINITE);
    check(NAME, what, matrix, FINITE);
    const L = inScope(() => factor(what, matrix));
    if (what === "scaleTril") inScope(() => check(NAME, "the diagonal of scaleTril", diagonal(L), POSITIVE));
    const batch = inScope(() => together(NAME, { loc: mean.unsqueeze(-1), [what]: matrix }).slice(0, -2));
    super(batch, [k], mean.dtype);
    [this.loc, this.scaleTril] = [mean, L];
  }
  /** L Lᵀ, [...batchShape, k, k]. */
  get covarianceMatrix(): Tensor {
    return inScope(() =>
      this.scaleTril.matmul(this.scaleTril.moveaxis(-1, -2)).broadcastTo([...this.batchShape, ...this.eventShape, ...this.eventShape]),
    );
  }
  protected density(x: Tensor): Tensor {
    const k = this.eventShape[0]!;
    return mahalanobis(this.scaleTril, x.sub(this.loc))
      .mul(-0.5)
      .sub(halfLogDet(this.scaleTril))
      .sub(0.5 * k * Math.log(2 * Math.PI));
  }
  protected draw(key: Tensor, shape: readonly number[]): Tensor {
    const L = this.scaleTril;
    const z = standardNormal(key, this.dtype, [...shape, ...this.eventShape]);
    const moved = L.ndim === 2 ? z.matmul(L.transpose()) : L.matmul(z.unsqueeze(-1)).squeeze(-1);
    return moved.add(this.loc);
  }
  protected first(): Tensor {
    return this.loc;
  }
  protected second(): Tensor {
    return this.scaleTril.square().sum(-1);
  }
  protected override disorder(): Tensor {
    return halfLogDet(this.scaleTril).add(0.5 * this.eventShape[0]! * (1 + Math.log(2 * Math.PI)));
  }
}
