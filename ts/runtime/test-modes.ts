/** Test modes of the instance. */
export { rawExports, stressGrowth, trap } from "./instance.js";
