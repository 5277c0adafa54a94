// The cost laws of differentiation, measured and drawn: node bench/laws/run.mjs writes docs/laws/*.svg and prints the numbers.
import { mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as ad from "adjoint";
import { draw } from "./draw.mjs";

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../docs/laws");
mkdirSync(folder, { recursive: true });

/** Microseconds of one call: the least of several, since noise only adds. */
function cost(run, milliseconds = 60) {
  let best = Infinity;
  const end = performance.now() + milliseconds;
  do {
    const start = performance.now();
    ad.scope(run);
    best = Math.min(best, performance.now() - start);
  } while (performance.now() < end);
  return best * 1e3;
}

/** The exponent p of cost ~ size^p, by least squares on the logarithms of the larger half. */
function exponent(rows) {
  const points = rows.slice(Math.floor(rows.length / 2)).map(({ x, y }) => [Math.log(x), Math.log(y)]);
  const mean = (k) => points.reduce((s, p) => s + p[k], 0) / points.length;
  const [mx, my] = [mean(0), mean(1)];
  return points.reduce((s, [x, y]) => s + (x - mx) * (y - my), 0) / points.reduce((s, [x]) => s + (x - mx) ** 2, 0);
}

const f64 = (n, seed = 1) => ad.random.uniform(ad.random.key(seed), n, { dtype: "float64" });

/** One output of K inputs: differences evaluate K times, reverse mode once. */
async function inputs() {
  const sizes = [500, 1000, 2000, 4000, 8000, 16000];
  const f = (x) => x.sin().mul(x.exp()).sum();
  const rows = [];
  for (const K of sizes) {
    const x = f64([K]);
    rows.push({ series: "reverse mode", x: K, y: cost(() => ad.grad(f)(x)) });
    if (K <= 4000) rows.push({ series: "differences", x: K, y: cost(() => ad.numericalGrad(f, { method: "forward" })(x), 1) });
  }
  const of = (name) => rows.filter((r) => r.series === name);
  console.log(
    `one output, K inputs: differences ~ K^${exponent(of("differences")).toFixed(2)}, reverse mode ~ K^${exponent(of("reverse mode")).toFixed(2)}`,
  );
  await draw(path.join(folder, "inputs.svg"), {
    title: "Gradient of one output",
    x: "inputs K",
    y: "microseconds",
    rows,
    logarithmic: true,
  });
}

/** n inputs, m outputs: forward mode pays by inputs, reverse mode by outputs. */
async function jacobians() {
  const rows = [];
  const make = (n, m) => {
    const w = f64([m, n], 2);
    return (x) => w.matmul(x).tanh();
  };
  for (const size of [16, 32, 64, 128, 256, 512]) {
    const wide = make(size, 4);
    const tall = make(4, size);
    rows.push({ series: "forward, inputs grow", x: size, y: cost(() => ad.jacfwd(wide)(f64([size]))) });
    rows.push({ series: "reverse, inputs grow", x: size, y: cost(() => ad.jacrev(wide)(f64([size]))) });
    rows.push({ series: "forward, outputs grow", x: size, y: cost(() => ad.jacfwd(tall)(f64([4]))) });
    rows.push({ series: "reverse, outputs grow", x: size, y: cost(() => ad.jacrev(tall)(f64([4]))) });
  }
  const last = (name) => rows.filter((r) => r.series === name).at(-1).y;
  console.log(
    `512 inputs, 4 outputs: forward ${last("forward, inputs grow").toFixed(0)} µs, reverse ${last("reverse, inputs grow").toFixed(0)} µs; 4 inputs, 512 outputs: forward ${last("forward, outputs grow").toFixed(0)} µs, reverse ${last("reverse, outputs grow").toFixed(0)} µs`,
  );
  await draw(path.join(folder, "jacobians.svg"), {
    title: "Jacobians, 4 on the other side",
    x: "inputs or outputs",
    y: "microseconds",
    rows,
    logarithmic: true,
  });
}

/** Memory at the end of a deep function whose layers run in scopes of their own. */
async function memory() {
  const layer = (x) => ad.scope(() => x.sin().mul(x).add(1).tanh());
  const deep =
    (depth, wrap = (f) => f) =>
    (x) => {
      let y = x;
      for (let i = 0; i < depth; i++) {
        const next = wrap(layer)(y);
        // Nobody needs the layer's input any more, apart from a tape, which keeps what it needs.
        if (i > 0) y.dispose();
        y = next;
      }
      return y;
    };
  const rows = [];
  for (const depth of [10, 20, 40, 80, 160]) {
    const x = f64([10_000]);
    const held = (run) => {
      const before = ad.memory().bytes;
      let most = 0;
      ad.scope(() => run((y) => ((most = ad.memory().bytes - before), y.sum())));
      return most / 2 ** 20;
    };
    rows.push({ series: "function", x: depth, y: held((end) => end(deep(depth)(x))) });
    rows.push({ series: "forward mode", x: depth, y: held((end) => ad.jvp((v) => end(deep(depth)(v)), [x], [x])) });
    rows.push({ series: "reverse mode", x: depth, y: held((end) => ad.grad((v) => end(deep(depth)(v)))(x)) });
    rows.push({ series: "reverse, checkpointed", x: depth, y: held((end) => ad.grad((v) => end(deep(depth, ad.checkpoint)(v)))(x)) });
  }
  const at = (name) =>
    rows
      .filter((r) => r.series === name)
      .map((r) => r.y.toFixed(2))
      .join(", ");
  for (const name of ["function", "forward mode", "reverse mode", "reverse, checkpointed"])
    console.log(`memory at depth 10 to 160, ${name}: ${at(name)} MB`);
  const time = (wrap) => cost(() => ad.grad((v) => deep(80, wrap)(v).sum())(f64([10_000])), 200) / 1e3;
  console.log(`depth 80: gradient ${time().toFixed(2)} ms, checkpointed ${time(ad.checkpoint).toFixed(2)} ms`);
  await draw(path.join(folder, "memory.svg"), { title: "Memory held at the end of the forward pass", x: "depth", y: "MB", rows });
}

/** How much dearer a gradient is than its function. */
async function ratios() {
  const deep = (x) => {
    let y = x;
    for (let i = 0; i < 300; i++) y = y.sin().mul(x).add(y);
    return y;
  };
  const [w1, w2, images] = [f64([784, 128], 3), f64([128, 10], 4), f64([64, 784], 5)].map((t) => t.cast("float32"));
  const mlp = (p) => images.matmul(p[0]).relu().matmul(p[1]).logSoftmax(1).mean();
  const functions = {
    "deep scalar": [deep, f64([])],
    "deep, 1000 numbers": [(x) => deep(x).sum(), f64([1000])],
    "MLP 784-128-10": [mlp, [w1, w2]],
  };
  const rows = [];
  for (const [name, [f, x]] of Object.entries(functions)) {
    const [value, gradient] = [cost(() => f(x), 300), cost(() => ad.grad(f)(x), 300)];
    rows.push({ series: "gradient / function", x: name, y: gradient / value });
    console.log(`${name}: function ${value.toFixed(0)} µs, gradient ${gradient.toFixed(0)} µs, ratio ${(gradient / value).toFixed(2)}`);
  }
  await draw(path.join(folder, "ratios.svg"), {
    title: "Cost of a gradient in functions",
    x: "",
    y: "gradient / function",
    rows,
    bars: true,
  });
}

await inputs();
await jacobians();
await memory();
await ratios();
