// tfjs keeps one backend active at a time; each step switches to its own.
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs"; // the whole package: the core alone registers no gradients
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";

setWasmPaths(path.dirname(fileURLToPath(import.meta.resolve("@tensorflow/tfjs-backend-wasm"))) + path.sep);
setThreadsCount(1);

export { tf };

export async function tfjs(backend) {
  await tf.setBackend(backend);
  await tf.ready();
  return tf;
}

/** A competitor per backend: `make(tf)` -> { step, result }, both run with the backend active. */
export const onTfjs = (make, backends = ["wasm", "cpu"]) =>
  backends.map((backend) => ({
    name: `tfjs ${backend}`,
    async prepare() {
      await tfjs(backend);
      const { step, result } = make(tf);
      const active = (f) => () => {
        if (tf.getBackend() !== backend) tf.setBackend(backend);
        return f();
      };
      return { step: active(step), result: active(result) };
    },
  }));
