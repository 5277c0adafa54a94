/**
 * Garbage for arguments. Every exported function, method, setter and constructor is called with values of some eighty kinds, right ones
 * among them; whatever is refused must be refused by an AdjointError (or by the very error that a callback or getter of ours threw), with
 * no tensor left and the engine right afterwards.
 */
import * as ad from "adjoint";
import { generator } from "./generator.js";

/** What our own callbacks and getters throw: it must come out as the same object. */
const SENTINEL = new Error("thrown by the argument");
const fail = (): never => {
  throw SENTINEL;
};

const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
};
const cyclicArray = (): unknown => {
  const a: unknown[] = [1];
  a.push(a);
  a[0] = a;
  return a;
};
const cyclicObject = (): unknown => {
  const o: Record<string, unknown> = { x: 1 };
  o.o = o;
  return o;
};
const detached = (): unknown => {
  const t = new Float32Array(4);
  structuredClone(t.buffer, { transfer: [t.buffer] });
  return t;
};
const disposed = (): unknown => {
  const t = ad.ones([2]);
  t.dispose();
  return t;
};
const escaped = (): unknown => {
  let t: unknown;
  ad.scope(() => {
    t = ad.ones([2]);
  });
  return t;
};
const foreign = (): unknown => Object.create(Object.create(null, { [Symbol.for("adjoint.tensor")]: { value: Symbol("other") } }) as object);
/** Parameters live in the root: those of our own making are released after each call. */
const roots: ad.Tensor[] = [];
const rooted = <T>(value: T, parameters: readonly ad.Tensor[]): T => (roots.push(...parameters), value);
const parameter = (): ad.Tensor => {
  const p = ad.tensor([1, 2], { requiresGrad: true });
  return rooted(p, [p]);
};
const module = <M extends ad.nn.Module>(m: M): M => rooted(m, m.parameters());
class Liar extends Float32Array {
  override get length(): number {
    return 2 ** 20;
  }
}
class Instance {
  lr = 0.1;
}

