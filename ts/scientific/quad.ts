/** Integrals over an interval, by Gauss and Kronrod's rules of 7 and 15 points where they agree, else by halves. */
import { atMost, callback, integer, number } from "../input/arguments.js";
import { tensor } from "../creation.js";
import { ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { scope } from "../memory/scope.js";
import { stopGradient } from "../ops/elementwise.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { inScope, outputTensor } from "../transforms/machinery.js";
import { noGrad } from "../transforms/modes.js";
import { vmap } from "../transforms/vmap.js";
import { guarded, numbersOf, scalarOf } from "./space.js";

/** Options of `quad`. */
export interface QuadOptions {
  /** The error asked for, as a part of the integral; default 1e-8. */
  rtol?: number;
  /** The error asked for where the integral is small; default 1e-10. */
  atol?: number;
  /** Pieces after which to give up; default 200. */
  limit?: number;
}

const OP = "quad";
/** Points on (-1, 1) from the end to the middle, with the weights of 15 points, and of 7 at every second one (QUADPACK's dqk15). */
const POINTS = [
  0.9914553711208126, 0.9491079123427585, 0.8648644233597691, 0.7415311855993945, 0.5860872354676911, 0.4058451513773972,
  0.20778495500789848, 0,
];
const KRONROD = [
  0.022935322010529224, 0.06309209262997856, 0.10479001032225019, 0.14065325971552592, 0.1690047266392679, 0.19035057806478542,
  0.20443294007529889, 0.20948214108472782,
];
const GAUSS = [0, 0.1294849661688697, 0, 0.27970539148927664, 0, 0.3818300505051189, 0, 0.4179591836734694];
const mirrored = (half: readonly number[], sign: number) => [
  ...half,
  ...half
    .slice(0, -1)
    .reverse()
    .map((v) => sign * v),
];
const [ALL_POINTS, ALL_KRONROD, ALL_GAUSS] = [mirrored(POINTS, -1), mirrored(KRONROD, 1), mirrored(GAUSS, 1)];

/** How u in (0, 1) becomes a place between the ends, and how much of the axis lies there. */
interface Line {
  place(u: Tensor): Tensor;
  width(u: Tensor): Tensor;
}

/** Between two ends, either of which may be infinite: x = a + u / (1 - u) and its like. */
function lineOf(a: Tensor, b: Tensor): Line {
  const [low, high] = [a.item(), b.item()];
  if (Number.isNaN(low) || Number.isNaN(high)) throw new ValueError(`${OP}: the ends are ${low} and ${high}`, OP);
  if (Number.isFinite(low) && Number.isFinite(high)) {
    const length = b.sub(a);
    return { place: (u) => a.add(length.mul(u)), width: (u) => length.add(u.mul(0)) };
  }
  if (low === high) return { place: (u) => u, width: (u) => u.mul(0) };
  if (low > high) {
    const other = lineOf(b, a);
    return { place: (u) => other.place(u), width: (u) => other.width(u).neg() };
  }
  const rest = (u: Tensor) => u.neg().add(1);
  if (Number.isFinite(low)) return { place: (u) => a.add(u.div(rest(u))), width: (u) => rest(u).square().reciprocal() };
  if (Number.isFinite(high)) return { place: (u) => b.sub(rest(u).div(u)), width: (u) => u.square().reciprocal() };
  // u / (1 - u) - (1 - u) / u
  return {
    place: (u) => u.div(rest(u)).sub(rest(u).div(u)),
    width: (u) => rest(u).square().reciprocal().add(u.square().reciprocal()),
  };
}

/**
 * The integral of f from a to b, which may be infinite. `f` gets one number as a 0-d tensor and gives a tensor of any shape, at all points of a rule at once (by `vmap`). Pieces
 * where the rules of 7 and 15 points differ are halved. Derivatives of every order, in both modes, with respect to the ends and whatever `f` closes over: those
 * of the sum over the pieces found. Plain numbers are float64.
 *
 * Throws `ValueError` after `limit` pieces, and where f is not finite at a point.
 *
 * @example
 * ad.quad((x) => x.square().neg().exp(), -Infinity, Infinity); // 1.772454
 * ad.grad((a) => ad.quad((x) => x.mul(a).cos(), 0, 1))(2); // -0.435398
 */
export function quad(f: (x: Tensor) => Tensor, a: TensorLike, b: TensorLike, options?: QuadOptions): Tensor {
  atMost(OP, arguments, 4);
  callback(OP, "the function to integrate", f);
  const { rtol = 1e-8, atol = 1e-10, limit = 200 } = readOptions<QuadOptions>(OP, options, ["rtol", "atol", "limit"]);
  for (const [name, value] of Object.entries({ rtol, atol }))
    if (!(number(OP, name, value) >= 0)) throw new ValueError(`${OP}: ${name} is ${value}; expected a number from 0`, OP);
  integer(OP, "limit", limit, 1);
  return inScope(() => {
    const [low, high] = [scalarOf(OP, "the lower end", a), scalarOf(OP, "the upper end", b)];
    const dtype = low.dtype === "float64" || high.dtype === "float64" ? "float64" : "float32";
    const rule = guarded(OP, f as (x: Tensor) => unknown);
    const all = vmap((x: Tensor) => outputTensor(OP, rule(x), [x]));
    const weightsOf = (list: readonly number[]) => tensor(list, { dtype });
    /** Both rules over a piece of (0, 1). */
    const piece = (line: Line, from: number, to: number) => {
      const u = tensor(
        ALL_POINTS.map((p) => (from + to) / 2 + ((to - from) / 2) * p),
        { dtype },
      );
      const y = all(line.place(u)) as Tensor;
      const scale = line.width(u).mul((to - from) / 2);
      const sum = (list: readonly number[]) => y.mul(scale.mul(weightsOf(list)).reshape([15, ...y.shape.slice(1).map(() => 1)])).sum(0);
      return { sum, points: u };
    };
    // Which pieces: by numbers only.
    const found: [from: number, to: number][] = [];
    noGrad(() => {
      const line = lineOf(stopGradient(low), stopGradient(high));
      const look = (from: number, to: number) =>
        scope(() => {
          const { sum } = piece(line, from, to);
          const [fine, coarse] = [numbersOf(sum(ALL_KRONROD)), numbersOf(sum(ALL_GAUSS))];
          let [error, size] = [0, 0];
          for (let i = 0; i < fine.length; i++) {
            error = Math.max(error, Math.abs(fine[i]! - coarse[i]!));
            size = Math.max(size, Math.abs(fine[i]!));
            if (!Number.isFinite(fine[i]!))
              throw new ValueError(`${OP}: the function is not finite at a point between the ends; part the integral there`, OP);
          }
          // The difference is the error of the coarse rule; QUADPACK's estimate of the fine one's.
          return { from, to, size, error: Math.min(error, (200 * error) ** 1.5 / Math.max(size, 1e-300) ** 0.5 || error) };
        });
      const pieces = [look(0, 1)];
      const total = (of: "error" | "size") => pieces.reduce((sum, piece) => sum + piece[of], 0);
      while (total("error") > Math.max(atol, (dtype === "float64" ? rtol : Math.max(rtol, 1e-6)) * total("size"))) {
        if (pieces.length >= limit)
          throw new ValueError(
            `${OP}: ${limit} pieces leave an error of about ${total("error").toPrecision(2)}; raise limit, or part the integral where the function jumps`,
            OP,
          );
        const worst = pieces.reduce((w, piece, i) => (piece.error > pieces[w]!.error ? i : w), 0);
        const { from, to } = pieces.splice(worst, 1)[0]!;
        pieces.push(look(from, (from + to) / 2), look((from + to) / 2, to));
      }
      found.push(...pieces.map(({ from, to }): [number, number] => [from, to]).sort((p, q) => p[0] - q[0]));
    });
    const line = lineOf(low, high);
    return found.map(([from, to]) => piece(line, from, to).sum(ALL_KRONROD)).reduce((sum, part) => sum.add(part));
  });
}
