// The same pseudo-random inputs for every competitor (mulberry32: small, seeded, good enough for data).
export function randoms(count, seed, scale = 1) {
  const out = new Float32Array(count);
  let state = seed >>> 0;
  for (let i = 0; i < count; i++) {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    out[i] = (((t ^ (t >>> 14)) >>> 0) / 2147483648 - 1) * scale;
  }
  return out;
}

export function labels(count, classes, seed) {
  return Int32Array.from(randoms(count, seed), (v) => Math.min(classes - 1, Math.floor(((v + 1) / 2) * classes)));
}
