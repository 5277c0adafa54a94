/**
 * Would the tests notice a wrong derivative? Every rule of every primitive is damaged in turn (factor 1.001, sign, dropped term,
 * swapped argument, missing un-broadcast; forward and reverse), and the checks of the op table must fail for each.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import * as ad from "adjoint";
import { beforeAll, expect, it } from "vitest";
import { Op, ROWS } from "../../ts/opcodes.js";
import { cases, type Case, type Sample } from "../ops/cases.js";
import { checkDirectional, checkModesAgree, checkSecondOrder, isSmall, tensors } from "../ops/checks.js";

const DAMAGES = ["factor", "sign", "dropped", "swapped", "not un-broadcast"] as const;
const MODES = ["forward", "reverse"] as const;
const NONE = 5;

/** Draws have derivatives in their parameters, and no place in the table: no differences and no second derivatives, but both modes. */
const float64 = (shape: number[], data: number[]) => ({ shape, data });
const draws: Case[] = [
  {
    name: "gamma",
    call: (a) => ad.random.gamma(ad.random.key(3), [2, 3], { a }),
    reference: (a) => a,
    samples: [{ note: "[3]", inputs: [float64([3], [0.5, 1.5, 4])] }],
  },
  {
    name: "truncatedNormal",
    call: (a, b) => ad.random.truncatedNormal(ad.random.key(3), [2, 3], { lower: a, upper: b }),
    reference: (a) => a,
    samples: [
      { note: "[3], []", inputs: [float64([3], [-1, 0, 0.5]), float64([], [1.5])] },
      { note: "[3], [2, 3]", inputs: [float64([3], [-1, 0, 0.5]), float64([2, 3], [1.5, 1, 2, 1.2, 3, 0.9])] },
    ],
  },
];

/** Squared, so that the cotangent that a rule gets depends on x too: second derivatives go through both inputs of its formula. */
const squared: Case[] = [ad.softmax, ad.logSoftmax].map((f) => ({
  name: `the square of ${f.name}`,
  call: (x) => f(x, 1).square(),
  reference: (x) => x,
  samples: [{ note: "[2, 3]", inputs: [float64([2, 3], [0.3, -1, 0.5, 1.2, 0.1, -0.4])] }],
}));

/** The derivatives of det have rows of their own, the last of which is linear in its directions only. */
const MATRIX = [0.7, -0.2, 0.4, 0.1, 1.1, -0.3, 0.5, 0.2, 0.9];
const E = [0.3, -0.2, 0.5, 0.1, 0.9, -0.4, 0.6, 0.2, -0.7];
const F = [0.1, 0.8, -0.3, 0.4, -0.6, 0.2, 0.9, -0.5, 0.7];
const cofactors = (x: ad.Tensor) => ad.grad(ad.det as (x: ad.Tensor) => ad.Tensor)(x) as ad.Tensor;
const along = (x: ad.Tensor, e: ad.Tensor) => ad.jvp(cofactors, [x], [e])[1] as ad.Tensor;
const constant = () => ad.tensor(MATRIX, { shape: [3, 3], dtype: "float64" });
const matrices = (...data: number[][]) => [{ note: "[3, 3]", inputs: data.map((numbers) => float64([3, 3], numbers)) }];
const twice: Case[] = [{ name: "the cofactors", call: cofactors, reference: (x) => x, samples: matrices(MATRIX) }];
const once: Case[] = [
  { name: "their tangent", call: along, reference: (x) => x, samples: matrices(MATRIX, E) },
  {
    name: "their second one",
    call: (e, f) => ad.jvp((x: ad.Tensor) => along(x, e), [constant()], [f])[1] as ad.Tensor,
    reference: (x) => x,
    samples: matrices(E, F),
  },
];

let mutate: (op: number, input: number, mode: number, damage: number) => number;
/** Samples that exercise each primitive, in the value or in the gradient. */
const users = new Map<string, { op: Case; sample: Sample }[]>();

function program(op: Case, sample: Sample): Set<string> {
  const inputs = tensors(sample, "float64");
  const float = inputs
    .map((t, i) => [t, i] as const)
    .filter(([t]) => t.dtype === "float64")
    .map(([, i]) => i);
  const used = Object.keys(
    ad
      .trace(op.call)(...inputs)
      .counts(),
  );
  if (!op.discrete)
    used.push(
      ...Object.keys(
        ad
          .trace(
            ad.grad(
              (...xs) =>
                op
                  .call(...xs)
                  .square()
                  .sum(),
              { argnums: float },
            ),
          )(...inputs)
          .counts(),
      ),
    );
  return new Set(used);
}

