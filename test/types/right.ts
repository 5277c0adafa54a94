/** Uses that must compile, and the types they must have: checked with the sources and, by published.test.ts, with the declarations. */
import * as ad from "adjoint";
import { nn, optim, data, type Tensor, type TensorLike } from "adjoint";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** `is<Expected>()(value)` compiles when the type of the value is exactly that. */
export function is<Expected>() {
  return function exactly<Actual>(value: Actual, ..._same: Same<Actual, Expected> extends true ? [] : [never]): Actual {
    return value;
  };
}

interface Params {
  w: Tensor;
  b: Tensor;
}
interface Deep {
  layers: Params[];
  scale: Tensor;
}
declare const params: Params;
declare const deep: Deep;
declare const x: Tensor;

// --- grad: an unannotated function is one of tensors; numbers and arrays are accepted for them
is<Tensor>()(ad.grad((x) => x.sin())(0));
is<Tensor>()(ad.grad((x) => x.square().sum())([1, 2]));
is<Tensor>()(ad.grad((x) => x.square().sum())(Float64Array.of(1, 2)));
is<Tensor>()(ad.grad(ad.grad((x) => x.pow(3)))(2));
is<Tensor>()(ad.grad((x) => ad.grad((y) => y.mul(x))(2))(3));
is<Tensor>()(ad.grad((x: TensorLike) => ad.sum(x))([[1], [2]]));
is<Tensor>()(ad.grad((x: Tensor, n: number, flag?: boolean) => (flag ? x.mul(n) : x))(3, 4));
is<Tensor>()(ad.grad((...xs: Tensor[]) => xs[0]!.mul(xs[1]!))(2, 3));
is<Tensor>()(ad.grad(() => 5)(x));
is<Tensor>()(ad.grad((w, xs) => w.mul(xs).sum())([1, 2], x));

// --- trees: the gradient of a tree is a tree like it
is<Params>()(ad.grad((p: Params) => p.w.mul(p.b).sum())(params));
is<Params>()(ad.grad((p: Params, x: Tensor) => p.w.mul(x).add(p.b).sum())({ w: 1, b: [2] }, x));
is<Tensor>()(ad.grad((p: Deep) => p.layers[0]!.w.mul(p.scale))(deep).layers[0]!.w);
is<Tensor | undefined>()(ad.grad((p: Record<string, Tensor>) => p["w"]!.sum())({ w: x })["w"]);
is<[Tensor, Tensor]>()(ad.grad(([a, b]: [Tensor, Tensor]) => a.mul(b))([x, x]));
is<Tensor[]>()(ad.grad((list: Tensor[]) => list[0]!.sum())([x, x]));

// --- argnums and hasAux
is<Tensor>()(ad.grad((p: Params, x: Tensor) => p.w.mul(x), { argnums: 1 })(params, 2));
is<[Params, Tensor]>()(ad.grad((p: Params, x: Tensor) => p.w.mul(x), { argnums: [0, 1] })(params, x));
is<Tensor>()(ad.grad((n: number, x: Tensor) => x.mul(n), { argnums: -1 })(2, [1]));
is<[gradient: Tensor, aux: string]>()(ad.grad((x) => [x.sum(), "text"], { hasAux: true })(x));
is<[value: Tensor, gradient: Tensor]>()(ad.valueAndGrad((x) => x.sum())(x));
is<[value: Tensor, gradient: Params]>()(ad.valueAndGrad((p: Params) => p.w.sum())(params));
const [[loss, aux], slope] = ad.valueAndGrad((p: Params) => [p.w.sum(), { outputs: p.b }], { hasAux: true })(params);
is<Tensor>()(loss);
is<Tensor>()(aux.outputs);
is<Params>()(slope);
const plainOptions: ad.GradOptions = { argnums: 0 };
is<Tensor>()(ad.grad((x: Tensor) => x.sum(), plainOptions)(x));

