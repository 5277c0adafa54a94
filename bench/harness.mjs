// Timing: all competitors of a workload take turns within one run, so that a noisy machine is noisy for all of them.
// Reported are medians, and ratios to the faster of ours; whoever fails or disagrees is shown as that, without a time.

/** Runs `step` until about `milliseconds` have passed; returns the time of one step. */
function sample(step, milliseconds) {
  let calls = 0;
  const start = performance.now();
  let elapsed = 0;
  do {
    step();
    calls++;
    elapsed = performance.now() - start;
  } while (elapsed < milliseconds);
  return elapsed / calls;
}

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** Largest relative difference between two arrays of numbers. */
function disagreement(a, b) {
  if (a.length !== b.length) return Infinity;
  let scale = 1e-6;
  let worst = 0;
  for (const v of a) scale = Math.max(scale, Math.abs(v));
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i] - b[i]));
  return Number.isNaN(worst) ? Infinity : worst / scale;
}

/**
 * A workload: { name, tolerance, bytes?, unit?: (ms) => string, options?, competitors: [{ name, prepare() -> { step(), result(), stats?() } }] }.
 * `result()` is compared before anything is timed; `step()` is timed. `bytes` is the least that has to come from memory and go there,
 * where that is more than caches hold; floating-point operations are counted by the compiled program, or given as `flops`.
 */
export async function measure(workload, { rounds = 9, milliseconds = 30 } = {}, rates) {
  const rows = [];
  for (const competitor of workload.competitors) {
    const row = { name: competitor.name, times: [] };
    rows.push(row);
    try {
      Object.assign(row, await competitor.prepare());
      row.first = await row.result();
    } catch (error) {
      row.failed = String(error?.message ?? error)
        .split("\n")[0]
        .slice(0, 120);
    }
  }
  const reference = rows.find((row) => !row.failed);
  for (const row of rows) {
    if (row.failed || row === reference) continue;
    const off = disagreement(reference.first, row.first);
    if (!(off <= workload.tolerance)) row.failed = `differs from ${reference.name} by ${off.toExponential(1)}`;
  }
  const timed = rows.filter((row) => !row.failed);
  for (const row of timed) {
    // One call at least, more for what is short: the first calls are those of a cold machine.
    sample(row.step, milliseconds * 2);
  }
  for (let round = 0; round < rounds; round++) {
    for (const row of timed) row.times.push(sample(row.step, milliseconds));
    // Finalizers and pending promises get their turn, as in a real program.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const flops = workload.flops ?? rows.map((row) => row.stats?.()?.flops).find((count) => count > 0) ?? 0;
  for (const row of rows) row.close?.();
  return {
    limit: Math.max(flops / rates.flops, (workload.bytes ?? 0) / rates.bytes),
    rows: rows.map(({ name, failed, times }) => (failed ? { name, failed } : { name, ms: median(times) })),
  };
}

export function duration(ms) {
  if (ms < 1e-3) return `${(ms * 1e6).toFixed(0)} ns`;
  if (ms < 1) return `${(ms * 1e3).toFixed(ms < 0.1 ? 1 : 0)} µs`;
  return `${ms.toFixed(ms < 100 ? 2 : 0)} ms`;
}

/** A Markdown table of one workload: time, ratio to the best of ours, and what the workload adds (GFLOP/s, ns an element). */
export function table(workload, { limit, rows }) {
  const ours = Math.min(...rows.filter((row) => row.ms && isOurs(row.name)).map((row) => row.ms));
  const lines = [`### ${workload.name}`, "", "| | median | time / ours | |", "|---|---|---|---|"];
  for (const row of rows) {
    if (row.failed) lines.push(`| ${row.name} | – | – | ${row.failed} |`);
    else lines.push(`| ${row.name} | ${duration(row.ms)} | ${(row.ms / ours).toFixed(2)} | ${workload.unit?.(row.ms) ?? ""} |`);
  }
  if (limit > 0) lines.push(`| limit of the machine | ${duration(limit)} | ${(limit / ours).toPrecision(2)} | |`);
  return lines.join("\n");
}

export const isOurs = (name) => name.startsWith("adjoint");
