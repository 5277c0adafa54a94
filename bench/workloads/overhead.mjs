// What one op on a tiny tensor costs, call and all: unrecorded, and recorded on a tape. Per op, from loops of 1000.
import * as ad from "adjoint";
import { onTfjs } from "../competitors/tfjs.mjs";

const OPS = 1000;
const unit = (ms) => `${((ms * 1e6) / OPS).toFixed(0)} ns/op`;
const start = Float32Array.of(1, 2, 3, 4);

function chain(x) {
  let y = x;
  for (let i = 0; i < OPS; i++) y = y.neg();
  return y;
}

export const overhead = [
  {
    name: "1000 ops on 4 elements, unrecorded",
    tolerance: 0,
    unit,
    competitors: [
      {
        name: "adjoint",
        prepare() {
          const x = ad.tensor(start);
          return { step: () => void ad.scope(() => void chain(x)), result: () => ad.scope(() => chain(x).data()) };
        },
      },
      ...onTfjs((tf) => {
        const x = tf.tensor1d(start);
        return {
          step: () =>
            tf.tidy(() => {
              let y = x;
              for (let i = 0; i < OPS; i++) y = tf.neg(y);
            }),
          result: () =>
            tf.tidy(() => {
              let y = x;
              for (let i = 0; i < OPS; i++) y = tf.neg(y);
              return y.dataSync();
            }),
        };
      }),
    ],
  },
  {
    name: "1000 ops on 4 elements, recorded, with the backward sweep",
    tolerance: 0,
    unit,
    competitors: [
      {
        name: "adjoint",
        prepare() {
          const x = ad.tensor(start);
          const gradient = ad.grad((v) => chain(v).sum());
          return { step: () => gradient(x).dispose(), result: () => gradient(x).data() };
        },
      },
      ...onTfjs((tf) => {
        const x = tf.tensor1d(start);
        const gradient = tf.grad((v) => {
          let y = v;
          for (let i = 0; i < OPS; i++) y = tf.neg(y);
          return tf.sum(y);
        });
        return { step: () => gradient(x).dispose(), result: () => gradient(x).dataSync() };
      }),
    ],
  },
];
