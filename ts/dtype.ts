/** Element types. */
import { DTYPES } from "./runtime/boundary.js";

export { DTYPES };
/** The type of a tensor's elements. */
export type DType = (typeof DTYPES)[number];

// The dtypes by name, `{ dtype: ad.float64 }`, for those used to it; the strings do as well.
/** The dtype "float32". */
export const float32 = DTYPES[0];
/** The dtype "float64". */
export const float64 = DTYPES[1];
/** The dtype "int32". */
export const int32 = DTYPES[2];
/** The dtype "bool". */
export const bool = DTYPES[3];

/** The arrays that hold elements outside of the engine: one for each dtype. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

export function dtypeCode(dtype: DType): number {
  return DTYPES.indexOf(dtype);
}

/** The bytes of an element. */
export function sizeOf(dtype: DType): number {
  return dtype === "float64" ? 8 : dtype === "bool" ? 1 : 4;
}

/** Whether values of this type have derivatives. */
export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64";
}

/** `count` zeros outside of the engine. */
export function newElements(dtype: DType, count: number): TypedArray {
  switch (dtype) {
    case "float64":
      return new Float64Array(count);
    case "int32":
      return new Int32Array(count);
    case "bool":
      return new Uint8Array(count);
    default:
      return new Float32Array(count);
  }
}

/** `count` elements in the engine's memory, as a view. */
export function elements(dtype: DType, buffer: ArrayBuffer, pointer: number, count: number): TypedArray {
  switch (dtype) {
    case "float64":
      return new Float64Array(buffer, pointer, count);
    case "int32":
      return new Int32Array(buffer, pointer, count);
    case "bool":
      return new Uint8Array(buffer, pointer, count);
    default:
      return new Float32Array(buffer, pointer, count);
  }
}
