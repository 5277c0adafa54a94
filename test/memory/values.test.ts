/** A graph keeps the numbers it was computed from, whoever writes afterwards; a second handle of a value is no rival of the first. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[], requiresGrad = false) => ad.tensor(value, { dtype: "float64", requiresGrad });
const numbers = (x: Tensor | null) => x?.toArray() ?? null;

/** Ways to write into a tensor; `plain` says which take one that is no parameter. */
const writers: { name: string; plain: boolean; write: (x: Tensor, value: number) => void }[] = [
  { name: "assign", plain: true, write: (x, value) => void x.assign(f64([value])) },
  { name: "assign of an array", plain: true, write: (x, value) => void x.assign([value]) },
  {
    name: "loadStateDict",
    plain: true,
    write: (x, value) =>
      new (class extends ad.nn.Module<void> {
        x = x;
        forward() {}
      })().loadStateDict({ x: f64([value]) }),
  },
  {
    name: "SGD",
    plain: false,
    write(x, value) {
      const kept = x.grad;
      x.grad = x.detach().sub(value);
      new ad.optim.SGD([x], { lr: 1 }).step();
      x.grad = kept;
    },
  },
];

/** Derivatives of 3 t by 3, written to in the middle: each is t as it was, 2. */
const situations: { name: string; run: (t: Tensor, write: () => void) => unknown }[] = [
  {
    name: "backward()",
    run(t, write) {
      const w = f64([3], true);
      const y = w.mul(t);
      write();
      y.sum().backward();
      return numbers(w.grad);
    },
  },
  {
    name: "backward() through a view and another graph",
    run(t, write) {
      const w = f64([3], true);
      const y = w
        .mul(t.reshape([1, 1]))
        .sum()
        .add(t.detach().mul(0).sum());
      write();
      y.backward();
      return numbers(w.grad);
    },
  },
  {
    name: "grad",
    run: (t, write) =>
      numbers(
        ad.grad((x) => {
          const y = x.mul(t);
          write();
          return y.sum();
        })(f64([3])),
      ),
  },
  {
    name: "vjp, its pullback called later",
    run(t, write) {
      const [out, pull] = ad.vjp((x) => x.mul(t), f64([3]));
      write();
      expect(numbers(out)).toEqual([6]);
      return numbers(pull(f64([1]))[0]);
    },
  },
  {
    name: "vjp in the tensor itself",
    run(t, write) {
      const [, pull] = ad.vjp((x) => x.square().div(2), t);
      write();
      return numbers(pull(f64([1]))[0]);
    },
  },
  { name: "jvp", run: (t, write) => numbers(ad.jvp((x) => (write(), x.mul(3)), [t], [f64([1])])[0].div(3)) },
  {
    name: "jvp of a capture",
    run: (t, write) =>
      numbers(
        ad.jvp(
          (x) => {
            const y = x.mul(t);
            write();
            return y.mul(1);
          },
          [f64([3])],
          [f64([1])],
        )[1],
      ),
  },
  { name: "vmap of the tensor", run: (t, write) => numbers(ad.vmap((x) => (write(), x.mul(1)))(t)) },
  {
    name: "grad of grad",
    run: (t, write) =>
      numbers(
        ad.grad((x) =>
          ad
            .grad((y) => {
              const z = y.square().mul(t).div(2);
              write();
              return z.sum();
            })(x)
            .sum(),
        )(f64([3])),
      ),
  },
  {
    name: "a custom rule's residual",
    run(t, write) {
      const f = ad.customVjp((x, t) => x.mul(t), {
        forward: (x, t) => [x.mul(t), t],
        backward: (residual, ct) => [ct.mul(residual), null],
      });
      const x = f64([3], true);
      const y = f(x, t);
      write();
      y.sum().backward();
      return numbers(x.grad);
    },
  },
  {
    name: "checkpoint, which runs its function again",
    run(t, write) {
      const x = f64([3], true);
      const y = ad.checkpoint((x, t) => x.mul(t))(x, t);
      write();
      y.sum().backward();
      return numbers(x.grad);
    },
  },
];

