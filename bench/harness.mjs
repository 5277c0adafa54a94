// Timing: all competitors of a workload take turns within one run, so that a noisy machine is noisy for all of them.
// Reported are medians and the ratio to the first competitor; a result that disagrees is an error, not a footnote.

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
 * A workload: { name, tolerance, unit?: (ms) => string, competitors: [{ name, prepare() -> { step(), result() } }] }.
 * `result()` is compared before anything is timed; `step()` is timed.
 */
export async function measure(workload, { rounds = 15, milliseconds = 40 } = {}) {
  const rows = [];
  for (const competitor of workload.competitors) {
    try {
      const prepared = await competitor.prepare();
      rows.push({ name: competitor.name, ...prepared, times: [] });
    } catch (error) {
      rows.push({ name: competitor.name, failed: String(error?.message ?? error).split("\n")[0] });
    }
  }
  const running = rows.filter((row) => !row.failed);
  const reference = await running[0].result();
  for (const row of running.slice(1)) {
    const off = disagreement(reference, await row.result());
    if (!(off <= workload.tolerance)) {
      row.failed = `result differs from ${running[0].name}'s by ${off.toExponential(1)}`;
    }
  }
  const timed = running.filter((row) => !row.failed);
  for (const row of timed) sample(row.step, milliseconds * 2);
  for (let round = 0; round < rounds; round++) {
    for (const row of timed) row.times.push(sample(row.step, milliseconds));
    // Finalizers and pending promises get their turn, as in a real program.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  for (const row of rows) {
    row.close?.();
    if (!row.failed) row.median = median(row.times);
  }
  return rows.map(({ name, failed, median: ms }) => ({ name, failed, ms }));
}

export function duration(ms) {
  if (ms < 1e-3) return `${(ms * 1e6).toFixed(0)} ns`;
  if (ms < 1) return `${(ms * 1e3).toFixed(1)} µs`;
  return `${ms.toFixed(2)} ms`;
}

/** A Markdown table of one workload: time, ratio to ours, and what the workload adds (GFLOP/s, ns an element). */
export function table(workload, rows) {
  const ours = rows[0].ms;
  const lines = [`### ${workload.name}`, "", "| | median | time / ours | |", "|---|---|---|---|"];
  for (const row of rows) {
    if (row.failed) lines.push(`| ${row.name} | – | – | ${row.failed} |`);
    else lines.push(`| ${row.name} | ${duration(row.ms)} | ${(row.ms / ours).toFixed(2)} | ${workload.unit?.(row.ms) ?? ""} |`);
  }
  return lines.join("\n");
}
