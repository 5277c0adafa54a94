/** Mistakes that the compiler must find: checked with the sources and, by published.test.ts, with the declarations. */
import * as ad from "adjoint";
import { nn, optim, data, type Tensor } from "adjoint";

declare const x: Tensor;
declare const params: { w: Tensor; b: Tensor };
const f = (x: Tensor, y: Tensor, z: Tensor) => x.mul(y).mul(z);
const g = (p: { w: Tensor; b: Tensor }) => p.w.mul(p.b).sum();

// @ts-expect-error text and null are no tensors
ad.grad(f)(1, "two", null);
// @ts-expect-error a gradient has the argument's parts only
void ad.grad(g)(params).nothing;
// @ts-expect-error an argument is missing
ad.grad(f)(x, x);
// @ts-expect-error a part of the tree is missing
ad.grad(g)({ w: x });
// @ts-expect-error tensors are not made by their constructor
new ad.Tensor(3, undefined);
// @ts-expect-error nested arrays are no text
export const s: string = x.toArray();
// @ts-expect-error a tensor has no such part
void ad.vmap((x) => x)(5).nothing;
// @ts-expect-error a loss is a tensor or a number
ad.grad((x) => ({ loss: x }))(1);
// @ts-expect-error promises cannot be differentiated
ad.grad(async (x) => x)(1);
// @ts-expect-error the option is called argnums
ad.grad(g, { argnum: 0 });
// @ts-expect-error positions are numbers
ad.grad(g, { argnums: "0" });
// @ts-expect-error with hasAux the function returns [value, aux]
ad.grad((x) => x.sum(), { hasAux: true });
// @ts-expect-error without hasAux it does not
ad.grad((x) => [x.sum(), 1])(1);
// @ts-expect-error a gradient is a tensor, not a number
export const n: number = ad.grad((x) => x.sin())(1);
// @ts-expect-error the tangent of a tree is a tree
ad.jvp(g, [params], [1]);
// @ts-expect-error one tangent for each primal
ad.jvp(f, [x, x, x], [x, x]);
// @ts-expect-error a cotangent is a tree like the output
ad.vjp((x) => ({ a: x }), 1)[1]({ b: 1 });
// @ts-expect-error the mode is forward or reverse
ad.jacobian((x) => x, { mode: "fast" });
// @ts-expect-error the option is called inAxes
ad.vmap((x) => x, { inDims: 0 });
// @ts-expect-error one gradient of the argument's type for each
ad.customVjp((x) => x, { forward: (x) => [x, null], backward: () => ["text"] });
// @ts-expect-error a state keeps its type
ad.forLoop(0, 3, () => "text", x);
const text = () => "text";
// @ts-expect-error the branches give one type
ad.cond(true, (x) => x.sum(), text, x);
// @ts-expect-error the option is called keepdims
x.sum(0, { keepDims: true });
// @ts-expect-error options are an object
x.sum(0, true);
// @ts-expect-error text is no axis
x.mean("last");
// @ts-expect-error int8 is no dtype
x.cast("int8");
// @ts-expect-error the option is called dtype
ad.zeros([2], { type: "float64" });
// @ts-expect-error the shape of a tensor is read only
x.shape[0] = 3;
// @ts-expect-error reshape() gives another shape
x.shape = [3];
// @ts-expect-error operators do not work on tensors
void (x * x);
// @ts-expect-error here it is reshape()
x.view(3, 2);
// @ts-expect-error here it is transpose()
x.permute(1, 0);
// @ts-expect-error the option is called lr
new optim.SGD([x], { learningRate: 0.1 });
// @ts-expect-error two decay rates
new optim.Adam([x], { betas: [0.9] });
// @ts-expect-error the option is called batchSize
new data.DataLoader(new data.TensorDataset(x), { batch: 3 });
// @ts-expect-error the option is called bias
new nn.Linear(2, 3, { useBias: false });
// @ts-expect-error a loss is reduced by mean, sum or none
nn.mseLoss(x, x, { reduction: "average" });
// @ts-expect-error the base class has no forward
new nn.Module();
// @ts-expect-error the key comes first
ad.random.normal([3], ad.random.key(0));
class Cell extends nn.Module {
  forward(x: Tensor, h: Tensor) {
    return x.add(h);
  }
}
// @ts-expect-error the cell is called with two tensors
nn.functionalCall(new Cell(), {}, x);
