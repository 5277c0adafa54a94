/** Files: bytes in, tensors out, and back. */
export type { Bytes } from "./bytes.js";
export type { Named } from "./named.js";
export { loadNpy, saveNpy } from "./npy.js";
export { loadNpz, saveNpz, type NpzOptions } from "./npz.js";
export { loadSafetensors, safetensorsMetadata, saveSafetensors, type SafetensorsOptions } from "./safetensors.js";
