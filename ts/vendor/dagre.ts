/** The layout of graphs; bundled, as everything in this folder, so that the package has no dependency. */
export { default } from "@dagrejs/dagre";
