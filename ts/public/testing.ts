/** Test modes of the instance. */
export { hookedTensors } from "../transforms/sweeping.js";
export { sweepAfter } from "../memory/sweeps.js";
export { failAllocation, rawExports, rollFrom, stressGrowth, trap } from "../runtime/instance.js";
