/** Special functions by methods of their own: quadrature, continued fractions and recurrences, in float64. */

/** Composite Gauss-Legendre quadrature, 8 points a panel. */
const NODES = [0.1834346424956498, 0.525532409916329, 0.7966664774136267, 0.9602898564975363];
const WEIGHTS = [0.362683783378362, 0.3137066458778873, 0.2223810344533745, 0.1012285362903763];
function integrate(f: (t: number) => number, a: number, b: number, panels = 64): number {
  let sum = 0;
  const h = (b - a) / panels / 2;
  for (let p = 0; p < panels; p++) {
    const middle = a + (2 * p + 1) * h;
    NODES.forEach((x, i) => (sum += WEIGHTS[i]! * h * (f(middle - h * x) + f(middle + h * x))));
  }
  return sum;
}

export function erf(x: number): number {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? x : Math.sign(x);
  if (Math.abs(x) > 6) return Math.sign(x);
  return (2 / Math.sqrt(Math.PI)) * integrate((t) => Math.exp(-t * t), 0, x);
}

/** For positive x by its continued fraction, so that the tail keeps its digits. */
export function erfc(x: number): number {
  if (x < 2) return 1 - erf(x);
  if (x > 28) return 0;
  let fraction = 0;
  for (let k = 200; k > 0; k--) fraction = k / 2 / (x + fraction);
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * (x + fraction));
}

/** Newton on erf. */
export function erfinv(y: number): number {
  if (Math.abs(y) >= 1) return Math.abs(y) === 1 ? y * Infinity : NaN;
  let x = 0;
  for (let i = 0; i < 60; i++) x -= (erf(x) - y) / ((2 / Math.sqrt(Math.PI)) * Math.exp(-x * x));
  return x;
}

/** Stirling's series after shifting the argument up to 20. */
export function lgamma(x: number): number {
  if (x <= 0 && Number.isInteger(x)) return Infinity;
  if (x < 0.5) return Math.log(Math.abs(Math.PI / Math.sin(Math.PI * x))) - lgamma(1 - x);
  let shift = 0;
  while (x < 20) shift += Math.log(x++);
  const z = 1 / (x * x);
  return (
    (x - 0.5) * Math.log(x) -
    x +
    Math.log(2 * Math.PI) / 2 +
    (1 / 12 - z * (1 / 360 - z * (1 / 1260 - z * (1 / 1680 - z / 1188)))) / x -
    shift
  );
}

export function digamma(x: number): number {
  if (x <= 0 && Number.isInteger(x)) return x === 0 ? -Infinity : NaN;
  if (x < 0.5) return digamma(1 - x) - Math.PI / Math.tan(Math.PI * x);
  let shift = 0;
  while (x < 20) shift += 1 / x++;
  const z = 1 / (x * x);
  return Math.log(x) - 0.5 / x - z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z * (1 / 240 - z / 132)))) - shift;
}

export const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
export const gelu = (x: number): number => (x * erfc(-x / Math.SQRT2)) / 2;
export const roundHalfEven = (x: number): number => {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
};
export const mod = (x: number, y: number): number => x - y * Math.floor(x / y);
/** The distance to the nearest integer first: near them sin(Math.PI * x) is mostly the rounding of its argument. */
export const sinc = (x: number): number => {
  const whole = Math.round(x);
  const sine = (whole % 2 === 0 ? 1 : -1) * Math.sin(Math.PI * (x - whole));
  return x === 0 ? 1 : sine / (Math.PI * x);
};
