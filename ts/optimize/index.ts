/** `ad.optimize`: minima and least squares of functions of a few numbers or many, to the last digit. */
export {
  minimize,
  type MinimizeMethod,
  type MinimizeOptions,
  type MinimizeProgress,
  type MinimizeResult,
} from "./minimize.js";
export type { PointOf } from "./space.js";
export { leastSquares, type LeastSquaresOptions, type LeastSquaresProgress, type LeastSquaresResult } from "./least-squares.js";
