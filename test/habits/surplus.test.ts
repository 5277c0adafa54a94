/** Arguments after the last one that is read: every exported function, constructor and method refuses them, unless it takes any number. */
import * as ad from "adjoint";
import { describe, expect, it } from "vitest";
import * as foreign from "../../ts/habits/foreign.js";
import * as foreignLayers from "../../ts/nn/foreign.js";
import * as foreignDraws from "../../ts/random/foreign.js";
import * as foreignOptimizers from "../../ts/optim/foreign.js";

const f64 = (value: ad.TensorLike) => ad.tensor(value, { dtype: "float64" });
const x = () => f64([1, 2, 3]);
const m = () =>
  f64([
    [1, 2],
    [3, 4],
  ]);
const one = () => f64(2);
const ints = () => ad.tensor([1, 0, 2], { dtype: "int32" });
const key = () => ad.random.key(1);
const square = (v: ad.Tensor) => v.square().sum();
const vector = (v: ad.Tensor) => v.square();
const rule = { forward: (v: ad.Tensor) => [v.square(), v], backward: (v: ad.Tensor, ct: ad.Tensor) => [v.mul(2).mul(ct)] };
const loss = [() => f64([[0.2, 0.8]]), () => f64([[0, 1]]), () => ({})];
const labels = [() => f64([[0.2, 0.8]]), () => ad.tensor([1], { dtype: "int32" }), () => ({})];
const parameters = () => [ad.tensor([1, 2], { requiresGrad: true })];
const state = () => ad.random.getState();

/** Zeros with `axes` axes behind batch and channels. */
const image = (axes: number) => () => ad.zeros([1, 1, 4, 4, 4].slice(0, axes + 2));
type Call = (() => unknown)[];
const definite = () =>
  f64([
    [2, 1],
    [1, 3],
  ]);
const unary: Call = [x];
const matrix: Call = [definite];
const binary: Call = [x, x];
const reduction: Call = [m, () => 0, () => ({})];
const transform: Call = [() => square, () => ({})];
const product: Call = [() => square, () => [x()], () => [x()]];
const none: Call = [];