// --- vjp, jvp, linearize
const [out, pullback] = ad.vjp((x: Tensor, p: Params) => ({ a: x.mul(p.w), list: [p.b, 3] }), x, params);
is<Tensor>()(out.a);
is<Tensor>()(out.list[1]);
const [gx, gp] = pullback({ a: [1, 2], list: [x, 0] });
is<Tensor>()(gx);
is<Params>()(gp);
is<[out: Tensor, tangentOut: Tensor]>()(ad.jvp((x, y) => x.mul(y), [1, 2], [x, [0]]));
is<[out: Tensor, tangentOut: Tensor]>()(ad.jvp((x: Tensor) => x.sin(), x, x));
const [, push] = ad.linearize((x: Tensor, p: Params) => x.mul(p.w), x, params);
is<Tensor>()(push([1], { w: 1, b: 0 }));

// --- Jacobians and Hessians
is<Tensor>()(ad.jacfwd((x) => x.square())([1, 2]));
is<{ a: Tensor; b: Tensor }>()(ad.jacrev((x) => ({ a: x, b: x.sin() }))(x));
is<{ a: Params }>()(ad.jacobian((p: Params) => ({ a: p.w }), { mode: "forward" })(params));
is<[Tensor, Tensor]>()(ad.jacobian((x, y) => x.mul(y), { argnums: [0, 1] })(1, 2));
is<[jacobian: Tensor, aux: number]>()(ad.jacfwd((x) => [x, 4], { hasAux: true, chunkSize: 2 })(x));
is<Tensor>()(ad.hessian((x) => x.prod())([2, 3]));
is<Tensor>()(ad.hessian((p: Params) => p.w.mul(p.b))(params).w.b);
is<[gradient: Tensor, product: Tensor]>()(ad.hvp((x) => x.pow(3).sum(), [[1, 2]], [[1, 0]]));
const [g2, product2] = ad.hvp((p: Params, x: Tensor) => p.w.mul(x), [params, x], [params, 1]);
is<Params>()(g2[0]);
is<Tensor>()(product2[1]);
is<Tensor>()(ad.chainJacobian([(x) => x.sin(), (y) => y.exp()])([1]));
is<ad.SparseMatrix>()(ad.sparseJacobian((x) => x.square(), { format: "csr" })(x));

// --- vmap, and transforms in transforms
is<Tensor>()(ad.vmap((row) => row.square().sum())([[1, 2]]));
is<[Tensor, Tensor]>()(ad.vmap((row) => [row, row.sum()])(x));
is<Params>()(
  ad.vmap(
    ad.grad((p: Params, x: Tensor) => p.w.mul(x).sum()),
    { inAxes: [null, 0], randomness: "same" },
  )(params, x),
);
is<Tensor>()(ad.vmap((x, flag: boolean) => (flag ? x : x.neg()), { inAxes: [0, null] })(x, true));

// --- rules and recomputing
const exp = ad.customVjp((x) => x.exp(), {
  forward: (x) => {
    const y = x.exp();
    return [y, { y }];
  },
  backward: ({ y }, cotangent) => [cotangent.mul(y)],
});
is<Tensor>()(exp(1));
is<Tensor>()(
  ad.customJvp(
    (x) => x.exp(),
    ([x], [t]) => [x.exp(), x.exp().mul(t)],
  )([1, 2]),
);
is<Tensor>()(ad.checkpoint((x, p: Params) => x.mul(p.w))(2, { w: 1, b: 1 }));
is<Tensor>()(
  ad.grad((x) =>
    ad
      .checkpoint((y) => y.sin())(x)
      .sum(),
  )(x),
);

// --- loops and branches
is<Tensor>()(ad.forLoop(0, 3, (_, s) => s.mul(2), x));
const pair = ad.forLoop(0, 3, (i, [a, b]) => [b, a.add(i)], [x, x]);
is<[Tensor, Tensor]>()(pair);
is<[carry: Tensor, ys: Tensor]>()(ad.scan((carry, x) => [carry.add(x), carry], x, [1, 2, 3]));
const [, ys] = ad.scan((c: Tensor, p: Params) => [c, { y: p.w, none: null }], x, { w: x, b: x });
is<Tensor>()(ys.y);
is<Tensor>()(
  ad.whileLoop(
    (s) => s.lt(10),
    (s) => s.mul(2),
    x,
    { maxIterations: 9 },
  ),
);
is<Tensor>()(
  ad.cond(
    x.gt(0),
    (x) => x.sqrt(),
    (x) => x.neg(),
    x,
  ),
);
is<number>()(ad.noGrad(() => x.sum().item()));
is<Params>()(ad.scope(() => params));

