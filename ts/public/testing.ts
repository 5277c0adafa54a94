/** Test modes of the instance. */
export { rawExports, stressGrowth, trap } from "../runtime/instance.js";
