/** Where every case has been treated: what is left has type `never`, so a case that is forgotten is a type error. */
export function unreachable(value: never): never {
  throw new Error(`a case was forgotten: ${String(value)}`);
}
