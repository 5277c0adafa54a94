/**
 * The step of Levenberg and Marquardt in a trust region: least ‖r + J p‖ with ‖D p‖ ≤ Δ (Moré 1978, as MINPACK's lmder), by the singular
 * value decomposition of J D⁻¹, which makes every damping cheap and bears J of any rank. With bounds, numbers that would leave them stay on
 * them, and the others are sought anew.
 */
import { dot, norm, singular, triangular } from "./dense.js";

/** What is linear around a point. */
export interface LinearModel {
  /** The Jacobian, m rows of n. */
  readonly jacobian: Float64Array;
  readonly residuals: Float64Array;
  /** The scale of each number: D. */
  readonly scale: Float64Array;
}

/** A step. */
export interface Step {
  readonly p: Float64Array;
  /** ‖D p‖. */
  readonly length: number;
  /** What the linear model says: ‖r‖² - ‖r + J p‖². */
  readonly predicted: number;
}

/** J p. */
function times(jacobian: Float64Array, p: Float64Array, m: number): Float64Array {
  const n = p.length;
  return Float64Array.from({ length: m }, (_, i) => dot(jacobian.subarray(i * n, i * n + n), p));
}

/** Jᵀ r. */
export function transposed(jacobian: Float64Array, r: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n);
  for (let i = 0; i < r.length; i++) for (let j = 0; j < n; j++) out[j]! += jacobian[i * n + j]! * r[i]!;
  return out;
}

/** The lengths of the columns of J. */
export function columnNorms(jacobian: Float64Array, n: number): Float64Array {
  const m = jacobian.length / n;
  return Float64Array.from({ length: n }, (_, j) => norm(Float64Array.from({ length: m }, (_, i) => jacobian[i * n + j]!)));
}

/** Least ‖r + A z‖ with ‖z‖ ≤ radius, of A with the columns `free` of J D⁻¹. */
function damped(columns: Float64Array[], rotated: Float64Array, radius: number): Float64Array {
  const n = columns.length;
  const { w, v, values } = singular(columns);
  const along = w.map((column) => dot(column, rotated));
  const largest = Math.max(...values);
  // What is 0 but for rounding has no direction to be sought in.
  const counts = [...values].map((s) => s > largest * n * 2 ** -52);
  const coefficients = (damping: number) => along.map((a, j) => (counts[j] ? -a / (values[j]! ** 2 + damping) : 0));
  let damping = 0;
  let c = coefficients(0);
  let length = norm(c);
  if (length > 1.1 * radius) {
    let low = 0;
    let high = norm(along) / radius;
    for (let k = 0; k < 30 && Math.abs(length - radius) > 0.1 * radius; k++) {
      // Newton's method on 1/‖z‖ - 1/Δ, which is nearly linear in the damping; kept inside of what is known.
      const slope = -c.reduce((sum, a, j) => sum + (counts[j] ? a ** 2 / (values[j]! ** 2 + damping) : 0), 0) / length;
      if (length > radius) low = Math.max(low, damping);
      else high = Math.min(high, damping);
      damping -= (length / radius) * ((length - radius) / slope);
      if (!(damping > low && damping < high)) damping = Math.max(0.001 * high, Math.sqrt(low * high));
      c = coefficients(damping);
      length = norm(c);
    }
  }
  return Float64Array.from({ length: n }, (_, i) => v.reduce((sum, column, j) => sum + column[i]! * c[j]!, 0));
}

/** The step from `x`, whose numbers stay in [lower, upper]. */
export function trustStep(model: LinearModel, x: Float64Array, radius: number, bounds: Bounds | null): Step {
  const { jacobian, residuals, scale } = model;
  const [n, m] = [x.length, residuals.length];
  const p = new Float64Array(n);
  let free = Array.from({ length: n }, (_, j) => j);
  if (bounds !== null) {
    const slope = transposed(jacobian, residuals, n);
    free = free.filter((j) => !(slope[j]! > 0 && x[j]! <= bounds.lower[j]!) && !(slope[j]! < 0 && x[j]! >= bounds.upper[j]!));
  }
  for (let right = residuals; free.length > 0; ) {
    const k = free.length;
    const part = new Float64Array(m * k);
    for (let i = 0; i < m; i++) free.forEach((j, c) => (part[i * k + c] = jacobian[i * n + j]! / scale[j]!));
    const { columns, rotated } = triangular(part, m, k, right);
    const z = damped(columns, rotated, radius);
    free.forEach((j, c) => (p[j] = z[c]! / scale[j]!));
    if (bounds === null) break;
    const leaving = free.filter((j) => x[j]! + p[j]! < bounds.lower[j]! || x[j]! + p[j]! > bounds.upper[j]!);
    if (leaving.length === 0) break;
    for (const j of leaving) p[j] = Math.min(Math.max(x[j]! + p[j]!, bounds.lower[j]!), bounds.upper[j]!) - x[j]!;
    free = free.filter((j) => !leaving.includes(j));
    const fixed = p.map((v, j) => (free.includes(j) ? 0 : v));
    right = times(jacobian, fixed, m).map((v, i) => v + residuals[i]!);
  }
  const change = times(jacobian, p, m);
  return { p, length: norm(p.map((v, j) => v * scale[j]!)), predicted: -2 * dot(change, residuals) - dot(change, change) };
}

/** The least and the largest of each number. */
export interface Bounds {
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

/** (JᵀJ)⁻¹, rows behind one another; infinite where J has not full rank. */
export function inverseNormal(jacobian: Float64Array, m: number, n: number): Float64Array {
  const scale = columnNorms(jacobian, n);
  const none = () => new Float64Array(n * n).fill(Infinity);
  if (m < n || scale.some((s) => !(s > 0))) return none();
  const { columns } = triangular(
    jacobian.map((v, i) => v / scale[i % n]!),
    m,
    n,
    new Float64Array(m),
  );
  const { v, values } = singular(columns);
  if (values.some((s) => !(s > Math.max(...values) * n * 2 ** -52))) return none();
  return Float64Array.from({ length: n * n }, (_, k) => {
    const [i, j] = [Math.floor(k / n), k % n];
    return v.reduce((sum, column, c) => sum + (column[i]! * column[j]!) / values[c]! ** 2, 0) / (scale[i]! * scale[j]!);
  });
}