/** All arguments that each function reads, in a call that is right. */
const calls: Record<string, Call> = {
  all: reduction,
  any: reduction,
  argmax: reduction,
  argmin: reduction,
  argsort: reduction,
  cummax: reduction,
  cummin: reduction,
  cumprod: reduction,
  cumsum: reduction,
  logSoftmax: reduction,
  logsumexp: reduction,
  max: reduction,
  mean: reduction,
  median: reduction,
  min: reduction,
  norm: reduction,
  prod: reduction,
  softmax: reduction,
  sort: reduction,
  std: reduction,
  sum: reduction,
  variance: reduction,
  add: binary,
  atan2: binary,
  div: binary,
  dot: binary,
  eq: binary,
  fmod: binary,
  ge: binary,
  gt: binary,
  hypot: binary,
  le: binary,
  logaddexp: binary,
  logicalAnd: binary,
  logicalOr: binary,
  lt: binary,
  maximum: binary,
  minimum: binary,
  mod: binary,
  mul: binary,
  ne: binary,
  outer: binary,
  pow: binary,
  sub: binary,
  xlogy: binary,
  matmul: [m, m],
  cholesky: matrix,
  inv: matrix,
  det: matrix,
  slogdet: matrix,
  expm: matrix,
  qr: matrix,
  eigh: matrix,
  svd: matrix,
  pinv: [m, () => ({})],
  lstsq: [m, m, () => ({})],
  solve: [definite, m],
  triangularSolve: [definite, m, () => ({})],
  tensordot: [m, m, () => 1],
  kron: binary,
  cross: [x, x, () => ({})],
  matrixPower: [m, () => 2],
  allclose: [x, x, () => ({})],
  quantile: [m, () => 0.5, () => 0, () => ({})],
  topk: [x, () => 1, () => 0, () => ({})],
  cast: [x, () => "float32"],
  clamp: [x, () => 0, () => 1],
  cov: [m, () => ({})],
  diag: [x, () => 0],
  elu: [x, () => ({})],
  leakyRelu: [x, () => 0.1],
  gelu: [x, () => ({})],
  flatten: [m, () => 0, () => 1],
  flip: [x, () => 0],
  gather: [x, () => 0, ints],
  indexAdd: [x, () => 0, ints, x],
  scatterAdd: [x, () => 0, ints, x],
  maskedFill: [x, () => x().gt(0), () => 0],
  moveaxis: [m, () => 0, () => 1],
  multigammaln: [() => f64(9), () => 2],
  nanToNum: [x, () => ({})],
  oneHot: [ints, () => 3, () => ({})],
  pad: [x, () => 1, () => ({})],
  polygamma: [() => 1, x],
  repeat: [x, () => 2, () => 0],
  roll: [x, () => 1, () => 0],
  searchsorted: [x, x, () => ({})],
  select: [x, () => x().gt(1)],
  slice: [x, () => [0], () => [2], () => [1]],
  split: [x, () => 3, () => 0],
  squeeze: [() => f64([[1]]), () => 0],
  stack: [() => [x(), x()], () => 0],
  concat: [() => [x(), x()], () => 0],
  take: [x, ints, () => 0],
  trace: [() => square],
  strictTrace: [() => square],
  transpose: [m, () => [1, 0]],
  tril: [m, () => 0],
  triu: [m, () => 0],
  unsqueeze: [x, () => 0],
  unstack: [m, () => 0],
  where: [() => x().gt(1), x, x],
  odeint: [() => (y: ad.Tensor) => y, () => 1, () => [0, 1], () => ({})],
  quad: [() => square, () => 0, () => 1, () => ({})],
  rootSolve: [() => (v: ad.Tensor) => v.sub(1), () => 0, () => ({})],
  fixedPoint: [() => (v: ad.Tensor) => v.mul(0.5), () => 1, () => ({})],
  interp: [x, x, x, () => ({})],
  cubicSpline: [() => f64([1, 2, 3, 4]), () => f64([1, 2, 3, 4]), () => ({})],
  embedding: [
    ints,
    () =>
      f64([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
  ],
  isFinite: unary,
  isNaN: unary,
  isinf: unary,
  tensor: [() => 1, () => ({})],
  full: [() => [2], () => 1, () => ({})],
  zeros: [() => [2], () => ({})],
  ones: [() => [2], () => ({})],
  zerosLike: [x, () => ({})],
  onesLike: [x, () => ({})],
  fullLike: [x, () => 1, () => ({})],
  eye: [() => 2, () => 2, () => ({})],
  arange: [() => 0, () => 3, () => 1, () => ({})],
  linspace: [() => 0, () => 1, () => 3, () => ({})],
  setDefaultDtype: [() => "float32"],
  getDefaultDtype: none,
  memory: none,
  reserve: [() => 1],
  scope: [() => () => 1],
  variant: none,
  keep: [x],
  manualSeed: [() => 1],
  noGrad: [() => () => 1],
  enableGrad: [() => () => 1],
  debugNaNs: [() => false],
  detectAnomaly: [() => () => 1],
  profile: [() => () => 1],
  grad: transform,
  valueAndGrad: transform,
  jacfwd: transform,
  jacrev: transform,
  jacobian: transform,
  hessian: transform,
  numericalGrad: transform,
  numericalJacobian: transform,
  sparseHessian: transform,
  sparseJacobian: transform,
  vmap: [() => vector, () => ({})],
  checkpoint: [() => square, () => ({})],
  compile: [() => square, () => ({})],
  jacobianSparsity: [() => vector],
  symbolic: [() => square, () => ({})],
  jvp: product,
  hvp: product,
  vhp: product,
  gradcheck: [() => square, () => [x()], () => ({})],
  customVjp: [() => vector, () => rule],
  customJvp: [
    () => vector,
    () =>
      ([v]: ad.Tensor[], [t]: ad.Tensor[]) => [v!.square(), v!.mul(2).mul(t!)],
  ],
  chainJacobian: [() => [vector, vector], () => ({})],
  dualLevel: [() => () => 1],
  makeDual: [x, x],
  unpackDual: [x],
  cond: [() => true, () => () => 1, () => () => 2, () => 1],
  forLoop: [() => 0, () => 2, () => (_: number, s: ad.Tensor) => s, x],
  scan: [() => (s: ad.Tensor, v: ad.Tensor) => [s, v], one, x, () => ({})],
  whileLoop: [() => () => false, () => (s: ad.Tensor) => s, x, () => ({})],
  "nn.bceWithLogits": loss,
  "nn.cosineSimilarity": loss,
  "nn.huberLoss": loss,
  "nn.klDiv": loss,
  "nn.l1Loss": loss,
  "nn.mseLoss": loss,
  "nn.crossEntropy": labels,
  "nn.nllLoss": labels,
  "nn.smoothL1Loss": loss,
  "nn.bceLoss": loss,
  "nn.poissonNllLoss": loss,
  "nn.gaussianNllLoss": [() => f64([[0.2, 0.8]]), () => f64([[0, 1]]), () => f64([[1, 1]]), () => ({})],
  "nn.hingeEmbeddingLoss": loss,
  "nn.softMarginLoss": loss,
  "nn.multiLabelSoftMarginLoss": loss,
  "nn.multiMarginLoss": labels,
  "nn.marginRankingLoss": [x, x, x, () => ({})],
  "nn.cosineEmbeddingLoss": [m, m, () => f64([1, -1]), () => ({})],
  "nn.tripletMarginLoss": [m, m, m, () => ({})],
  scaledDotProductAttention: [m, m, m, () => ({})],
  layerNorm: [m, () => 2, () => ({})],
  rmsNorm: [m, () => 2, () => ({})],
  groupNorm: [m, () => 2, () => ({})],
  instanceNorm: [() => ad.ones([1, 2, 3]), () => ({})],
  batchNorm: [m, () => null, () => null, () => ({ training: true })],
  "nn.dropout": [x, () => ({})],
  "nn.alphaDropout": [x, () => ({})],
  ...Object.fromEntries([1, 2, 3].map((axes) => [`nn.dropout${axes}d`, [image(axes), () => ({})]])),
  dropout: [x, () => ({})],
  "nn.parameterCount": [() => new ad.nn.Linear(1, 1)],
  "nn.init.constant": [() => [2], () => 1, () => ({})],
  "nn.init.fans": [() => [2, 3]],
  "nn.init.gain": [() => "leakyRelu", () => 0.1],
  "nn.init.ones": [() => [2], () => ({})],
  "nn.init.zeros": [() => [2], () => ({})],
  "optim.applyUpdates": [x, x],
  "distributions.kl": [() => new ad.distributions.Normal(0, 1), () => new ad.distributions.Normal(0, 1)],
  "distributions.registerKl": [() => ad.distributions.Normal, () => ad.distributions.Normal, () => ad.distributions.kl],
  "optimize.minimize": [() => square, x, () => ({})],
  "optimize.leastSquares": [() => vector, x, () => ({})],
  "optim.transform.applyUpdates": [x, x],
  "optim.transform.adam": [() => ({ lr: 0.1 })],
  "optim.transform.adamw": [() => ({ lr: 0.1 })],
  "optim.transform.sgd": [() => ({ lr: 0.1 })],
  ...Object.fromEntries(
    ["adadelta", "adagrad", "adamax", "asgd", "lion", "nadam", "radam", "rmsprop", "rprop"].map((name) => [
      `optim.transform.${name}`,
      [() => ({ lr: 0.1 })],
    ]),
  ),
  "optim.clipGradNorm": [parameters, () => 1, () => ({})],
  "optim.clipGradValue": [parameters, () => 1],
  "random.key": [() => 1],
  "random.split": [key, () => 2],
  "random.getState": none,
  "random.setState": [state],
  "tree.map": [() => (v: unknown) => v, () => [1]],
  "tree.flatten": [() => [1]],
  "tree.ravel": [() => [x()]],
};
Object.assign(calls, {
  "nn.init.uniform": [() => [2], () => 0, () => 1, () => ({})],
  "nn.init.normal": [() => [2], () => 0, () => 1, () => ({})],
  "nn.init.kaimingUniform": [() => [2, 3], () => ({})],
  "nn.init.kaimingNormal": [() => [2, 3], () => ({})],
  "nn.init.xavierUniform": [() => [2, 3], () => 1, () => ({})],
  "nn.init.xavierNormal": [() => [2, 3], () => 1, () => ({})],
  "nn.init.truncNormal": [() => [2], () => 0, () => 1, () => -2, () => 2, () => ({})],
  "nn.init.orthogonal": [() => [2, 3], () => 1, () => ({})],
  "nn.init.eye": [() => [2, 3], () => ({})],
  "nn.init.dirac": [() => [2, 2, 3], () => 1, () => ({})],
  "nn.init.sparse": [() => [4, 2], () => 0.5, () => 0.01, () => ({})],
  "nn.summary": [() => new ad.nn.Linear(1, 1), () => [1, 1], () => ({})],
  "nn.sinusoidalPositions": [() => 2, () => 4, () => ({})],
  "random.uniform": [key, () => [2], () => ({})],
  "random.normal": [key, () => [2], () => ({})],
  "random.truncatedNormal": [key, () => [2], () => ({})],
  "random.gumbel": [key, () => [2], () => ({})],
  "random.exponential": [key, () => [2], () => ({})],
  "random.gamma": [key, () => [2], () => ({ a: 1 })],
  "random.bernoulli": [key, () => [2], () => ({ p: 0.5 })],
  "random.randint": [key, () => [2], () => ({ maxval: 3 })],
  "random.permutation": [key, () => 3, () => ({})],
  "random.categorical": [key, () => [2], () => ({ logits: ad.ones([3]) })],
});
for (const space of ["optim", "optim.schedules"])
  Object.assign(calls, {
    [`${space}.cosine`]: [() => 0.1, () => 10, () => 0],
    [`${space}.exponential`]: [() => 0.1, () => 0.5],
    [`${space}.oneCycle`]: [() => 0.1, () => 10, () => ({})],
    [`${space}.schedule`]: [() => new ad.optim.SGD(parameters(), { lr: 0.1 }), () => () => 0.1],
    [`${space}.reduceOnPlateau`]: [() => new ad.optim.SGD(parameters(), { lr: 0.1 }), () => ({})],
    [`${space}.step`]: [() => 0.1, () => 10, () => 0.5],
    [`${space}.warmup`]: [() => 10, () => 0.1],
  });

for (const axes of [1, 2, 3]) {
  const kernel = () => ad.ones([1, 1, 2, 2, 2].slice(0, axes + 2));
  for (const name of ["conv", "convTranspose"]) calls[`${name}${axes}d`] = [image(axes), kernel, () => ({})];
  for (const name of ["maxPool", "avgPool"]) calls[`${name}${axes}d`] = [image(axes), () => 2, () => ({})];
  for (const name of ["adaptiveAvgPool", "adaptiveMaxPool"]) calls[`${name}${axes}d`] = [image(axes), () => 2];
}
Object.assign(calls, {
  unfold: [image(2), () => 2, () => ({})],
  fold: [() => ad.ones([1, 4, 9]), () => 4, () => 2, () => ({})],
  interpolate: [image(1), () => ({ size: 3 })],
  "io.saveSafetensors": [() => ({ x: x() }), () => ({})],
  "io.loadSafetensors": [() => ad.io.saveSafetensors({ x: x() })],
  "io.safetensorsMetadata": [() => ad.io.saveSafetensors({ x: x() })],
  "io.saveNpz": [() => ({ x: x() }), () => ({})],
  "io.loadNpz": [() => ad.io.saveNpz({ x: x() })],
  "io.loadNpy": [() => ad.io.saveNpy(x())],
});

/** Functions that take as many as they are given, or hand them on. */
const VARIADIC = [
  "at",
  "einsum",
  "transpose",
  "broadcastTo",
  "reshape",
  "tile",
  "linearize",
  "vjp",
  "cond",
  "nn.functionalCall",
  "tree.map",
];
/** Names that only say what ours are. */
const FOREIGN = new Set([
  ...Object.keys(foreign),
  ...Object.keys(foreignLayers).map((name) => `nn.${name}`),
  ...Object.keys(foreignDraws).map((name) => `random.${name}`),
  ...Object.keys(foreignOptimizers).map((name) => `optim.${name}`),
]);
/** For the library and its tests. */
const OTHERS = /^(testing\.|errorOf$|init$|reset$|makeDual$|unpackDual$)/;

const isClass = (f: unknown) => typeof f === "function" && /^class\b/.test(Function.prototype.toString.call(f));
function functions(space: Record<string, unknown>, path = ""): [string, (...args: unknown[]) => unknown][] {
  return Object.entries(space).flatMap(([key, value]): [string, (...args: unknown[]) => unknown][] => {
    const name = path + key;
    if (OTHERS.test(name) || FOREIGN.has(name)) return [];
    if (typeof value === "function") return isClass(value) ? [] : [[name, value as (...args: unknown[]) => unknown]];
    return typeof value === "object" && value !== null ? functions(value as Record<string, unknown>, `${name}.`) : [];
  });
}

const surplus = { surplus: true };
function expectRefused(name: string, run: (...args: unknown[]) => unknown, call: Call): void {
  ad.scope(() => {
    expect(() => run(...call.map((make) => make())), `${name} as it is meant`).not.toThrow();
    let error: unknown;
    try {
      run(...call.map((make) => make()), surplus);
    } catch (thrown) {
      error = thrown;
    }
    expect(error, `${name} with an argument too many`).toBeInstanceOf(ad.ValueError);
    expect((error as Error).message).toContain("would be ignored");
    return null;
  });
}

const all = functions(ad as unknown as Record<string, unknown>);

describe("functions", () => {
  it.each(all.filter(([name]) => !VARIADIC.includes(name)))("%s", (name, f) => {
    const own =
      calls[name] ??
      calls[name.replace("nn.functional.", "")] ??
      calls[name.replace("nn.functional.", "nn.")] ??
      (f.length === 1 ? unary : undefined);
    expect(own, `${name} has no call in this table`).toBeDefined();
    expectRefused(name, f, own!);
  });
});

it("dual numbers", () => {
  ad.dualLevel(() => {
    expectRefused("makeDual", ad.makeDual as never, binary);
    expectRefused("unpackDual", ad.unpackDual as never, unary);
  });
});

const { nn, optim, data } = ad;
const constructors: [string, new (...args: any[]) => unknown, Call][] = [
  ...(["Normal", "LogNormal", "Laplace", "Gamma", "Beta"] as const).map((name): [string, new (...args: any[]) => unknown, Call] => [
    name,
    ad.distributions[name],
    [() => 1, () => 1],
  ]),
  ["Uniform", ad.distributions.Uniform, [() => 0, () => 1]],
  ["Exponential", ad.distributions.Exponential, [() => 1]],
  ["Poisson", ad.distributions.Poisson, [() => 1]],
  ["Dirichlet", ad.distributions.Dirichlet, [() => [1, 1]]],
  ["StudentT", ad.distributions.StudentT, [() => 1, () => 0, () => 1]],
  ["Bernoulli", ad.distributions.Bernoulli, [() => ({ probs: 0.5 })]],
  ["Categorical", ad.distributions.Categorical, [() => ({ probs: [1, 1] })]],
  ["MultivariateNormal", ad.distributions.MultivariateNormal, [() => [0], () => ({ scaleTril: [[1]] })]],
  ["Linear", nn.Linear, [() => 2, () => 1, () => ({})]],
  ["Embedding", nn.Embedding, [() => 3, () => 2, () => ({})]],
  ...(["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout"] as const).map(
    (name): [string, new (...args: any[]) => unknown, Call] => [name, nn[name], [() => 0.5]],
  ),
  ...(["RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"] as const).map((name): [string, new (...args: any[]) => unknown, Call] => [
    name,
    nn[name],
    [() => 2, () => 3, () => ({})],
  ]),
  ["LayerNorm", nn.LayerNorm, [() => 2, () => ({})]],
  ["MultiheadAttention", nn.MultiheadAttention, [() => 4, () => 2, () => ({})]],
  ["TransformerEncoderLayer", nn.TransformerEncoderLayer, [() => 4, () => 2, () => ({})]],
  ["TransformerDecoderLayer", nn.TransformerDecoderLayer, [() => 4, () => 2, () => ({})]],
  ["TransformerEncoder", nn.TransformerEncoder, [() => () => new nn.TransformerEncoderLayer(4, 2), () => 1, () => ({})]],
  ["TransformerDecoder", nn.TransformerDecoder, [() => () => new nn.TransformerDecoderLayer(4, 2), () => 1, () => ({})]],
  ["LearnedPositionalEncoding", nn.LearnedPositionalEncoding, [() => 5, () => 4, () => ({})]],
  ["PositionalEncoding", nn.PositionalEncoding, [() => 4, () => ({})]],
  ["RMSNorm", nn.RMSNorm, [() => 2, () => ({})]],
  ["GroupNorm", nn.GroupNorm, [() => 2, () => 4, () => ({})]],
  ...(["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"] as const).map(
    (name): [string, new (...args: any[]) => unknown, Call] => [name, nn[name], [() => 2, () => ({})]],
  ),
  ["Flatten", nn.Flatten, [() => 1, () => -1]],
  ["Conv2d", nn.Conv2d, [() => 1, () => 1, () => 2, () => ({})]],
  ["ConvTranspose2d", nn.ConvTranspose2d, [() => 1, () => 1, () => 2, () => ({})]],
  ["MaxPool2d", nn.MaxPool2d, [() => 2, () => ({})]],
  ["GELU", nn.GELU, [() => ({})]],
  ["ELU", nn.ELU, [() => 1]],
  ["LeakyReLU", nn.LeakyReLU, [() => 0.1]],
  ["Softmax", nn.Softmax, [() => 0]],
  ["LogSoftmax", nn.LogSoftmax, [() => 0]],
  ["Parameter", nn.Parameter, [x]],
  ["SGD", optim.SGD, [parameters, () => ({})]],
  ["Adam", optim.Adam, [parameters, () => ({})]],
  ["AdamW", optim.AdamW, [parameters, () => ({})]],
  ["AveragedParameters", optim.AveragedParameters, [parameters, () => ({})]],
  ["LBFGS", optim.LBFGS, [parameters, () => ({})]],
  ["LevenbergMarquardt", optim.LevenbergMarquardt, [parameters, () => ({})]],
  ...(["Adadelta", "Adagrad", "Adamax", "ASGD", "Lion", "NAdam", "RAdam", "RMSprop", "Rprop"] as const).map(
    (name): [string, new (...args: any[]) => unknown, Call] => [name, optim[name], [parameters, () => ({})]],
  ),
  ...(["CrossEntropyLoss", "NLLLoss", "MSELoss", "L1Loss", "HuberLoss", "BCEWithLogitsLoss", "KLDivLoss", "CosineSimilarity"] as const).map(
    (name): [string, new (...args: any[]) => unknown, Call] => [name, nn[name], [() => ({})]],
  ),
  ...(
    [
      "SmoothL1Loss",
      "BCELoss",
      "PoissonNLLLoss",
      "GaussianNLLLoss",
      "HingeEmbeddingLoss",
      "SoftMarginLoss",
      "MultiMarginLoss",
      "MultiLabelSoftMarginLoss",
      "MarginRankingLoss",
      "CosineEmbeddingLoss",
      "TripletMarginLoss",
    ] as const
  ).map((name): [string, new (...args: any[]) => unknown, Call] => [name, nn[name], [() => ({})]]),
  ["DataLoader", data.DataLoader, [() => new data.TensorDataset(x()), () => ({})]],
];
describe("constructors", () => {
  it.each(constructors)("%s", (name, Made, call) => expectRefused(name, (...args) => new Made(...args), call));
});

const linear = () => new nn.Linear(2, 2);
const recorded = () => ad.tensor(2, { requiresGrad: true }).square();
const sgd = () => new optim.SGD(parameters(), { lr: 0.1 });
const methods: [string, () => object, Call][] = [
  ...["parameters", "namedParameters", "namedBuffers", "children", "modules", "eval", "zeroGrad", "stateDict"].map(
    (name): [string, () => object, Call] => [name, linear, none],
  ),
  ["train", linear, [() => true]],
  ["loadStateDict", linear, [() => linear().stateDict(), () => ({})]],
  ["forward", linear, [m]],
  ["forward", () => new nn.Sequential(new nn.ReLU()), [m]],
  ["forward", () => new nn.ReLU(), [m]],
  ["forward", () => new nn.GELU(), [m]],
  ["forward", () => new nn.ELU(), [m]],
  ["forward", () => new nn.LeakyReLU(), [m]],
  ["forward", () => new nn.Softmax(), [m]],
  ["forward", () => new nn.LogSoftmax(), [m]],
  ["forward", () => new nn.Flatten(), [m]],
  ["forward", () => new nn.Dropout(), [m]],
  ["forward", () => new nn.Embedding(3, 2), [ints]],
  ["forward", () => new nn.MSELoss(), [x, x]],
  ["step", sgd, [() => () => 1]],
  ["minimize", sgd, [recorded]],
  ["zeroGrad", sgd, none],
  ["stateDict", sgd, none],
  ["loadStateDict", sgd, [() => sgd().stateDict()]],
  ["addParamGroup", sgd, [() => ({ params: parameters() })]],
  ["backward", recorded, [() => 1, () => ({})]],
  ["registerHook", recorded, [() => () => {}]],
  ["retainGrad", recorded, none],
  ["detach", recorded, none],
  ["zeroGrad", () => parameters()[0]!, none],
  ["assign", x, [x]],
  ["evaluate", () => ad.symbolic(square)(one()), [() => ({ x: 1 })]],
];
describe("methods", () => {
  it.each(methods)("%s", (name, make, call) =>
    expectRefused(name, (...args) => (make() as Record<string, (...args: unknown[]) => unknown>)[name]!(...args), call),
  );

  it("of tensors are the functions", () => {
    for (const name of ["add", "sin", "sum", "reshape"] as const)
      expect(
        () => (x() as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!(...(name === "add" ? [1] : []), surplus),
        name,
      ).toThrow(ad.ValueError);
  });
});

describe("results of transforms", () => {
  it("pullbacks and pushforwards", () => {
    ad.scope(() => {
      expectRefused("pullback", ad.vjp(vector, x())[1] as never, unary);
      expect(() => (ad.linearize(vector, x())[1] as (...args: unknown[]) => unknown)(x(), surplus)).toThrow(ad.ValueError);
    });
  });
});

it("map and reduce of arrays may be used, though they pass more", () => {
  ad.scope(() => {
    expect([one(), x()].map(ad.exp).length).toBe(2);
    expect([1, 2].map(ad.random.key).length).toBe(2);
    expect([one(), one(), one()].reduce(ad.add).item()).toBe(6);
    expect([one(), x()].map(ad.keep).length).toBe(2);
  });
});

it("an expression is evaluated at its own variables", () => {
  const f = ad.symbolic((v: ad.Tensor, w: ad.Tensor) => v.square().add(w))(one(), one());
  expect(f.evaluate({ x: 2, y: 1 })).toBe(5);
  expect(f.derivative("x").evaluate({ x: 2, y: 1 })).toBe(4);
  expect(f.derivative("x").mul(f.derivative("y")).evaluate({ x: 2, y: 1 })).toBe(4);
  expect(() => f.evaluate({ x: 2, y: 1, z: 3 })).toThrow(/"z" is no variable of this expression; it has x, y/);
});