describe("what was computed keeps its numbers", () => {
  for (const { name: way, plain, write } of writers) {
    for (const { name, run } of situations) {
      for (const requiresGrad of plain ? [false, true] : [true]) {
        it(`${way} to a ${requiresGrad ? "parameter" : "plain tensor"} and ${name}`, () => {
          ad.scope(() => {
            const t = f64([2], requiresGrad);
            expect(run(t, () => write(t, 10))).toEqual([2]);
            expect(numbers(t)).toEqual([10]);
          });
        });
      }
    }
  }

  it("a result that its own rule reads", () => {
    ad.scope(() => {
      const [out, pull] = ad.vjp((x) => x.square().sqrt(), f64([2]));
      out.assign([1000]);
      expect(numbers(pull(f64([1]))[0])).toEqual([1]);
      const w = f64([2], true);
      const y = w.square().sqrt();
      y.detach().assign([1000]);
      y.sum().backward();
      expect(numbers(w.grad)).toEqual([1]);
      w.dispose();
    });
  });

  it("an optimizer's state that a graph uses", () => {
    ad.scope(() => {
      const p = f64([1], true);
      const optimizer = new ad.optim.SGD([p], { lr: 1, momentum: 0.5 });
      optimizer.minimize(p.sum());
      const { momentumBuffer: buffer } = [
        ...(optimizer as unknown as { state: Map<Tensor, { momentumBuffer: Tensor }> }).state.values(),
      ][0]!;
      const [, pull] = ad.vjp((x) => x.mul(buffer), f64([3]));
      optimizer.minimize(p.mul(5).sum());
      expect([numbers(buffer), numbers(pull(f64([1]))[0])]).toEqual([[5.5], [1]]);
      buffer.dispose();
      p.dispose();
    });
  });

  it("a gradient is the same variable behind .grad and its handle, and no other's", () => {
    ad.scope(() => {
      const [p, q] = [f64([1], true), f64([1], true)];
      p.add(q).sum().backward();
      p.grad!.assign([7]);
      expect([numbers(p.grad), numbers(q.grad)]).toEqual([[7], [1]]);
      const seed = f64([2]);
      p.grad = seed;
      seed.assign([3]);
      expect(numbers(p.grad)).toEqual([3]);
      p.grad = null;
      p.backward(seed);
      seed.assign([4]);
      expect(numbers(p.grad)).toEqual([3]);
      p.dispose();
      q.dispose();
    });
  });

  it("a training step writes in place", () => {
    const p = ad.tensor(new Float32Array(1 << 16), { requiresGrad: true });
    const optimizer = new ad.optim.Adam([p]);
    const step = () => ad.scope(() => optimizer.minimize(p.sum()));
    step();
    const bytes = () => {
      ad.scope(() => p.grad);
      return ad.memory().bytes;
    };
    p.grad = null;
    const before = bytes();
    p.grad = ad.ones([1 << 16]);
    const peak = ad.memory().bytes;
    optimizer.step();
    // Parameter, two averages and the gradient: no second copy of any.
    expect(ad.memory().bytes - peak).toBe(0);
    expect(peak - before).toBe(1 << 18);
    p.dispose();
    optimizer.dispose();
  });
});

describe("assign", () => {
  it("refuses a value that is being differentiated, in every mode", () => {
    ad.scope(() => {
      const b = f64([0]);
      const w = f64([3], true);
      const refused = /detach\(\) it/;
      expect(() => b.assign(w.mul(2))).toThrow(refused);
      expect(() => b.assign(w)).toThrow(refused);
      expect(() => ad.grad((x) => b.assign(x.mul(2)).sum())(f64([1]))).toThrow(ad.NotDifferentiableError);
      expect(() => ad.jvp((x) => b.assign(x.mul(2)), [f64([1])], [f64([1])])).toThrow(refused);
      expect(() =>
        ad.grad((x) =>
          ad
            .noGrad(() => b.assign(x))
            .sum()
            .add(ad.enableGrad(() => b.assign(x)).sum()),
        )(f64([1])),
      ).toThrow(refused);
      expect(() => ad.vmap((x) => b.assign(x))(f64([1, 2]))).toThrow(ad.TracedValueError);
      // Nothing was written by those that were refused: the noGrad one is the last.
      expect(numbers(b)).toEqual([1]);
      w.dispose();
    });
  });

  it("takes values that are cut off: under noGrad, detached, of integers", () => {
    ad.scope(() => {
      const w = f64([3], true);
      const b = f64([0]);
      ad.noGrad(() => b.assign(w.mul(2)));
      expect(numbers(b)).toEqual([6]);
      b.assign(w.detach());
      expect(numbers(b)).toEqual([3]);
      const out = ad.grad((x) => (b.assign(x.mul(5).detach()), ad.noGrad(() => b.assign(b.add(x))), x.mul(b).sum()))(f64([2]));
      expect([numbers(b), numbers(out)]).toEqual([[12], [12]]);
      const [, slope] = ad.jvp((x) => (ad.noGrad(() => b.assign(x)), x.mul(b)), [f64([2])], [f64([1])]);
      expect([numbers(b), numbers(slope)]).toEqual([[2], [2]]);
      w.dispose();
    });
  });

  it("refuses a tensor with a history, which would go on getting gradients for other numbers", () => {
    ad.scope(() => {
      const w = f64([3], true);
      const y = w.mul(2);
      expect(() => y.assign([1])).toThrow(/computed from others/);
      expect(() => ad.noGrad(() => y.assign([1]))).toThrow(ad.NotDifferentiableError);
      expect(() => ad.grad((x) => x.assign([1]).sum())(f64([1]))).toThrow(/inside a transform/);
      expect(numbers(y)).toEqual([6]);
      w.dispose();
    });
  });

  it("to a parameter keeps its gradient and its place in later graphs", () => {
    ad.scope(() => {
      const w = f64([3], true);
      const before = w.square();
      w.assign([4]);
      const after = w.square();
      before.add(after).sum().backward();
      expect(numbers(w.grad)).toEqual([6 + 8]);
      w.dispose();
    });
  });

  it("is followed by a trace: what was used before stays, what is used after is the new value", () => {
    ad.scope(() => {
      const u = f64([2]);
      const program = ad.trace((x) => {
        const y = x.mul(u);
        u.assign(y.detach());
        return y.add(u.mul(10));
      })(f64([3]));
      expect(program.outputs[0]!.value).toEqual([66]);
      expect(program.constants.map((c) => c.value)).toEqual([[10]]);
      expect(program.variables.find((v) => v.kind === "state")?.value).toEqual([2]);
    });
  });
});

