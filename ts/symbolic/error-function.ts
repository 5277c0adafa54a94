/** erf and erfc of a number, for expressions. */

/** e^(x²) erfc x for x >= 2, by its continued fraction (Abramowitz and Stegun 7.1.14). */
function scaled(x: number): number {
  let fraction = 0;
  for (let k = 80; k > 0; k--) fraction = k / 2 / (x + fraction);
  return 1 / (Math.sqrt(Math.PI) * (x + fraction));
}

/** e^(-x²), the square in two parts: its rounding would be as large in the result as it is. */
function gaussian(x: number): number {
  const upper = Math.fround(x);
  return Math.exp(-upper * upper) * Math.exp(-(x - upper) * (x + upper));
}

/** erf by its series in e^(-x²) (Abramowitz and Stegun 7.1.6), whose terms have one sign, for |x| < 2. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (a > 6) return Math.sign(x);
  if (a >= 2) return Math.sign(x) * (1 - gaussian(a) * scaled(a));
  let [term, total] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total) && n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    total += term;
  }
  return (2 / Math.sqrt(Math.PI)) * gaussian(a) * total;
}

/** 1 - erf x, with its own digits in the tail. */
export function erfc(x: number): number {
  return x >= 2 ? (x > 28 ? 0 : gaussian(x) * scaled(x)) : 1 - erf(x);
}
