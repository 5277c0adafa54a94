/** What is refused: by which error, and with which words. */
import { expect } from "vitest";

/** Runs what must throw an error of that class whose message has the words. */
export function isRefused(body: () => unknown, kind: new (...given: never[]) => Error, words: RegExp): void {
  let error: unknown = null;
  try {
    body();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(kind);
  expect((error as Error).message).toMatch(words);
}
