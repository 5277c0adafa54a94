/** Every test file ends where it began: no tensor is left. */
import * as ad from "adjoint";
import { afterAll, afterEach, beforeAll, expect } from "vitest";

/**
 * Lets the garbage collector and the finalizers run, then counts. Finalizers are tasks of the host's, which on a busy machine come late:
 * where a count is expected, they get more turns until it is reached.
 */
export async function settle(expected?: number): Promise<number> {
  for (let i = 0; i < 4 || (expected !== undefined && i < 100 && ad.memory().tensors !== expected); i++) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return ad.memory().tensors;
}

export function endsAtBaseline(): void {
  let before = 0;
  beforeAll(async () => {
    before = await settle();
  });
  // A worker whose tests never let the event loop turn cannot answer the runner, which gives it up after a minute.
  afterEach(() => new Promise<void>((resolve) => setImmediate(resolve)));
  afterAll(async () => {
    expect(await settle(before)).toBe(before);
  });
}

/** Runs `body` in a scope and checks that nothing at all is left of it, finalizers aside. */
export function clean<R>(body: () => R): R {
  const before = ad.memory().tensors;
  let result!: R;
  ad.scope(() => {
    result = body();
  });
  expect(ad.memory().tensors).toBe(before);
  return result;
}
