/** Heads, stacks and positions as they are used; their numbers against PyTorch's stand in pytorch.test.ts. */
import * as ad from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";
import { isRefused } from "../support/refusal.js";

endsAtBaseline();
const { nn } = ad;
const draw = (seed: number, ...shape: number[]) => ad.random.normal(ad.random.key(seed), shape, { dtype: "float64" });
const near = (a: ad.Tensor, b: ad.Tensor, tolerance = 1e-12) => expect(ad.allclose(a, b, { rtol: tolerance, atol: tolerance })).toBe(true);

describe("MultiheadAttention", () => {
  it("gives the same output with weights and without, whose rows sum to 1", () => {
    const layer = new nn.MultiheadAttention(8, 2, { dtype: "float64", batchFirst: true });
    clean(() => {
      const [q, k] = [draw(1, 3, 5, 8), draw(2, 3, 7, 8)];
      const [y, weights] = layer.forward(q, k, k);
      const [same, none] = layer.forward(q, k, k, { needWeights: false });
      near(same, y);
      expect(none).toBe(null);
      near(weights!.sum(-1), ad.ones([3, 5], { dtype: "float64" }));
      expect(layer.forward(q, k, k, { averageAttnWeights: false })[1]!.shape).toEqual([3, 2, 5, 7]);
    });
    layer.dispose();
  });

  it("takes bool masks as PyTorch does (true hides), numbers, and both together", () => {
    const layer = new nn.MultiheadAttention(4, 1, { dtype: "float64", batchFirst: true });
    clean(() => {
      const x = draw(3, 2, 3, 4);
      const hidden = ad.tensor([
        [false, false, true],
        [false, true, false],
      ]);
      const added = draw(4, 3, 3);
      const [, weights] = layer.forward(x, x, x, { keyPaddingMask: hidden, attnMask: added });
      expect(weights!.at(0).toArray()).toMatchObject([{ 2: 0 }, { 2: 0 }, { 2: 0 }]);
      expect(weights!.at(1).toArray()).toMatchObject([{ 1: 0 }, { 1: 0 }, { 1: 0 }]);
      const scores = ad.where(hidden.unsqueeze(1), -Infinity, added);
      near(layer.forward(x, x, x, { attnMask: scores })[0], layer.forward(x, x, x, { keyPaddingMask: hidden, attnMask: added })[0]);
      // What sees nothing takes nothing.
      const blind = layer.forward(x, x, x, { attnMask: ad.ones([3, 3]).gt(0) })[0];
      near(blind, layer.outProj.bias!.broadcastTo([2, 3, 4]));
    });
    layer.dispose();
  });

  it("goes through long causal sequences in blocks, with the same gradients", () => {
    const layer = new nn.MultiheadAttention(4, 1, { dtype: "float64", batchFirst: true });
    clean(() => {
      const x = draw(5, 1, 300, 4);
      const loss = (needWeights: boolean) => (x: ad.Tensor) => layer.forward(x, x, x, { isCausal: true, needWeights })[0].sin().sum();
      near(ad.grad(loss(false))(x) as ad.Tensor, ad.grad(loss(true))(x) as ad.Tensor, 1e-10);
    });
    layer.dispose();
  });

  it("refuses what does not fit, and says what would", () => {
    const layer = new nn.MultiheadAttention(4, 2);
    clean(() => {
      const x = ad.ones([3, 2, 4]);
      isRefused(() => new nn.MultiheadAttention(5, 2), ad.ValueError, /5.*2 heads/);
      isRefused(() => new nn.MultiheadAttention(4, 2, { heads: 3 } as object), ad.ValueError, /heads/);
      isRefused(() => layer.forward(ad.ones([3, 2, 5]), x, x), ad.ShapeError, /query.*\[3, 2, 5\].*4\]/);
      isRefused(() => layer.forward(x, ad.ones([3, 1, 4]), x), ad.ShapeError, /key \[3, 1, 4\]/);
      isRefused(() => layer.forward(x, x, x, { attnMask: ad.ones([2, 2]) }), ad.ShapeError, /attnMask.*\[3, 3\] or \[4, 3, 3\]/);
      isRefused(() => layer.forward(x, x, x, { keyPaddingMask: ad.ones([3, 2]) }), ad.ShapeError, /keyPaddingMask.*\[2, 3\]/);
      isRefused(() => layer.forward(x, x, x, { isCausal: 1 } as object), ad.ValueError, /isCausal/);
    });
    layer.dispose();
  });
});

