/** Where a search goes next: what each method makes of the gradients it has seen. */
import { dot, norm, plus } from "./dense.js";

/** A method. */
export interface Directions {
  /** Where to go from a point with this gradient. */
  next(gradient: Float64Array, product: (v: Float64Array) => Float64Array): Float64Array;
  /** Its own length is a good first step; otherwise the length of the last step is. */
  readonly scaled: boolean;
  /** A step s was taken, and the gradient changed by y. */
  learn(s: Float64Array, y: Float64Array): void;
  /** Forgets all; false when there was nothing to forget. */
  forget(): boolean;
}

const negated = (g: Float64Array) => g.map((v) => -v);

/** Curvature along a step counts when it is positive beyond rounding. */
const curves = (s: Float64Array, y: Float64Array) => dot(s, y) > 1e-12 * norm(s) * norm(y);

/** The inverse Hessian of Broyden, Fletcher, Goldfarb and Shanno: Nocedal and Wright, algorithm 6.1, first scaled by (6.20). */
export function bfgs(n: number): Directions {
  let inverse: Float64Array | null = null;
  return {
    get scaled() {
      return inverse !== null;
    },
    next(g) {
      if (inverse === null) return negated(g);
      const h = inverse;
      return Float64Array.from({ length: n }, (_, i) => -dot(h.subarray(i * n, i * n + n), g));
    },
    learn(s, y) {
      if (!curves(s, y)) return;
      const sy = dot(s, y);
      if (inverse === null) {
        inverse = new Float64Array(n * n);
        for (let i = 0; i < n; i++) inverse[i * n + i] = sy / dot(y, y);
      }
      const h = inverse;
      const hy = Float64Array.from({ length: n }, (_, i) => dot(h.subarray(i * n, i * n + n), y));
      const factor = (1 + dot(y, hy) / sy) / sy;
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) h[i * n + j]! += factor * s[i]! * s[j]! - (hy[i]! * s[j]! + s[i]! * hy[j]!) / sy;
    },
    forget() {
      const had = inverse !== null;
      inverse = null;
      return had;
    },
  };
}

/** A step and the change of the gradient along it. */
export type Pair = { s: Float64Array; y: Float64Array };

/** -H g by the last pairs, the two loops of Nocedal and Wright, algorithm 7.4; H begins as `gamma` times the identity. */
export function twoLoops(pairs: readonly Pair[], gamma: number, g: Float64Array): Float64Array {
  let d: Float64Array = negated(g);
  const shares: number[] = [];
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { s, y } = pairs[i]!;
    shares[i] = dot(s, d) / dot(s, y);
    d = plus(d, y, -shares[i]!);
  }
  d = d.map((v) => gamma * v);
  pairs.forEach(({ s, y }, i) => (d = plus(d, s, shares[i]! - dot(y, d) / dot(s, y))));
  return d;
}

/** BFGS with the last `history` steps only, in place of a matrix. */
export function limitedBfgs(history: number): Directions {
  let pairs: Pair[] = [];
  return {
    get scaled() {
      return pairs.length > 0;
    },
    next(g) {
      const last = pairs[pairs.length - 1];
      return twoLoops(pairs, last === undefined ? 1 : dot(last.s, last.y) / dot(last.y, last.y), g);
    },
    learn(s, y) {
      if (!curves(s, y)) return;
      pairs.push({ s, y });
      if (pairs.length > history) pairs.shift();
    },
    forget() {
      const had = pairs.length > 0;
      pairs = [];
      return had;
    },
  };
}

/** Conjugate gradients on the Newton equation, stopped where the Hessian bends down: Nocedal and Wright, algorithm 7.1. */
export function newton(n: number): Directions {
  return {
    scaled: true,
    next(g, product) {
      const size = norm(g);
      const enough = Math.min(0.5, Math.sqrt(size)) * size;
      let z: Float64Array = new Float64Array(n);
      let r: Float64Array = g.slice();
      let d: Float64Array = negated(r);
      for (let k = 0; k < 2 * n + 20; k++) {
        const hd = product(d);
        const bend = dot(d, hd);
        if (!(bend > 1e-14 * norm(d) * norm(hd))) return k === 0 ? negated(g) : z;
        const square = dot(r, r);
        z = plus(z, d, square / bend);
        r = plus(r, hd, square / bend);
        const next = dot(r, r);
        if (Math.sqrt(next) <= enough) break;
        d = plus(negated(r), d, next / square);
      }
      return z;
    },
    learn() {},
    forget: () => false,
  };
}

/** Straight down. */
export const steepest = (): Directions => ({ scaled: false, next: negated, learn() {}, forget: () => false });