/** Functions that return their argument, or a part of a result that is one. */
const identities: [name: string, f: (x: Tensor) => Tensor][] = [
  ["roll by nothing", (x) => x.roll(3, 0)],
  ["cumprod over an axis without elements", (x) => x.add(x.slice([0], [0]).cumprod(0).sum())],
  ["vmap", (x) => ad.vmap((y) => y)(x)],
  ["jvp, the value", (x) => ad.jvp((y) => y, [x], [ad.onesLike(x)])[0]],
  ["jvp, the tangent", (x) => ad.jvp((y) => y, [ad.onesLike(x)], [x])[1]],
  ["vjp, the value", (x) => ad.vjp((y) => y, x)[0]],
  ["vjp, the pullback", (x) => ad.vjp((y) => y, ad.onesLike(x))[1](x)[0]],
  ["linearize, the value", (x) => ad.linearize((y) => y, x)[0]],
  ["linearize, the pushforward", (x) => ad.linearize((y) => y, ad.onesLike(x))[1](x)],
  ["valueAndGrad", (x) => ad.concat([ad.valueAndGrad((y) => y)(x.slice([0], [1]))[0], x.slice([1], [3])])],
  ["hasAux", (x) => ad.grad((y) => [y.sum(), x], { hasAux: true })(ad.onesLike(x))[1]],
  ["dualLevel", (x) => ad.dualLevel(() => ad.unpackDual(ad.makeDual(x, ad.onesLike(x))).primal)],
  ["a scope", (x) => ad.scope(() => x)],
];

describe("a second handle of a value", () => {
  for (const [name, f] of identities) {
    it(`${name}: the recorder knows it as the same variable`, () => {
      ad.scope(() => {
        const x = f64([1, 2, 3]);
        expect(numbers(ad.sparseJacobian((x) => f(x).square())(x).values)).toEqual([2, 4, 6]);
        expect(
          ad
            .symbolic((x) => f(x).square().sum())(x)
            .evaluate({ "x[0]": 1, "x[1]": 2, "x[2]": 4 }),
        ).toBe(21);
      });
    });

    it(`${name}: the leaf keeps its hooks and its gradient`, () => {
      ad.scope(() => {
        const p = f64([1, 2, 3], true);
        let seen = 0;
        p.registerHook(() => void seen++);
        const y = f(p);
        if (y !== p) {
          expect([y.requiresGrad, y.isLeaf]).toEqual([true, false]);
          y.retainGrad();
          y.registerHook((g) => g.mul(2));
        }
        y.sum().backward();
        const scale = y === p ? 1 : 2;
        expect(numbers(p.grad)).toEqual([scale, scale, scale]);
        if (y !== p) expect(numbers(y.grad)).toEqual([2, 2, 2]);
        y !== p && y.dispose();
        p.zeroGrad();
        p.square().sum().backward();
        expect([numbers(p.grad), seen]).toEqual([[2, 4, 6], 2]);
        p.dispose();
      });
    });
  }

  it("is disposed on its own", () => {
    ad.scope(() => {
      const x = f64([1, 2]);
      const same = x.roll(0, 0);
      same.dispose();
      expect(numbers(x)).toEqual([1, 2]);
      const other = x.roll(0, 0);
      x.dispose();
      other.assign([3, 4]);
      expect(numbers(other)).toEqual([3, 4]);
    });
  });

  it("can be swept again and again, having nothing to free", () => {
    ad.scope(() => {
      const w = f64([3], true);
      const [same] = ad.vjp((x) => x, w);
      same.sum().backward();
      same.backward();
      same.backward();
      expect(numbers(w.grad)).toEqual([3]);
      w.dispose();
    });
  });
});

