/** Products in compiled programs: those with the identity, which are none, and those of layers, whose weights lie by columns. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const bits = (x: Tensor) => [...new Uint8Array(new Float64Array(x.cast("float64").toArray().flat(9) as number[]).buffer)].join();
const difference = (a: Tensor, b: Tensor) => a.sub(b).abs().max().item() / b.abs().max().item();
const last = (program: ad.Program) => String(program).split("\nfused:").at(-1)!;

describe("products with rows of the identity", () => {
  const special = [
    [1, -0, 2],
    [Number.NaN, Number.POSITIVE_INFINITY, -3],
    [0, Number.NEGATIVE_INFINITY, 0.5],
  ];

  for (const dtype of ["float32", "float64"] as const)
    for (const [name, options] of Object.entries({ whole: {}, chunks: { chunkSize: 2 } }))
      it(`are parts of the other factor, to the bit, in a Jacobian: ${dtype}, ${name}`, () => {
        clean(() => {
          const a = ad.tensor(special, { dtype });
          const x = ad.tensor([0.5, 1, -2], { dtype });
          for (const scale of [1, -0.75]) {
            const f = (x: Tensor) => x.mul(scale).matmul(a).mul(scale);
            const jacobian = ad.compile((x: Tensor) => ad.jacfwd(f, options)(x));
            const expected = ad.jacfwd(f, options)(x) as Tensor;
            for (let i = 0; i < 3; i++) expect(bits(jacobian(x) as Tensor)).toBe(bits(expected));
            expect(last(jacobian.program(x))).not.toContain("matmul");
          }
        });
      });

  it("leave a Hessian of a quadratic form without a product", () => {
    clean(() => {
      const a = ad.random.normal(ad.random.key(1), [20, 20], { dtype: "float64" });
      const f = (x: Tensor) => x.matmul(a).mul(x).sum().add(x.exp().sum());
      const x = ad.random.normal(ad.random.key(2), [20], { dtype: "float64" });
      const hessian = ad.compile((x: Tensor) => ad.hessian(f)(x));
      const expected = ad.hessian(f)(x) as Tensor;
      for (let i = 0; i < 3; i++) expect(bits(hessian(x) as Tensor)).toBe(bits(expected));
      expect(last(hessian.program(x))).not.toContain("matmul");
    });
  });

  it("are only those: other literals, and plain products, in which 0 times Infinity is NaN, stay products", () => {
    clean(() => {
      const a = ad.tensor(special);
      const eye = ad.compile(() => ad.eye(3).matmul(a));
      const almost = ad.compile((x: Tensor) => ad.jacfwd((x: Tensor) => x.matmul(a))(x.add(0)));
      for (let i = 0; i < 2; i++) {
        expect(bits(eye())).toBe(bits(ad.eye(3).matmul(a)));
        expect(bits(almost(ad.ones([2, 3])) as Tensor)).toBe(bits(ad.jacfwd((x: Tensor) => x.matmul(a))(ad.ones([2, 3])) as Tensor));
      }
      expect(last(eye.program())).toContain("matmul");
    });
  });
});

describe("products with transposed weights", () => {
  const shapes = [
    [1, 5, 3],
    [7, 9, 17],
    [33, 40, 12],
    [13, 300, 11],
  ] as const;

  it.each(shapes)("have the gradients of the written-out transposition: %i rows, %i to %i", (rows, inner, columns) => {
    clean(() => {
      const [k0, k1, k2] = ad.random.split(ad.random.key(3), 3) as unknown as [Tensor, Tensor, Tensor];
      const x = ad.random.normal(k0, [rows, inner], { dtype: "float64" });
      const w = ad.random.normal(k1, [columns, inner], { dtype: "float64" });
      const c = ad.random.normal(k2, [rows, columns], { dtype: "float64" });
      const written = w.T.add(0);
      const by = (x: Tensor, w: Tensor) => x.matmul(w.T).mul(c).sum();
      const [dx, dw] = ad.grad(by, { argnums: [0, 1] })(x, w) as unknown as [Tensor, Tensor];
      const [ex, ew] = ad.grad((x: Tensor, t: Tensor) => x.matmul(t).mul(c).sum(), { argnums: [0, 1] })(x, written) as unknown as [
        Tensor,
        Tensor,
      ];
      expect(difference(dx, ex)).toBeLessThan(1e-11);
      expect(difference(dw, ew.T)).toBeLessThan(1e-11);
      // Batches share one weight.
      const batches = ad.stack([x, x.mul(2)]);
      const db = ad.grad((w: Tensor) => batches.matmul(w.T).mul(c).sum())(w) as Tensor;
      expect(difference(db, dw.mul(3))).toBeLessThan(1e-11);
    });
  });

  it("leave nothing to be copied: a weight's gradient lies as the weight does", () => {
    clean(() => {
      const net = new ad.nn.Linear(20, 30);
      const optimizer = new ad.optim.SGD(net.parameters(), { lr: 0.1 });
      const step = ad.compile((x: Tensor) => {
        const loss = net.forward(x).square().mean();
        optimizer.minimize(loss);
        return loss;
      });
      const x = ad.ones([40, 20]);
      step(x);
      // The transpositions are views and stand first; behind the products there is none.
      const text = last(step.program(x));
      expect(text.lastIndexOf(" transpose")).toBeLessThan(text.indexOf(" matmul"));
      [...net.parameters()].forEach((p) => p.dispose());
    });
  });
});

it("computes tanh and its derivative together, however far apart they stand", () => {
  clean(() => {
    const w = ad.random.normal(ad.random.key(4), [20, 20]);
    const f = (x: Tensor) => x.add(1).tanh().matmul(w).add(2).tanh().square().sum();
    const gradient = ad.compile((x: Tensor) => ad.grad(f)(x));
    const x = ad.random.normal(ad.random.key(5), [20, 20]);
    const expected = ad.grad(f)(x) as Tensor;
    for (let i = 0; i < 3; i++) expect(bits(gradient(x) as Tensor)).toBe(bits(expected));
    const groups = last(gradient.program(x)).split("fused").slice(1);
    const together = groups.filter((text) => / tanh /.test(text) && / tanhDerivative /.test(text));
    expect(together).toHaveLength(2);
  });
});
