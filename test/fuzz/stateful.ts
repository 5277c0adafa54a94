/**
 * A program that goes on and on: parameters, graphs that are kept or freed, gradients of gradients, hooks, scopes left by throws, writes
 * between forward and backward, pullbacks called late, loops left early, memory that grows or is refused. After each action the
 * numbers are the reference's, every error is a typed one (or what a callback threw), and in the end nothing is left.
 */
import { Program } from "./actions.js";
import { Failure } from "./machine.js";

/** What is wrong with the program of a seed, and the program; null if nothing is. */
function attempt(seed: number, numbers: readonly number[]): { what: string; lines: readonly string[] } | null {
  const program = new Program();
  try {
    program.run(seed, numbers);
    return null;
  } catch (error) {
    const what = error instanceof Failure ? error.message : `refused by ${(error as Error).stack ?? String(error)}`;
    return { what, lines: program.lines };
  } finally {
    program.end();
  }
}

/** Runs the program of a seed; if something is wrong, the shortest part of it in which something still is. */
export function stateful(seed: number, length = 40): string | null {
  let numbers = Array.from({ length }, (_, i) => i);
  let failure = attempt(seed, numbers);
  if (failure === null) return null;
  for (let i = numbers.length - 1; i >= 0; i--) {
    const fewer = numbers.filter((_, j) => j !== i);
    const still = attempt(seed, fewer);
    if (still !== null) [numbers, failure] = [fewer, still];
  }
  return `seed ${seed}: ${failure.what}\n${failure.lines.join("\n")}`;
}
