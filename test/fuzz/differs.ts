/** Where two lists of numbers differ by more than rounding (1e-12 of what they are about); null if they do not. */
export function differs(got: readonly number[], expected: readonly number[]): string | null {
  const size = Math.max(1, ...expected.map(Math.abs));
  const right = (v: number, i: number) => Math.abs(got[i]! - v) <= 1e-12 * size || Object.is(got[i], v);
  return got.length === expected.length && expected.every(right) ? null : `got [${got.join(", ")}], expected [${expected.join(", ")}]`;
}
