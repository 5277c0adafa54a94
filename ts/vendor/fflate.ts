/** Archives. */
export { inflateSync, type Zippable, zipSync } from "fflate";
