/** One search by Levenberg and Marquardt, an iteration at a time: the scale, radius and tests of MINPACK's lmder (Moré 1978). */
import { largestOf, norm, plus } from "./dense.js";
import { columnNorms, transposed, trustStep, type Bounds } from "./trust.js";

/** What is sought: residuals, and their Jacobian. */
export interface Residuals {
  residuals(x: Float64Array): Float64Array;
  /** m rows of n. */
  jacobian(x: Float64Array): Float64Array;
}

/** When to end. */
export interface Tolerances {
  /** A step lowers the sum of squares by less than this part. */
  change: number;
  /** A step is shorter than this part of x, in the scale of each number. */
  x: number;
  /** The cosine of the angle between the residuals and each column of J. */
  grad: number;
}

/** How an iteration ended. */
export interface Ending {
  converged: boolean;
  message: string;
}

/** Where a search stands, and how far it dares to go. */
export class MarquardtSearch {
  /** The largest length of a step, in the scale of the numbers; 0 before the first. */
  radius = 0;
  /** The largest lengths of the columns of J so far. */
  scale: Float64Array | null = null;
  evaluations = 0;
  iterations = 0;

  constructor(
    private readonly problem: Residuals,
    public x: Float64Array,
    private readonly bounds: Bounds | null,
    private readonly tolerances: Tolerances,
    /** How far the first step may go, as a part of x. */
    private readonly reach = 100,
  ) {}

  /** At x. */
  residuals = new Float64Array(0) as Float64Array;
  /** At x. */
  jacobian = new Float64Array(0) as Float64Array;

  /** What r and J are at x; whether all of it is finite. */
  look(): boolean {
    this.evaluations++;
    this.residuals = this.problem.residuals(this.x);
    if (!this.residuals.every(Number.isFinite)) return false;
    this.jacobian = this.problem.jacobian(this.x);
    return this.jacobian.every(Number.isFinite);
  }

  /** The largest cosine between the residuals and a column of J, along which x may still move. */
  private steepness(norms: Float64Array, length: number): number {
    const slope = transposed(this.jacobian, this.residuals, this.x.length);
    return largestOf(
      slope.map((g, j) => {
        if (norms[j] === 0) return 0;
        const held = this.bounds !== null && (g > 0 ? this.x[j]! <= this.bounds.lower[j]! : this.x[j]! >= this.bounds.upper[j]!);
        return held ? 0 : g / norms[j]! / length;
      }),
    );
  }

  /** Steps until one lowers the sum of squares, shorter each time. Why the search is at its end, or null when it goes on. */
  iterate(): Ending | null {
    const { tolerances, bounds } = this;
    const length = norm(this.residuals);
    if (length === 0) return { converged: true, message: "all residuals are 0" };
    const norms = columnNorms(this.jacobian, this.x.length);
    this.scale = norms.map((s, j) => Math.max(s === 0 && this.scale === null ? 1 : s, this.scale?.[j] ?? 0));
    const scale = this.scale;
    const extent = () => norm(this.x.map((v, j) => v * scale[j]!));
    const steepness = this.steepness(norms, length);
    if (steepness <= tolerances.grad)
      return { converged: true, message: `the residuals are orthogonal to the Jacobian (cosine ${steepness}, at most toleranceGrad)` };
    const isFirst = this.radius === 0;
    if (isFirst) this.radius = this.reach * (extent() || 1);
    for (let broken = false; ; ) {
      const {
        p,
        length: stride,
        predicted,
      } = trustStep({ jacobian: this.jacobian, residuals: this.residuals, scale }, this.x, this.radius, bounds);
      if (isFirst && this.iterations === 0) this.radius = Math.min(this.radius, stride);
      const x = plus(this.x, p);
      if (bounds !== null) x.forEach((v, j) => (x[j] = Math.min(Math.max(v, bounds.lower[j]!), bounds.upper[j]!)));
      this.evaluations++;
      const residuals = this.problem.residuals(x);
      const after = norm(residuals);
      const fits = Number.isFinite(after);
      broken = !fits;
      // As parts of the sum of squares now.
      const actual = fits ? 1 - (after / length) ** 2 : -1;
      const hoped = predicted / length ** 2;
      const ratio = hoped > 0 ? actual / hoped : 0;
      if (ratio <= 0.25) {
        // The least of the parabola through the two values with the slope at the start, kept between a tenth and a half.
        const slope = -hoped;
        const part = actual >= 0 ? 0.5 : fits && after < 10 * length ? (0.5 * slope) / (slope + 0.5 * actual) : 0.1;
        this.radius = Math.max(0.1, Math.min(0.5, part)) * Math.min(this.radius, 10 * stride);
      } else if (ratio >= 0.75 || stride < 0.9 * this.radius) this.radius = Math.max(this.radius, 2 * stride);
      if (ratio >= 1e-4) {
        [this.x, this.residuals] = [x, residuals];
        this.iterations++;
        const jacobian = this.problem.jacobian(x);
        if (!jacobian.every(Number.isFinite))
          return { converged: false, message: "the Jacobian holds NaN or an infinity where the search went" };
        this.jacobian = jacobian;
      }
      if (after === 0) return { converged: true, message: "all residuals are 0" };
      if (Math.abs(actual) <= tolerances.change && hoped <= tolerances.change && ratio <= 2)
        return { converged: true, message: `a step changes the sum of squares by ${actual} of it, at most toleranceChange` };
      if (this.radius <= tolerances.x * extent()) {
        return broken
          ? { converged: false, message: "every step from here leads where the residuals are NaN or infinite" }
          : { converged: true, message: "steps are shorter than toleranceX of x" };
      }
      if (ratio >= 1e-4) return null;
      // Shorter than the numbers of x can tell.
      if (stride <= 2 ** -52 * extent() || !(this.radius > 0))
        return { converged: false, message: "no step lowers the sum of squares any more" };
    }
  }
}