describe("ops that use one variable share a copy of it", () => {
  const count = () => ad.memory().tensors;

  it("one copy for a thousand ops, none when they are gone", () => {
    const [w, t] = [f64([3], true), f64([2])];
    const before = count();
    ad.scope(() => {
      let y: Tensor = w;
      for (let i = 0; i < 1000; i++) y = y.mul(t);
      // A result each, and one copy of t.
      expect(count() - before).toBe(1001);
    });
    expect(count()).toBe(before);
    [w, t].forEach((x) => x.dispose());
  });

  for (const { name, plain, write } of writers) {
    it(`each op has the value of its time: ${name}`, () => {
      ad.scope(() => {
        const [w, t] = [f64([3], true), f64([2], !plain)];
        const ys = [w.mul(t), w.mul(t)];
        write(t, 5);
        ys.push(w.mul(t));
        write(t, 7);
        ys.push(w.mul(t).add(w.mul(t)));
        ad.concat(ys).mul([1, 10, 100, 1000]).sum().backward();
        expect(numbers(w.grad)).toEqual([2 + 20 + 500 + 14000]);
        [w, t].forEach((x) => x.dispose());
      });
    });
  }

  it("outlives the variable, and is its own when the variable is written to", () => {
    const w = f64([3], true);
    const t = f64([2]);
    const [y, z] = [w.mul(t), w.mul(t)];
    t.assign([4]);
    y.dispose();
    const later = w.mul(t);
    t.dispose();
    const loss = z.add(later).sum();
    loss.backward();
    expect(numbers(w.grad)).toEqual([6]);
    [w, z, later, loss].forEach((x) => x.dispose());
  });

  it("is no gradient of anybody's: a cotangent given twice makes two gradients, and both are apart from it", () => {
    const ws = [f64([3], true), f64([4], true)];
    const ct = f64([1]);
    const held = ws[0]!.mul(ct);
    ws.forEach((w) => w.mul(1).backward(ct));
    ws.forEach((w) => w.backward(ct));
    ws[0]!.grad!.assign([50]);
    ct.assign([60]);
    expect(ws.map((w) => numbers(w.grad))).toEqual([[50], [2]]);
    held.backward(f64([1]));
    expect(numbers(ws[0]!.grad)).toEqual([51]);
    const fresh = f64([5], true);
    fresh.backward(ct);
    const used = ws[1]!.mul(ct);
    fresh.grad!.assign([7]);
    used.sum().backward();
    expect([numbers(ct), numbers(fresh.grad), numbers(ws[1]!.grad)]).toEqual([[60], [7], [62]]);
  });

  it("does not become a gradient while the variable may give it away again", () => {
    ad.scope(() => {
      const [w, v] = [f64([3], true), f64([4], true)];
      const ct = f64([1]);
      // A hook interrupts the sweep, which then is the only one to hold the copy of the cotangent.
      w.registerHook(() => {});
      w.backward(ct);
      const y = v.mul(ct);
      w.grad!.assign([7]);
      y.sum().backward();
      expect([numbers(ct), numbers(w.grad), numbers(v.grad)]).toEqual([[1], [7], [1]]);
      [w, v].forEach((x) => x.dispose());
    });
  });

  it("is a value at every level", () => {
    const t = f64([2]);
    const second = ad.grad((x: Tensor) =>
      ad
        .grad((y: Tensor) => {
          const a = y.mul(t).mul(x);
          const b = y.mul(t).mul(t);
          t.assign([3]);
          return a.add(b).add(y.mul(t).mul(x)).sum();
        })(x)
        .sum(),
    )(f64([3]));
    // d/dx (2 x + 4 + 3 x), where x is also what the inner derivative is taken by.
    expect(numbers(second)).toEqual([5]);
    expect(numbers(t)).toEqual([3]);
  });
});