/** Makers, so that what one call does to a value does not reach the next. */
const KINDS: (() => unknown)[] = [
  () => undefined,
  () => null,
  () => true,
  () => false,
  () => 0,
  () => -0,
  () => 1,
  () => -1,
  () => 2,
  () => 3,
  () => 0.5,
  () => -1.5,
  () => NaN,
  () => Infinity,
  () => -Infinity,
  () => 2 ** 31,
  () => -(2 ** 31),
  () => 2 ** 53,
  () => 1e308,
  () => 5e-324,
  () => "",
  () => "0",
  () => "float32",
  () => "int32",
  () => "sum",
  () => "x".repeat(2000),
  () => "constructor",
  () => 0n,
  () => 10n,
  () => Symbol("s"),
  () => Symbol.iterator,
  () => [],
  () => [0],
  () => [1, 2, 3],
  () => [2, 3],
  () => [
    [1, 2],
    [3, 4],
  ],
  () => [[1, 2], [3]],
  () => [[]],
  () => [null],
  () => [undefined],
  () => ["1"],
  () => [1n],
  () => [Symbol("s")],
  () => [true, false],
  () => [true, 1],
  () => [-1, 0.5],
  () => [2 ** 31],
  () => new Array(5),
  () => new Array(2 ** 12),
  () => nested(70),
  () => nested(5000),
  cyclicArray,
  () => Object.freeze([1, 2]),
  () => ({}),
  () => ({ axis: 1 }),
  () => ({ learningRate: 1 }),
  () => ({ length: 2 }),
  () => ({ shape: [2], dtype: "float32" }),
  () => Object.create(null),
  () => Object.freeze({ keepdims: true }),
  cyclicObject,
  () => new Instance(),
  () => new Date(0),
  () => /x/,
  () => new Map([["a", 1]]),
  () => new Set([1]),
  () => new WeakMap(),
  () => new Error("e"),
  () => new Number(3),
  () => new String("x"),
  () => new Boolean(true),
  () => () => undefined,
  () => (x: unknown) => x,
  () =>
    (...x: unknown[]) =>
      x,
  () => () => ad.tensor(1),
  () => () => "text",
  () => fail,
  () => async () => 1,
  () => function* () {},
  () => Promise.resolve(1),
  () => new Proxy({}, {}),
  () => new Proxy([1, 2], {}),
  () => new Proxy({}, { get: fail, ownKeys: fail, has: fail, getPrototypeOf: fail }),
  () => ({
    get axis() {
      return fail();
    },
  }),
  () => ({ valueOf: fail, toString: fail, [Symbol.toPrimitive]: fail }),
  () => new Float32Array(0),
  () => Float64Array.of(1, 2),
  () => Int32Array.of(0, 1),
  () => Uint8Array.of(1),
  () => BigInt64Array.of(1n),
  () => new DataView(new ArrayBuffer(8)),
  () => new ArrayBuffer(8),
  () => new SharedArrayBuffer(8),
  detached,
  () => new Liar(2),
  () => ad.tensor(2),
  () => ad.ones([3]),
  () => ad.ones([2, 3]),
  () => ad.ones([2, 2], { dtype: "float64" }),
  () => ad.zeros([0, 2]),
  () => ad.tensor([0, 1], { dtype: "int32" }),
  () => ad.tensor([true, false]),
  () => ad.ones([1, 2, 3, 2]),
  () => ad.random.key(1),
  parameter,
  disposed,
  escaped,
  () => Object.create(ad.Tensor.prototype) as unknown,
  foreign,
  () => [ad.ones([2]), ad.ones([2])],
  () => [ad.ones([2]), 1],
  () => ({ a: ad.ones([2]), b: [ad.tensor(1)] }),
  () => ad.nn,
  () => new ad.nn.ReLU(),
  // Objects that throw, or lie, where they are looked into.
  () => ({
    get length() {
      return fail();
    },
    0: 1,
  }),
  () => ({
    lr: 0.1,
    get momentum() {
      return fail();
    },
  }),
  () => ({
    get shape() {
      return fail();
    },
    get dtype() {
      return fail();
    },
  }),
  () => ({
    get [Symbol.iterator]() {
      return fail();
    },
  }),
  () => ({ [Symbol.iterator]: fail }),
  () => ({ toJSON: fail, [Symbol.toStringTag]: "Tensor" }),
  () => {
    const list: unknown[] = [1, 2];
    Object.defineProperty(list, 1, { get: fail });
    return list;
  },
  () => {
    const o = {};
    Object.defineProperty(o, "lr", { get: fail, enumerable: true });
    return o;
  },
  () => new Proxy([1, 2], { get: (list, key) => (key === "length" ? fail() : Reflect.get(list, key)) }),
  () => new Proxy(ad.ones([2]), {}),
  () => new Proxy(() => ad.tensor(1), { apply: fail }),
  () => ({ length: 2 ** 40, 0: 1 }),
  () => [2 ** 16, 2 ** 16],
  () => [2 ** 31 - 1, 0],
  () => [Number.MAX_SAFE_INTEGER],
  () => new Array(2 ** 20),
  // Classes where functions belong, and functions where values do.
  () => Instance,
  () => class Empty {},
  () => ad.nn.Linear,
  () => ad.nn.Module,
  () => ad.Tensor,
  () => ad.optim.SGD,
  () => Math.sin,
  () => ad.sin,
  () => ad.ones([2]).sin,
  () => ad.grad,
  () => ad.scope,
  () => (x: unknown) => (x instanceof ad.Tensor ? x.sum() : x),
  () => (x: unknown) => ad.keep(x),
  () => (x: unknown) => (x instanceof ad.Tensor && x.dispose(), x),
  () => async function* () {},
  () => ({ then: fail }),
  () => ({ then: (done: (v: number) => void) => done(1) }),
  () => new Map<unknown, unknown>([[{}, ad.ones([2])]]),
  () => new Set([ad.ones([1])]),
];

export interface Target {
  name: string;
  call(args: unknown[]): unknown;
}

/** What changes the whole process or is no function of ours; `reset` and `init` have tests of their own. */
const LEFT_OUT = new Set(["reset", "init", "initSync", "testing"]);

/** Marked internal or private in the sources, for the library's own calls: not for programs. Errors are made of texts. */
const INTERNAL =
  /^new ad\.(Tensor|\w*Error)$|^ad\.errorOf$|\.(moveTo|describe|hand|shorten|batch|order|update|places|apply|check|prepare|complete|mention|updateInPlace|uses|partMade|nextValues|counted|announce|evaluations)$/;

const isClass = (f: unknown): f is new (...args: unknown[]) => unknown =>
  typeof f === "function" && /^class\b/.test(Function.prototype.toString.call(f));

/** Functions, and constructors as such, of a namespace and those in it. */
function exported(space: Record<string, unknown>, path: string): Target[] {
  return Object.keys(space).flatMap((key): Target[] => {
    const value = space[key];
    const name = `${path}.${key}`;
    if (LEFT_OUT.has(key)) return [];
    if (isClass(value)) return [{ name: `new ${name}`, call: (args) => Reflect.construct(value, args) }];
    if (typeof value === "function") return [{ name, call: (args) => (value as (...a: unknown[]) => unknown)(...args) }];
    return typeof value === "object" && value !== null && !Array.isArray(value) ? exported(value as Record<string, unknown>, name) : [];
  });
}