describe("stacks", () => {
  it("copy the layer they are given, or make their own, and normalize at the end", () => {
    const layer = new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 6, dropout: 0, dtype: "float64" });
    const norm = new nn.LayerNorm(4, { dtype: "float64" });
    const stack = new nn.TransformerEncoder(layer, 2, { norm });
    const own = new nn.TransformerEncoder(() => new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 6 }), 2);
    clean(() => {
      const x = draw(1, 5, 3, 4);
      near(stack.forward(x, { isCausal: true }), norm.forward(layer.forward(layer.forward(x, { isCausal: true }), { isCausal: true })));
      expect(stack.layers[0]!.linear1.weight === layer.linear1.weight).toBe(false);
      expect(ad.allclose(own.layers[0]!.linear1.weight, own.layers[1]!.linear1.weight)).toBe(false);
      expect(Object.keys(stack.stateDict())[0]).toBe("layers.0.self_attn.in_proj_weight");
      isRefused(() => new nn.TransformerEncoder(nn as never, 2), ad.ValueError, /function that makes one/);
    });
    class Mine extends nn.TransformerEncoderLayer {}
    const mine = new Mine(4, 2, { dimFeedforward: 6 });
    isRefused(() => new nn.TransformerEncoder(mine, 2), ad.ValueError, /class of your own/);
    isRefused(() => new nn.TransformerEncoderLayer(4, 2, { activation: "tanh" as "relu" }), ad.ValueError, /"relu", "gelu"/);
    for (const module of [stack, own, layer, mine]) module.dispose();
  });

  it("of a decoder pass the memory to every layer", () => {
    const layer = new nn.TransformerDecoderLayer(4, 2, { dimFeedforward: 6, dropout: 0, dtype: "float64" });
    const stack = new nn.TransformerDecoder(layer, 2);
    clean(() => {
      const [x, memory] = [draw(1, 5, 3, 4), draw(2, 7, 3, 4)];
      near(
        stack.forward(x, memory, { tgtIsCausal: true }),
        layer.forward(layer.forward(x, memory, { tgtIsCausal: true }), memory, { tgtIsCausal: true }),
      );
    });
    stack.dispose();
    layer.dispose();
  });
});

it("a small transformer learns to repeat what it saw, compiled", () => {
  ad.manualSeed(3);
  class Repeater extends nn.Module {
    tokens = new nn.Embedding(8, 16);
    positions = new nn.PositionalEncoding(16, { dropout: 0, batchFirst: true });
    encoder = new nn.TransformerEncoder(
      () => new nn.TransformerEncoderLayer(16, 2, { dimFeedforward: 32, dropout: 0.1, batchFirst: true, normFirst: true }),
      1,
    );
    head = new nn.Linear(16, 8);
    forward(x: ad.Tensor) {
      return this.head.forward(this.encoder.forward(this.positions.forward(this.tokens.forward(x)), { isCausal: true }));
    }
  }
  const net = new Repeater();
  const optimizer = new ad.optim.Adam(net.parameters(), { lr: 0.01 });
  const step = ad.compile((x: ad.Tensor, y: ad.Tensor) => {
    const loss = nn.crossEntropy(net.forward(x).reshape([-1, 8]), y.flatten());
    optimizer.minimize(loss);
    return loss;
  });
  // The token before: position alone, or content alone, does not tell it.
  const batch = (seed: number) => {
    const x = ad.random.randint(ad.random.key(seed), [16, 6], { minval: 0, maxval: 8 });
    return [x, ad.concat([x.slice([0, 0], [16, 1]), x.slice([0, 0], [16, 5])], 1)] as const;
  };
  let last = 0;
  for (let i = 0; i < 150; i++)
    ad.scope(() => {
      last = (step(...batch(i)) as ad.Tensor).item();
    });
  expect(last).toBeLessThan(0.5);
  ad.scope(() => {
    const [x, y] = batch(1000);
    net.eval();
    expect(net.forward(x).argmax(-1).eq(y).cast("float32").mean().item()).toBeGreaterThan(0.95);
  });
  net.dispose();
});

describe("positions", () => {
  it("are waves of growing length, for any length and layout", () => {
    clean(() => {
      const p = nn.sinusoidalPositions(50, 6, { dtype: "float64" });
      expect(p.at(7, 2).item()).toBeCloseTo(Math.sin(7 / 10000 ** (2 / 6)), 14);
      expect(p.at(7, 5).item()).toBeCloseTo(Math.cos(7 / 10000 ** (4 / 6)), 14);
      expect(nn.sinusoidalPositions(3, 5).shape).toEqual([3, 5]);
      const x = draw(1, 50, 2, 6);
      near(new nn.PositionalEncoding(6).eval().forward(x), x.add(p.unsqueeze(1)));
      near(new nn.PositionalEncoding(6, { batchFirst: true }).eval().forward(x.transpose([1, 0, 2])), x.transpose([1, 0, 2]).add(p));
      isRefused(() => new nn.PositionalEncoding(6).forward(ad.ones([2, 5])), ad.ShapeError, /\[2, 5\].*6\]/);
      isRefused(() => nn.sinusoidalPositions(2, 4, { base: 0 }), ad.ValueError, /base/);
    });
  });

  it("that are learned are rows for sequences up to a length", () => {
    const layer = new nn.LearnedPositionalEncoding(5, 2, { dropout: 0, dtype: "float64" });
    clean(() => {
      const x = draw(1, 4, 2);
      near(layer.forward(x), x.add(layer.weight.slice([0, 0], [4, 2])));
      isRefused(() => layer.forward(ad.ones([6, 2])), ad.ShapeError, /length 6.*maxLength = 5/);
      isRefused(() => layer.forward(ad.ones([3, 4])), ad.ShapeError, /\[3, 4\].*2\]/);
      isRefused(() => new nn.LearnedPositionalEncoding(0, 2), ad.ValueError, /maxLength/);
    });
    layer.dispose();
  });
});
