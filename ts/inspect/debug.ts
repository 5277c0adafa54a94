/** Looking for trouble: who made the first NaN, which line recorded it, and where the time goes. */
import { atMost } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import { AnomalyError, ValueError } from "../errors.js";
import { Op, type OpName } from "../opcodes.js";
import { CheckFlag } from "../runtime/boundary.js";
import { checked, engine, isAttached, isPoisoned, onRenewal, scratch, setTagger } from "../runtime/instance.js";
import { userLine } from "./line.js";
import { call, checkFunction } from "../transforms/machinery.js";

let always = false;
/** How many `profile` are under way. */
let profiling = 0;

/** Whether ops are looked at one by one: a program would hide them. */
export const isInspecting = (): boolean => always || watching > 0 || profiling > 0;

/** How many `detectAnomaly` are under way. */
let watching = 0;
/** The user's line for each tag; tags count from 1. */
let lines: string[] = [];

const applyChecks = (): void => engine.debug(watching > 0 ? CheckFlag.Values | CheckFlag.Cotangents : always ? CheckFlag.Values : 0);
onRenewal(() => {
  if (watching > 0 || always) applyChecks();
});

/**
 * Runs `fn` with every value and every cotangent checked. The first NaN made from inputs without one throws an `AnomalyError` that
 * names the op and the line of yours that called it, also when it appears in the backward pass. Slow: every call takes a stack.
 */
export function detectAnomaly<R>(fn: () => R): R {
  checkFunction("detectAnomaly", fn);
  atMost("detectAnomaly", arguments, 1, "it calls one function without arguments: () => f(x)");
  watching++;
  let before: (() => void) | null = null;
  try {
    applyChecks();
    before = setTagger(() => {
      lines.push(userLine());
      engine.set_tag(lines.length);
    });
    return call("detectAnomaly", fn, []) as R;
  } catch (error) {
    // One inside has named the line already.
    if (!(error instanceof AnomalyError) || error.cause instanceof AnomalyError) throw error;
    const recorded = engine.failed_tag();
    // A failure of the backward pass names the node; one of the forward pass is the call under way.
    const line = recorded > 0 ? lines[recorded - 1] : lines[lines.length - 1];
    const where = recorded > 0 ? "recorded at" : "called at";
    throw Object.assign(new AnomalyError(`${error.message}; ${where} ${line || "an unknown line"}`, error.op), { cause: error });
  } finally {
    watching--;
    setTagger(before);
    if (watching === 0) lines = [];
    if (isAttached() && !isPoisoned()) {
      if (watching === 0) engine.set_tag(0);
      applyChecks();
    }
  }
}

/** From now on (until `debugNaNs(false)`) an op that makes a NaN from inputs without one throws an `AnomalyError`. */
export function debugNaNs(on: boolean): void {
  atMost("debugNaNs", arguments, 1);
  if (typeof on !== "boolean") throw new ValueError(`debugNaNs: expected true or false, got ${describe(on)}`, "debugNaNs");
  always = on;
  applyChecks();
}

/** The costs of one op. */
export interface ProfileRow {
  /** Its name. */
  readonly op: string;
  /** How often it ran. */
  readonly calls: number;
  /** Time in its kernel. */
  readonly milliseconds: number;
  /** Bytes of the results. */
  readonly bytes: number;
}

/** What `profile` found. */
export interface Profile<R> {
  /** What the function returned. */
  readonly result: R;
  /** Most time first. */
  readonly rows: readonly ProfileRow[];
  /** As a table. */
  toString(): string;
}

const OP_NAMES = Object.keys(Op) as OpName[];

/** How many `profile` are under way: the engine counts while there is one. */

/** The costs so far, by op. */
function costs(): Map<string, ProfileRow> {
  const rows = new Map<string, ProfileRow>();
  for (let i = 0, count = engine.profile_rows(); i < count; i++) {
    checked(engine.profile_read(i), "profile");
    const [op, calls, milliseconds, bytes] = scratch();
    const name = OP_NAMES[op!]!;
    rows.set(name, { op: name, calls: calls!, milliseconds: milliseconds!, bytes: bytes! });
  }
  return rows;
}

/** What was added to `before`, most time first. */
function added(before: ReadonlyMap<string, ProfileRow>, after: ReadonlyMap<string, ProfileRow>): ProfileRow[] {
  const rows: ProfileRow[] = [];
  for (const { op, calls, milliseconds, bytes } of after.values()) {
    const b = before.get(op);
    const row =
      b === undefined
        ? { op, calls, milliseconds, bytes }
        : { op, calls: calls - b.calls, milliseconds: milliseconds - b.milliseconds, bytes: bytes - b.bytes };
    if (row.calls > 0) rows.push(row);
  }
  return rows.sort((a, b) => b.milliseconds - a.milliseconds);
}

/**
 * Runs `fn` and reports, per op: calls, time in its kernel, bytes made. Ops of the backward pass count as well, and so does what a
 * profile inside this one reports.
 */
export function profile<R>(fn: () => R): Profile<R> {
  checkFunction("profile", fn);
  atMost("profile", arguments, 1, "it calls one function without arguments: () => f(x)");
  if (profiling === 0) engine.profile_start();
  const before = costs();
  profiling++;
  let result: R;
  let rows: ProfileRow[];
  try {
    result = call("profile", fn, []) as R;
    rows = added(before, costs());
  } finally {
    profiling--;
    if (profiling === 0 && !isPoisoned()) engine.profile_stop();
  }
  return { result, rows, toString: () => table(rows) };
}

function table(rows: readonly ProfileRow[]): string {
  const total = rows.reduce((sum, row) => sum + row.milliseconds, 0);
  const cells = [
    ["op", "calls", "ms", "%", "KB"],
    ...rows.map((r) => [
      r.op,
      String(r.calls),
      r.milliseconds.toFixed(3),
      ((100 * r.milliseconds) / (total || 1)).toFixed(1),
      (r.bytes / 1024).toFixed(1),
    ]),
  ];
  const widths = cells[0]!.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  return cells.map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ")).join("\n");
}