beforeAll(async () => {
  await ad.init(readFileSync(path.resolve(".cache/wasm/mutants/adjoint.wasm")) as never);
  mutate = ad.testing.rawExports().mutate as typeof mutate;
  for (const op of [...cases.filter((c) => !c.discrete), ...draws, ...squared, ...twice, ...once]) {
    for (const sample of op.samples) {
      if (sample.singular || !isSmall(sample) || sample.inputs.some((x) => x.data.length === 0)) continue;
      ad.scope(() => {
        for (const name of program(op, sample)) users.set(name, [...(users.get(name) ?? []), { op, sample }]);
      });
    }
  }
});

const checks = (op: Case, sample: Sample): (() => void)[] => [
  () => checkModesAgree(op, sample, "float64"),
  ...(draws.includes(op) ? [] : [() => checkDirectional(op, sample)]),
  ...(draws.includes(op) || once.includes(op) ? [] : [() => checkSecondOrder(op, sample)]),
];

/** Whether some check fails with the rule damaged as it is now. */
function noticed(name: string): boolean {
  // The table's own order finds most mutants at once; broadcasting samples stand further back.
  for (const { op, sample } of users.get(name) ?? []) {
    for (const check of checks(op, sample)) {
      try {
        ad.scope(check);
      } catch {
        return true;
      }
    }
  }
  return false;
}

/** Rules no sample can tell from a damaged one, with the reason. */
const EQUIVALENT: Record<string, string> = {
  // Both partials of these are the same function of the other argument's place.
  "add swapped": "both partials are 1",
  "convolution not un-broadcast": "its inputs are not stretched",
};

/** Inputs in which nothing is differentiated: a mask, a key, a uniform draw; the slope of gamma refuses to be. */
const NO_DERIVATIVE: Record<string, number[]> = { where: [0], randomGamma: [0], truncatedNormal: [0], gammaSlope: [0, 1] };

/** Inputs whose pullback is refused. */
const REFUSED: Record<string, number[]> = { cofactorSecond: [0] };

const hasInputs = (name: string) => {
  const inputs = mutate(Op[name as keyof typeof Op], 0, 0, NONE);
  return inputs;
};

it("every damaged rule is noticed", async () => {
  const survivors: string[] = [];
  let killed = 0;
  for (const name of Object.keys(Op)) {
    const inputs = hasInputs(name);
    const { rule } = ROWS[name as keyof typeof Op];
    if (inputs === 0) continue;
    expect(users.has(name), `no case uses ${name}`).toBe(true);
    for (let input = 0; input < inputs; input++) {
      for (const [mode, modeName] of MODES.entries()) {
        for (const [damage, damageName] of DAMAGES.entries()) {
          if (damageName === "swapped" && inputs < 2) continue;
          // Broadcasting happens to elementwise inputs and products, and is undone in reverse only.
          const stretched = inputs >= 2 && (rule === "elementwise" || rule === "multilinear");
          if (damageName === "not un-broadcast" && (modeName === "forward" || !stretched)) continue;
          if (`${name} ${damageName}` in EQUIVALENT) continue;
          if (NO_DERIVATIVE[name]?.includes(input) || (modeName === "reverse" && REFUSED[name]?.includes(input))) continue;
          // Forward, only pointwise rules have a term for each input; the damage to the whole tangent of another stands at input 0.
          if (rule !== "elementwise" && modeName === "forward" && (input > 0 || damageName === "swapped")) continue;
          // The runner gives up a worker whose event loop does not turn for a minute.
          await new Promise((resolve) => setImmediate(resolve));
          mutate(Op[name as keyof typeof Op], input, mode, damage);
          const found = noticed(name);
          mutate(Op[name as keyof typeof Op], 0, 0, NONE);
          if (found) killed++;
          else survivors.push(`${name}, input ${input}, ${modeName}, ${damageName}`);
        }
      }
    }
  }
  console.log(`${killed} mutants killed, ${survivors.length} survived`);
  expect(survivors).toEqual([]);
  expect(killed).toBeGreaterThan(300);
});

it("undamaged rules pass the same checks", () => {
  for (const [name, list] of users) {
    const { op, sample } = list[0]!;
    ad.scope(() => checks(op, sample).forEach((check) => check()));
    expect(name).toBeTruthy();
  }
});
