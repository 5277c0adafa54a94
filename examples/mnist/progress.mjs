// One line that is written over on a terminal; elsewhere a line at the end of each epoch.

export function progress(stream = process.stdout) {
  const width = 24;
  const live = Boolean(stream.isTTY);
  return {
    /** done and total steps of an epoch, loss, accuracy (0 to 1), steps per second */
    show({ epoch, epochs, done, total, loss, accuracy, rate }) {
      if (!live && done < total) return;
      const filled = Math.round((width * done) / total);
      const bar = "█".repeat(filled) + "░".repeat(width - filled);
      const line = `epoch ${epoch}/${epochs} ${bar} ${String(done).padStart(4)}/${total}  loss ${loss.toFixed(4)}  accuracy ${(100 * accuracy).toFixed(2)} %  ${rate.toFixed(0)} steps/s`;
      stream.write(live ? `\r${line}\x1b[K` : `${line}\n`);
      if (live && done === total) stream.write("\n");
    },
  };
}
