/** Rows of a table by indices that do not count from the end: what `embedding` and the layer share. */
import { IndexError } from "../errors.js";
import { recorder } from "../recording.js";
import { releasing, run } from "../run.js";
import { Truth } from "../runtime/boundary.js";
import { checked, engine } from "../runtime/instance.js";
import { idOf, type Tensor } from "../tensor.js";
import { where } from "./elementwise.js";

/** `embedding` under the name of who calls it. */
export function lookUp(name: string, indices: Tensor, table: Tensor): Tensor {
  const count = table.shape[0];
  // The engine refuses these.
  if (indices.dtype !== "int32" || count === undefined) return run("take", [table, indices], [0]);
  // take counts negative indices from the end; here one is a mistake. They are looked at, not changed: where the indices are known, so is
  // which rows the result hangs on.
  const fromTheStart = releasing((keep) => (checked(engine.all_true(idOf(keep(indices.ge(0)))), name) as Truth) === Truth.All);
  if (!fromTheStart) throw outside(name, indices, count);
  try {
    if (!recorder?.strict) return run("take", [table, indices], [0]);
    // A program looks at its own: moved out of range, a negative one is refused by take.
    return releasing((keep) => run("take", [table, keep(where(keep(indices.lt(0)), count, indices))], [0]));
  } catch (error) {
    throw error instanceof IndexError ? outside(name, indices, count) : error;
  }
}

/** An index is reported as it was given. */
function outside(name: string, indices: Tensor, count: number): IndexError {
  let which = "an index";
  try {
    const data = indices.data();
    const at = data.findIndex((v) => v < 0 || v >= count);
    if (at >= 0) which = `index ${data[at]} (at position ${at})`;
  } catch {
    // Inside vmap there is no one number to read.
  }
  return new IndexError(
    `${name}: ${which} is out of range; the table has ${count} rows, so indices are whole numbers from 0 to ${count - 1}`,
    name,
  );
}