/** Methods and setters of what `make` makes, own ones of its classes. */
function members(name: string, make: () => object): Target[] {
  const found: Target[] = [];
  const sample = make();
  for (let p = Object.getPrototypeOf(sample) as object; p !== Object.prototype; p = Object.getPrototypeOf(p) as object) {
    for (const [key, { value, set }] of Object.entries(Object.getOwnPropertyDescriptors(p))) {
      if (key === "constructor" || found.some((t) => t.name === `${name}.${key}`)) continue;
      if (typeof value === "function")
        found.push({ name: `${name}.${key}`, call: (args) => (make() as Record<string, (...a: unknown[]) => unknown>)[key]!(...args) });
      if (set !== undefined) found.push({ name: `${name}.${key} =`, call: ([v]) => Reflect.set(make(), key, v) });
    }
  }
  return found;
}

/** Everything that a program can call. */
function targets(): Target[] {
  const { nn, optim, data } = ad;
  return [
    ...exported(ad as unknown as Record<string, unknown>, "ad"),
    ...members("tensor", () =>
      ad.tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]),
    ),
    ...members("number", () => ad.tensor(2, { dtype: "float64" })),
    ...members("parameter", parameter),
    ...members("linear", () => module(new nn.Linear(2, 2))),
    ...members("sequential", () => module(new nn.Sequential(new nn.Linear(2, 2), new nn.ReLU()))),
    ...members("embedding", () => module(new nn.Embedding(3, 2))),
    ...members("sgd", () => new optim.SGD([parameter()], { lr: 0.1 })),
    ...members("adam", () => new optim.Adam([parameter()], { lr: 0.1 })),
    ...members("loader", () => new data.DataLoader(new data.TensorDataset(ad.ones([4, 2])), { batchSize: 2 })),
  ];
}

export interface Finding {
  name: string;
  what: string;
}

/** Calls every target `rounds` times and tells what was wrong. */
export function fuzz(
  seed: number,
  rounds: number,
  only?: (name: string) => boolean,
): { calls: number; refusals: number; findings: Finding[] } {
  const random = generator(seed);
  const findings: Finding[] = [];
  let [calls, refusals] = [0, 0];
  const canary = ad.tensor([1, 2, 3], { dtype: "float64" });
  for (const target of targets()) {
    if (INTERNAL.test(target.name) || (only !== undefined && !only(target.name))) continue;
    for (let round = 0; round < rounds; round++) {
      const chosen = Array.from({ length: random.below(5) }, () => random.below(KINDS.length));
      const again = Array.from({ length: random.below(3) }, () => random.pick(KINDS));
      const tell = (what: string) =>
        findings.push({
          name: `${target.name}(${chosen
            .map((k) =>
              String(KINDS[k])
                .replace(/^\(\) => /, "")
                .slice(0, 60),
            )
            .join(", ")})`,
          what,
        });
      const before = ad.memory().tensors;
      let refused: unknown = null;
      try {
        ad.scope(() => {
          const args = chosen.map((k) => KINDS[k]!());
          try {
            calls++;
            const result = target.call(args);
            if (result instanceof Promise) result.catch(() => {});
            if (typeof result === "function" && !isClass(result)) (result as (...a: unknown[]) => unknown)(...again.map((make) => make()));
          } catch (error) {
            refused = error;
            refusals++;
          }
          return null;
        });
      } catch (error) {
        tell(`the scope around it failed: ${String(error)}`);
      }
      if (refused !== null && refused !== SENTINEL && !(refused instanceof ad.AdjointError))
        tell(
          `refused by ${String(refused)} ${((refused as Error).stack ?? "")
            .split("\n")
            .slice(1, 4)
            .map((l) => l.trim())
            .join(" < ")}`,
        );
      if (refused instanceof ad.PoisonedError) {
        tell(`the engine is lost: ${refused.message}`);
        ad.reset();
        return { calls, refusals, findings };
      }
      for (const p of roots.splice(0)) p.dispose();
      ad.setDefaultDtype("float32");
      ad.debugNaNs(false);
      const value = ad.scope(
        () =>
          ad
            .grad((x: ad.Tensor) => x.mul(x).sum())(canary)
            .toArray() as number[],
      );
      if (value.join() !== "2,4,6") tell(`the canary sings ${value.join()}`);
      // Parameters that a constructor or function made and handed out live on; of what was refused nothing may.
      if (refused !== null && ad.memory().tensors > before) tell(`${ad.memory().tensors - before} tensors are left`);
    }
  }
  canary.dispose();
  return { calls, refusals, findings };
}