// --- checking, reading, drawing
is<Tensor>()(ad.numericalGrad((x) => x.sin(), { method: "richardson", step: 0.1 })(x));
is<[derivative: Params, error: Params]>()(ad.numericalGrad((p: Params) => p.w.sum(), { method: "richardson", withError: true })(params));
is<true>()(ad.gradcheck((x, y) => x.mul(y), [x, x], { order: 2 }));
is<ad.Expression>()(ad.symbolic((x, y) => x.mul(y).sin())(1, 2));
is<string>()(
  ad
    .trace(ad.grad((x) => x.sin().sum()))([1, 2])
    .toString(),
);
is<Tensor>()(
  ad
    .trace((x: Tensor) => x.sin())([1, 2])
    .run([3, 4]),
);

// --- trees
is<{ w: number; b: number }>()(ad.tree.map((p) => p.size, { w: x, b: x }));
is<{ w: Tensor; b: Tensor }>()(ad.tree.map((p, g) => p.sub(g.mul(0.1)), { w: x, b: x }, { w: x, b: x }));
is<Tensor[]>()(ad.tree.flatten(deep)[0]);
is<{ w: Tensor; b: Tensor[] }>()(ad.tree.ravel({ w: x, b: [x] })[1]([1, 2]));

// --- tensors and ops
is<Tensor>()(ad.add(1, [1, 2]).mul(x).sum(0, { keepdims: true }).softmax(-1));
is<Tensor>()(x.reshape(3, 2).reshape([6]).transpose(0, 1).transpose([1, 0]).T.squeeze(0).unsqueeze([0, 1]));
is<[values: Tensor, indices: Tensor]>()(x.topk(3, { largest: false }));
is<number[][]>()(x.toArray<number[][]>());
const [first, second] = x;
is<Tensor | undefined>()(first ?? second);
is<Tensor>()(ad.random.normal(ad.random.key(0), [3], { std: 2 }).add(ad.random.uniform([3])));

// --- networks
class Net extends nn.Module {
  hidden = new nn.Linear(2, 8, { bias: true });
  blocks = [new nn.ReLU(), new nn.Linear(8, 8)];
  forward(x: TensorLike) {
    let y = this.hidden.forward(x);
    for (const block of this.blocks) y = block.forward(y);
    return y;
  }
}
class Cell extends nn.Module<[Tensor, Tensor]> {
  forward(x: Tensor, h: Tensor): [Tensor, Tensor] {
    return [x.add(h), h];
  }
}
const net = new Net();
const train = (model: nn.Module, x: Tensor, y: Tensor): Tensor => nn.mseLoss(model.forward(x), y, { reduction: "sum" });
is<Tensor>()(train(net, x, x));
is<[Tensor, Tensor]>()(new Cell().forward(x, x));
const pure = (state: Record<string, Tensor>, x: TensorLike) => nn.functionalCall(net, state, x).sum();
is<Record<string, Tensor>>()(ad.grad(pure)(net.stateDict(), [[1, 2]]));
is<[Tensor, Tensor]>()(nn.functionalCall(new Cell(), {}, x, x));
const optimizer = new optim.Adam(net.parameters(), { lr: 1e-3, betas: [0.9, 0.99] });
optimizer.minimize(train(net, x, x));
const adam = optim.transform.adam({ lr: 0.1 });
const [updates] = adam.update(ad.grad((p: Params) => p.w.sum())(params), adam.init(params), params);
is<Params>()(updates);
is<Params>()(optim.applyUpdates(params, updates));
for (const [inputs, labels] of new data.DataLoader(new data.TensorDataset(x, x), { batchSize: 2, shuffle: true })) {
  is<Tensor>()(nn.crossEntropy(net.forward(inputs!), labels!, { labelSmoothing: 0.1 }));
}
