/** Numbers into the engine's memory. */
import { dtypeCode, type DType } from "./dtype.js";
import { ValueError } from "./errors.js";
import { checked, engine, pass } from "./runtime/instance.js";
import { made, type Tensor } from "./tensor.js";

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
  pass(shape);
  const id = checked(engine.tensor_new(dtypeCode(dtype), shape.length), op);
  try {
    const pointer = engine.data_pointer(id);
    const { buffer } = engine.memory;
    switch (dtype) {
      case "float32":
        new Float32Array(buffer, pointer, count).set(data);
        break;
      case "float64":
        new Float64Array(buffer, pointer, count).set(data);
        break;
      case "int32":
        new Int32Array(buffer, pointer, count).set(data);
        break;
      case "bool": {
        const target = new Uint8Array(buffer, pointer, count);
        for (let i = 0; i < count; i++) target[i] = data[i] ? 1 : 0;
      }
    }
  } catch (error) {
    engine.dispose(id);
    throw error;
  }
  return made(id);
}
