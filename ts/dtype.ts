/** Element types. The position in the list is the code the engine uses. */
export const DTYPES = ["float32", "float64", "int32", "bool"] as const;
export type DType = (typeof DTYPES)[number];

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

export function dtypeCode(dtype: DType): number {
  return DTYPES.indexOf(dtype);
}

/** Whether values of this type have derivatives. */
export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64";
}
