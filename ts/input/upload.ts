/** Numbers into the engine's memory. */
import { dtypeCode, elements, type DType, type TypedArray } from "../dtype.js";
import { ValueError } from "../errors.js";
import { checked, engine, pass, scratch } from "../runtime/instance.js";
import { made, type Tensor } from "../tensor.js";

/** Up to here numbers travel with the call that makes the tensor: a view of the memory costs more than copying them twice. */
const FEW = 64;

/** A tensor of the engine filled from checked numbers. The memory may grow when it is allocated, so the view is taken after. */
export function upload(data: ArrayLike<number>, shape: readonly number[], dtype: DType, op = "tensor"): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  if (dtype === "int32") {
    for (let i = 0; i < count; i++) {
      if (data[i] !== (data[i]! | 0))
        throw new ValueError(
          `${op}: ${data[i]} is not an int32 (a whole number from -2^31 to 2^31 - 1); round() it first, or cast() a float tensor, which cuts`,
          op,
        );
    }
  }
  if (count <= FEW) return uploadFew(data, shape, dtype, count, op);
  return filledBy(shape, dtype, op, (target) => {
    if (dtype === "bool") for (let i = 0; i < count; i++) target[i] = data[i] ? 1 : 0;
    else target.set(data);
  });
}

/** A tensor that `write` fills where it lies, without a copy on the side. It must not call the engine, whose memory may move then. */
export function filledBy(shape: readonly number[], dtype: DType, op: string, write: (target: TypedArray) => void): Tensor {
  pass(shape);
  const id = checked(engine.tensor_new(dtypeCode(dtype), shape.length), op);
  try {
    const count = shape.reduce((a, b) => a * b, 1);
    write(elements(dtype, engine.memory.buffer, engine.data_pointer(id), count));
  } catch (error) {
    engine.dispose(id);
    throw error;
  }
  return made(id);
}

function uploadFew(data: ArrayLike<number>, shape: readonly number[], dtype: DType, count: number, op: string): Tensor {
  const rank = shape.length;
  const s = scratch(rank + count);
  for (let i = 0; i < rank; i++) s[i] = shape[i]!;
  // NaN is false here; to the engine, as in NumPy, it is true.
  if (dtype === "bool") for (let i = 0; i < count; i++) s[rank + i] = data[i] ? 1 : 0;
  else for (let i = 0; i < count; i++) s[rank + i] = data[i]!;
  return made(checked(engine.tensor_from(dtypeCode(dtype), rank, count), op));
}
