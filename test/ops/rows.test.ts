/** What the rows of the op table say is true, and nobody else keeps lists of ops: a row that is forgotten somewhere fails here. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { Op, ROWS, type OpName } from "../../ts/opcodes.js";
import { cases, type Case, type Sample } from "./cases.js";
import { isSmall, tensors } from "./checks.js";

const NAMES = Object.keys(Op) as OpName[];
const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Draws have no place in the table of cases, as they have no reference. */
const DRAWS: Case[] = [
  { name: "uniform", call: () => ad.random.uniform(ad.random.key(1), [3]) },
  { name: "normal", call: () => ad.random.normal(ad.random.key(1), [3]) },
  { name: "split", call: () => ad.random.split(ad.random.key(1), 2) },
  { name: "gamma", call: (a: Tensor) => ad.random.gamma(ad.random.key(3), [2, 3], { a }), at: [0.5, 1.5, 4] },
  {
    name: "truncatedNormal",
    call: (a: Tensor) => ad.random.truncatedNormal(ad.random.key(3), [3], { lower: a, upper: 2 }),
    at: [-1, 0, 0.5],
  },
].map(({ name, call, at = [] }) => ({
  name,
  call,
  reference: (a) => a,
  samples: [{ note: "", inputs: at.length > 0 ? [{ shape: [at.length], data: at }] : [] }],
}));

/** The ops in the programs of a case's value and of its first and second derivatives. */
function opsOf(op: Case, sample: Sample): OpName[] {
  const inputs = tensors(sample, "float64");
  const float = inputs.flatMap((x, i) => (x.dtype === "float64" ? [i] : []));
  const total = (...xs: Tensor[]) =>
    op
      .call(...xs)
      .square()
      .sum();
  const slope = (...xs: Tensor[]) =>
    (ad.grad(total, { argnums: float }) as (...x: Tensor[]) => Tensor[])(...xs).reduce(
      (a, x) => a.add(x.square().sum()),
      ad.tensor(0, { dtype: "float64" }),
    );
  const programs = [op.call, ...(op.discrete || float.length === 0 ? [] : [slope])];
  const counted = programs.map((f) =>
    ad
      .trace(f as (...x: Tensor[]) => Tensor)(...inputs)
      .counts(),
  );
  return counted.flatMap((counts) => Object.keys(counts)) as OpName[];
}

/** A sample of each case that is small and has elements. */
const representative = (op: Case) => op.samples.filter((s) => isSmall(s) && !s.singular && s.inputs.every((x) => sizeOf(x.shape) > 0));

