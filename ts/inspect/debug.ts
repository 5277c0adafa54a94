/** Looking for trouble: who made the first NaN, which line recorded it, and where the time goes. */
import { AnomalyError, ValueError } from "../errors.js";
import { Op, type OpName } from "../opcodes.js";
import { checked, engine, scratch, setTagger } from "../runtime/instance.js";
import { call, checkFunction } from "../transforms/machinery.js";

const [FORWARD, SWEEPS] = [1, 2];

let always = false;
/** The user's line for each tag; tags count from 1. */
let lines: string[] = [];

/** The first frame outside of this package. */
function userLine(): string {
  const stack = new Error().stack?.split("\n").slice(1) ?? [];
  const own = (frame: string) => /[\\/](adjoint[\\/]dist|dist[\\/](node|browser|inline)\.(c?js)|ts[\\/](ops|transforms|inspect|runtime|nn|tensor|methods|ambient|creation|memory))/.test(frame);
  return (stack.find((frame) => !own(frame) && !frame.includes("node:internal")) ?? "").trim().replace(/^at /, "");
}

/**
 * Runs `fn` with every value and every cotangent checked. The first NaN made from inputs without one throws an `AnomalyError` that
 * names the op and the line of yours that called it, also when it appears in the backward pass. Slow: every call takes a stack.
 */
export function detectAnomaly<R>(fn: () => R): R {
  checkFunction("detectAnomaly", fn);
  lines = [];
  engine.debug(FORWARD | SWEEPS);
  setTagger(() => {
    lines.push(userLine());
    engine.set_tag(lines.length);
  });
  try {
    return call("detectAnomaly", fn, []) as R;
  } catch (error) {
    if (!(error instanceof AnomalyError)) throw error;
    const recorded = engine.failed_tag();
    // A failure of the backward pass names the node; one of the forward pass is the call under way.
    const line = recorded > 0 ? lines[recorded - 1] : lines[lines.length - 1];
    const where = recorded > 0 ? "recorded at" : "called at";
    throw Object.assign(new AnomalyError(`${error.message}; ${where} ${line || "an unknown line"}`, error.op), { cause: error });
  } finally {
    setTagger(null);
    engine.set_tag(0);
    engine.debug(always ? FORWARD : 0);
    lines = [];
  }
}

/** From now on (until `debugNaNs(false)`) an op that makes a NaN from inputs without one throws an `AnomalyError`. */
export function debugNaNs(on: boolean): void {
  if (typeof on !== "boolean") throw new ValueError(`debugNaNs: expected true or false, got ${String(on)}`, "debugNaNs");
  always = on;
  engine.debug(on ? FORWARD : 0);
}

export interface ProfileRow {
  readonly op: string;
  readonly calls: number;
  readonly milliseconds: number;
  /** Bytes of the results. */
  readonly bytes: number;
}

export interface Profile<R> {
  readonly result: R;
  /** Most time first. */
  readonly rows: readonly ProfileRow[];
  /** As a table. */
  toString(): string;
}

const OP_NAMES = Object.keys(Op) as OpName[];

/** Runs `fn` and reports, per op: calls, time in its kernel, bytes made. Ops of the backward pass count as well. */
export function profile<R>(fn: () => R): Profile<R> {
  checkFunction("profile", fn);
  engine.profile_start();
  let result: R;
  let count = 0;
  try {
    result = call("profile", fn, []) as R;
  } finally {
    count = engine.profile_stop();
  }
  const rows = Array.from({ length: count }, (_, i): ProfileRow => {
    checked(engine.profile_read(i), "profile");
    const [op, calls, milliseconds, bytes] = scratch();
    return { op: OP_NAMES[op!]!, calls: calls!, milliseconds: milliseconds!, bytes: bytes! };
  }).sort((a, b) => b.milliseconds - a.milliseconds);
  return { result, rows, toString: () => table(rows) };
}

function table(rows: readonly ProfileRow[]): string {
  const total = rows.reduce((sum, row) => sum + row.milliseconds, 0);
  const cells = [
    ["op", "calls", "ms", "%", "KB"],
    ...rows.map((r) => [r.op, String(r.calls), r.milliseconds.toFixed(3), ((100 * r.milliseconds) / (total || 1)).toFixed(1), (r.bytes / 1024).toFixed(1)]),
  ];
  const widths = cells[0]!.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  return cells.map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ")).join("\n");
}
