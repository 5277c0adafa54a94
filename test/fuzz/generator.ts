/** Choices that are the same for one seed. */
export interface Random {
  /** From 0 to 1. */
  (): number;
  /** An integer below n. */
  below(n: number): number;
  pick<T>(list: readonly T[]): T;
}

/** mulberry32. */
export function generator(seed: number): Random {
  let state = (seed * 2654435761) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number) => Math.floor(next() * n);
  return Object.assign(next, { below, pick: <T>(list: readonly T[]): T => list[below(list.length)]! });
}