describe("every row", () => {
  const used = new Set<string>();
  beforeAll(() => {
    for (const op of [...cases, ...DRAWS]) {
      for (const sample of representative(op).slice(0, 6)) ad.scope(() => opsOf(op, sample).forEach((name) => used.add(name)));
    }
  });

  it("of a primitive is used by a case", () => {
    // stopGradient changes no number, so a program has no instruction for it; gammaSlope has no second derivative; the others are the second and third
    // derivatives of det, which has its own.
    const elsewhere = new Set<OpName>(["stopGradient", "gammaSlope", "cofactorTangent", "cofactorSecond"]);
    expect(NAMES.filter((name) => ROWS[name].form !== "composite" && !used.has(name) && !elsewhere.has(name))).toEqual([]);
  });

  it("of a composite has a case of its name", () => {
    const named = new Set(cases.map(({ name }) => name.replace(/[ (,].*$/, "")));
    // The public function of another name: see the first argument of `binary` and `reduction` in ts/ops.
    const publicName: Partial<Record<OpName, string>> = { matmulOfAnyRank: "matmul" };
    expect(NAMES.filter((name) => ROWS[name].form === "composite" && !named.has(publicName[name] ?? name))).toEqual([]);
  });
});

/** -0 as 0. */
const numbers = (x: Tensor): number[] => Array.from(x.data(), (v) => Number(v) + 0);
const leaf = (x: Tensor): Tensor => ad.tensor(x.data(), { shape: [...x.shape], dtype: x.dtype, requiresGrad: true });

describe("a rule reads what it says", () => {
  for (const op of cases.filter((op) => !op.discrete)) {
    // On the ambient tape the numbers that no rule reads go with the handles; a rule that reads them all the same is refused.
    it(op.name, () => {
      for (const sample of representative(op).slice(0, 4)) {
        ad.scope(() => {
          const inputs = tensors(sample, "float64");
          const leaves = inputs.map((x) => (x.dtype === "float64" ? leaf(x) : x));
          const between = leaves.map((x) => (x.dtype === "float64" ? x.mul(1) : x));
          const out = op.call(...between);
          const loss = out.mul(out.detach()).sum();
          between.forEach((x, i) => x !== leaves[i] && x.dispose());
          if (!between.includes(out)) out.dispose();
          loss.backward();
          const float = inputs.flatMap((x, i) => (x.dtype === "float64" ? [i] : []));
          const f = (...xs: Tensor[]) => {
            const y = op.call(...xs);
            return y.mul(ad.stopGradient(y)).sum();
          };
          const expected = ad.grad(f, { argnums: float })(...inputs) as unknown as Tensor[];
          float.forEach((i, k) => expect(numbers(leaves[i]!.grad!), `${sample.note}, input ${i}`).toEqual(numbers(expected[k]!)));
        });
      }
    });
  }

  it("and what nobody reads goes at once", () => {
    ad.scope(() => {
      const n = 100_000;
      const x = leaf(ad.ones([n]));
      const bytes = () => ad.memory().bytes;
      // How many arrays are alive when the loss is the only handle.
      const kept = (...steps: ((x: Tensor) => Tensor)[]) => {
        const before = bytes();
        const chain = [x];
        for (const step of steps) chain.push(step(chain.at(-1)!));
        const loss = chain.at(-1)!.sum();
        chain.slice(1).forEach((y) => y.dispose());
        const after = bytes() - before;
        loss.backward();
        return Math.round(after / (4 * n));
      };
      const plusOne = (y: Tensor) => y.add(1);
      // Sums and views read nothing, exp its result, square its input, mul both.
      expect(
        kept(
          plusOne,
          (y) => y.reshape([10, -1]),
          (y) => y.neg(),
        ),
      ).toBe(0);
      expect(kept(plusOne, (y) => y.exp(), plusOne)).toBe(1);
      expect(kept(plusOne, (y) => y.square(), plusOne)).toBe(1);
      expect(
        kept(
          plusOne,
          (y) => y.exp(),
          (y) => y.square(),
        ),
      ).toBe(1);
      expect(kept(plusOne, (y) => y.mul(y.neg()))).toBe(2);
    });
  });
});

/** The entries of a Jacobian that are not 0, row by row; NaN counts. */
function denseEntries(f: (x: Tensor) => Tensor, x: Tensor): Set<number> {
  const jacobian = (ad.jacfwd(f)(x) as Tensor).data();
  return new Set(Array.from(jacobian, (v, i) => [Number(v), i] as const).flatMap(([v, i]) => (v !== 0 ? [i] : [])));
}

function patternEntries(f: (x: Tensor) => Tensor, x: Tensor): Set<number> {
  const { rows, cols, shape } = ad.jacobianSparsity(f)(x);
  return new Set(Array.from(rows, (row, k) => row * shape[1] + cols[k]!));
}

/** Forms of which every entry of the pattern is one of the Jacobian's, where no partial happens to be 0. */
const EXACT = new Set(["pointwise", "view", "movement", "joined", "scatter", "product"]);
const exact = (op: OpName) => EXACT.has(ROWS[op].form) || (ROWS[op].form === "reduction" && ROWS[op].rule === "linear");

/** Cases whose samples leave an entry 0 everywhere, though the op depends on it: flat sides, masks, whole quotients of 0. */
const FLAT = new Set(["relu", "relu6", "maximum", "minimum", "where", "maskedFill", "tril", "triu", "mod", "fmod"]);
/** Points where a partial happens to be 0. */
const SPECIAL = /special/;

describe("jacobianSparsity over the table", () => {
  for (const op of cases.filter((op) => !op.discrete)) {
    it(op.name, () =>
      ad.scope(() => {
        const groups = new Map<string, Sample[]>();
        for (const sample of representative(op)) {
          const shapes = JSON.stringify(sample.inputs.map((x) => x.shape));
          groups.set(shapes, [...(groups.get(shapes) ?? []), sample]);
        }
        for (const samples of groups.values()) {
          for (const i of samples[0]!.inputs.keys()) {
            const found = new Set<number>();
            let [pattern, ops]: [Set<number>, OpName[]] = [new Set(), []];
            for (const sample of samples) {
              const xs = tensors(sample, "float64");
              if (xs[i]!.dtype !== "float64") continue;
              const f = (x: Tensor) => op.call(...xs.map((other, k) => (k === i ? x : other)));
              pattern = patternEntries(f, xs[i]!);
              ops = Object.keys(ad.trace(f)(xs[i]!).counts()) as OpName[];
              const entries = denseEntries(f, xs[i]!);
              expect(
                [...entries].filter((entry) => !pattern.has(entry)),
                `${sample.note}, input ${i}: entries that the pattern lacks`,
              ).toEqual([]);
              for (const entry of entries) found.add(entry);
            }
            if (ops.every(exact) && !FLAT.has(op.name) && !SPECIAL.test(samples[0]!.note)) {
              expect(
                [...pattern].filter((entry) => !found.has(entry)),
                `${samples[0]!.note}, input ${i}: entries that are always 0`,
              ).toEqual([]);
            }
          }
        }
      }),
    );
  }
});

/** Sources that may name ops in lists: the functions of the public surface, and formulas. */
const MAY_LIST = [/^opcodes\.ts$/, /^ops\//, /^symbolic\//];

describe("no list of op names", () => {
  const root = path.join(import.meta.dirname, "..", "..", "ts");
  const files = (readdirSync(root, { recursive: true }) as string[])
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".ts") && !file.endsWith("wasm-base64.ts"));

  /** Lists of three and more op names, and comparisons of an op with a name. */
  const listsIn = (source: string): string[] => {
    const named = (list: string, name: RegExp) => [...list.matchAll(name)].filter((m) => Object.hasOwn(Op, m[1]!)).length;
    const arrays = [...source.matchAll(/\[[^[\]]*\]/g)]
      .map(([list]) => list)
      .filter((list) => named(list, /(?<=[[,]\s*)"(\w+)"(?=\s*[,\]])/g) >= 3);
    const objects = [...source.matchAll(/\{[^{}]*\}/g)]
      .map(([list]) => list)
      .filter((list) => named(list, /(?<=[{,]\s*)"?(\w+)"?(?=\s*:)/g) >= 3);
    const lists = [...arrays, ...objects];
    const branches = /switch\s*\((?:\w+\.)?op(?:Name)?\)/.test(source) ? [...source.matchAll(/case\s+"(\w+)"\s*:/g)] : [];
    const comparisons = [...source.matchAll(/\b(?:op|opName)\s*[!=]==\s*"(\w+)"/g), ...branches]
      .filter((m) => Object.hasOwn(Op, m[1]!))
      .map(([text]) => text);
    return [...lists, ...comparisons];
  };

  it("is found where there is one", () => {
    expect(listsIn(`const A = new Set(["neg", "abs", "exp"]);`)).toHaveLength(1);
    expect(listsIn(`if (op === "matmul") f();`)).toHaveLength(1);
    expect(listsIn(`switch (op) { case "sum": f(); }`)).toHaveLength(1);
    expect(listsIn(`const T = { neg: (x) => x, abs: (x) => x, exp: (x) => x };`)).toHaveLength(1);
  });

  it("stands outside of the generated file, ops/ and symbolic/", () => {
    const found = files
      .filter((file) => !MAY_LIST.some((pattern) => pattern.test(file)))
      .flatMap((file) => listsIn(readFileSync(path.join(root, file), "utf8")).map((list) => `${file}: ${list}`));
    expect(found).toEqual([]);
  });
});

it("a program prints parameters by name", () => {
  ad.scope(() => {
    const x = ad.tensor([
      [1, 2],
      [3, 4],
    ]);
    const text = (f: (x: Tensor) => Tensor) => ad.trace(f)(x).toString();
    expect(text((x) => x.sum([1], { keepdims: true }))).toContain("= sum axis=[1] keepdims x");
    expect(text((x) => x.sum())).toContain("= sum all x");
    expect(text((x) => x.cumsum(1, { reverse: true }))).toContain("= cumsum axis=1 reverse x");
    expect(text((x) => x.slice([0, 1], [2, 2]))).toContain("= slice starts=[0, 1] ends=[2, 2] steps=[1, 1] x");
    expect(text((x) => x.cast("float64"))).toContain("= cast dtype=float64 x");
    expect(text((x) => x.matmul(x))).toContain("= matmul x x");
    expect(text((x) => x.clamp(-1, 1))).toContain("= clampNumbers low=-1 high=1 x");
  });
});
