/** Test modes of the instance. */
export { stressGrowth, trap } from "./instance.js";
