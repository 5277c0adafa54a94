/** Test modes of the instance. */
export { hookedTensors } from "../transforms/sweeping.js";
export { sweepAfter } from "../memory/sweeps.js";
export { rollFrom } from "../runtime/compiler.js";
export { failAllocation, rawExports, stressGrowth, trap } from "../runtime/instance.js";
