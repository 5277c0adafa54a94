/**
 * Rules of the user's own. A custom function is dispatched here as the engine dispatches an op: the highest level among the
 * inputs handles it and calls it again one level down, so it nests with everything.
 */
import { zeros, zerosLike } from "../creation.js";
import { NotDifferentiableError, ShapeError, ValueError } from "../errors.js";
import { checked, engine, pass, scratch } from "../runtime/instance.js";
import { idOf, made, Tensor } from "../tensor.js";
import { root } from "../memory.js";
import { flatten, map, sameStructure } from "../tree.js";
import { examplesOf, onLevel } from "../random/state.js";
import { jvp, tangentOf } from "./forward.js";
import { call, checkFunction, inScope, outputTensor } from "./machinery.js";
import { vjp } from "./reverse.js";
import { putIds, registerPullback } from "./sweeping.js";

type AnyFunction = (...args: any[]) => any;

/** A differentiable function given by what it does at each kind of level, over flat lists of tensors. */
interface Custom {
  name: string;
  /** The value, written with ops: what level 0 runs. */
  value: (inputs: Tensor[]) => { outputs: Tensor[]; rebuild: (leaves: readonly unknown[]) => any };
  /** Output tangents from the inputs and their tangents; absent when the rule has none. */
  forward?: (inputs: Tensor[], tangents: (Tensor | null)[]) => { outputs: Tensor[]; tangents: (Tensor | null)[]; rebuild: (leaves: readonly unknown[]) => any };
  /** The value with a pullback. The inputs live as long as the pullback; `held` are further tensors that must. */
  reverse?: (inputs: Tensor[]) => { outputs: Tensor[]; pullback: (cotangents: (Tensor | null)[]) => (Tensor | null)[]; rebuild: (leaves: readonly unknown[]) => any; held?: Tensor[] };
}

/** A second handle of the root's: what a pullback needs outlives the scope in which the forward rule ran. */
function rooted(x: Tensor): Tensor {
  return new Tensor(checked(engine.root_alias(idOf(x))), root);
}

/** Zeros for outputs whose cotangent is a symbolic zero, without holding the outputs themselves. */
function completing(outputs: readonly Tensor[]): (cotangents: (Tensor | null)[]) => Tensor[] {
  const forms = outputs.map(({ shape, dtype }) => ({ shape, dtype }));
  return (cotangents) => forms.map(({ shape, dtype }, i) => cotangents[i] ?? zeros(shape, { dtype }));
}

/** The kind of an open level as its wrappers show it. */
function kindOf(level: number, inputs: readonly Tensor[]): "grad" | "dual" | "batch" {
  for (const x of inputs) {
    putIds([idOf(x)]);
    if (engine.top_level(1) !== level) continue;
    const kind = engine.level_kind(level);
    return kind === 0 ? "grad" : kind === 1 ? "dual" : "batch";
  }
  throw new ValueError("no input belongs to the level that handles them");
}

function dispatch(custom: Custom, inputs: Tensor[]): { outputs: Tensor[]; rebuild: (leaves: readonly unknown[]) => any } {
  putIds(inputs.map(idOf));
  const level = engine.top_level(inputs.length);
  if (level === 0) return custom.value(inputs);
  switch (kindOf(level, inputs)) {
    case "batch":
      // The rules are functions of ops: on batched values they act on all examples, and what they
      // record lies on the levels below.
      return batched(custom, inputs, level);
    case "dual": {
      if (custom.forward === undefined) {
        throw new NotDifferentiableError(`${custom.name}: this rule is written for reverse mode only and cannot be pushed forward; give a customJvp, or use reverse mode`, custom.name);
      }
      const primals = inputs.map((x) => made(checked(engine.primal_of(level, idOf(x)))));
      const tangents = inputs.map((x) => tangentOf(level, x));
      const { outputs, tangents: slopes, rebuild } = custom.forward(primals, tangents);
      const duals = outputs.map((y, i) => (slopes[i] ? made(checked(engine.dual(level, idOf(y), idOf(slopes[i])), custom.name)) : y));
      return { outputs: duals, rebuild };
    }
    case "grad": {
      if (custom.reverse === undefined) throw new NotDifferentiableError(`${custom.name}: this rule cannot be pulled back`, custom.name);
      const primals = inputs.map((x) => rooted(made(checked(engine.untrack(level, idOf(x))))));
      const { outputs, pullback, rebuild, held = [] } = custom.reverse(primals);
      const number = registerPullback(pullback, [...primals, ...held]);
      putIds(inputs.map(idOf), outputs.map(idOf));
      checked(engine.record_callback(level, inputs.length, outputs.length, number), custom.name);
      const ids = Array.from(scratch().subarray(0, outputs.length));
      return { outputs: ids.map(made), rebuild };
    }
  }
}

/** Under vmap: the function mapped over its batch is a custom function again, with mapped rules, one level down. */
function batched(custom: Custom, inputs: Tensor[], level: number): { outputs: Tensor[]; rebuild: (leaves: readonly unknown[]) => any } {
  const isBatched = inputs.map((x) => {
    putIds([idOf(x)]);
    return engine.top_level(1) === level;
  });
  const size = engine.level_size(level);
  // Draws of the rule are per example or not as in the user's vmap, also when a sweep runs the rule after that has ended.
  const mapping = examplesOf(level);
  // All values one level down with their batch axis first; values that are the same for all examples stay as they are.
  const inner = inputs.map((x, i) => (isBatched[i] ? made(checked(engine.unbatch(level, idOf(x), 0))) : x));
  let rebuildExample: (leaves: readonly unknown[]) => any = (leaves) => leaves;
  /** Runs `body` on examples of a fresh batch level. */
  const mapped = (values: (Tensor | null)[], batch: boolean[], body: (examples: (Tensor | null)[]) => (Tensor | null)[]): (Tensor | null)[] => {
    pass([size]);
    const fresh = engine.level_push(2);
    try {
      const examples = values.map((v, i) => (v !== null && batch[i] ? made(checked(engine.batch(fresh, idOf(v), 0))) : v));
      return onLevel(mapping, fresh, () => body(examples)).map((y) => (y === null ? null : made(checked(engine.unbatch(fresh, idOf(y), 0)))));
    } finally {
      engine.level_pop(fresh);
    }
  };
  const whole: Custom = {
    name: custom.name,
    value(values) {
      const outputs = mapped(values, isBatched, (examples) => {
        const result = custom.value(examples as Tensor[]);
        rebuildExample = result.rebuild;
        return result.outputs;
      }) as Tensor[];
      return { outputs, rebuild: rebuildExample };
    },
    forward:
      custom.forward &&
      ((values, tangents) => {
        const n = values.length;
        let count = 0;
        const both = mapped([...values, ...tangents], [...isBatched, ...tangents.map(() => true)], (examples) => {
          const result = custom.forward!(examples.slice(0, n) as Tensor[], examples.slice(n));
          rebuildExample = result.rebuild;
          count = result.outputs.length;
          return [...result.outputs, ...result.tangents];
        });
        return { outputs: both.slice(0, count) as Tensor[], tangents: both.slice(count), rebuild: rebuildExample };
      }),
    reverse:
      custom.reverse &&
      ((values) => {
        const outputs = whole.value(values).outputs;
        const pullback = (cotangents: (Tensor | null)[]) =>
          mapped([...values, ...cotangents], [...isBatched, ...cotangents.map(() => true)], (examples) => {
            const n = values.length;
            const { pullback, held = [] } = custom.reverse!(examples.slice(0, n) as Tensor[]);
            try {
              return pullback(examples.slice(n));
            } finally {
              held.forEach((tensor) => tensor.dispose());
            }
          }).map((g, i) => (g === null || isBatched[i] ? g : g.sum(0)));
        return { outputs, pullback, rebuild: rebuildExample };
      }),
  };
  const { outputs, rebuild } = dispatch(whole, inner);
  return { outputs: outputs.map((y) => made(checked(engine.batch(level, idOf(y), 0)))), rebuild };
}

/**
 * Flattens the user's arguments and result around `dispatch`. No scope of its own: what a rule keeps for its pullback has to
 * live as long as the graph, that is in the scope outside.
 */
function asFunction(name: string, make: (rebuildArguments: (leaves: readonly unknown[]) => any[]) => Custom): AnyFunction {
  return (...args) => {
    const [leaves, rebuild] = flatten(args);
    const tensors = leaves.map((leaf: unknown) => outputTensor(name, leaf));
    const { outputs, rebuild: rebuildOutput } = dispatch(make(rebuild as (leaves: readonly unknown[]) => any[]), tensors);
    return rebuildOutput(outputs);
  };
}

const tensorsOf = (name: string, tree: unknown): { outputs: Tensor[]; rebuild: (leaves: readonly unknown[]) => any } => {
  const [leaves, rebuild] = flatten(tree);
  return { outputs: leaves.map((leaf: unknown) => outputTensor(name, leaf)), rebuild };
};

export interface CustomVjpRule {
  /** The value and whatever the backward rule needs. */
  forward: (...args: any[]) => [out: any, residuals: any];
  /** One gradient per argument, each a tree like it (null for none). */
  backward: (residuals: any, cotangent: any) => any[];
}

/**
 * `f` with a reverse rule of your own. In forward mode (also jvp of grad of it) the derivative is obtained by transposing
 * the backward rule, which is linear in the cotangent: that needs `backward` to be written with ops.
 */
export function customVjp(f: AnyFunction, rule: CustomVjpRule): AnyFunction {
  checkFunction("customVjp", f);
  if (typeof rule !== "object" || rule === null || typeof rule.forward !== "function" || typeof rule.backward !== "function") {
    throw new ValueError("customVjp: the rule is an object { forward: (...args) => [out, residuals], backward: (residuals, cotangent) => [gradient per argument] }", "customVjp");
  }
  return asFunction("customVjp", (rebuildArguments) => {
    const run = (inputs: Tensor[]) => {
      const result: unknown = call("customVjp", rule.forward, rebuildArguments(inputs));
      if (!Array.isArray(result) || result.length !== 2) throw new ValueError("customVjp: forward must return [out, residuals]", "customVjp");
      return { ...tensorsOf("customVjp", result[0]), residuals: result[1] as unknown };
    };
    const pull = (inputs: Tensor[], residuals: unknown, cotangent: unknown): (Tensor | null)[] => {
      const gradients: unknown = call("customVjp", rule.backward, [residuals, cotangent]);
      const args = rebuildArguments(inputs);
      if (!Array.isArray(gradients) || gradients.length !== args.length) {
        throw new ValueError(`customVjp: backward must return a list with one gradient per argument (${args.length}), it returned ${Array.isArray(gradients) ? gradients.length : typeof gradients}`, "customVjp");
      }
      return args.flatMap((arg, i) => {
        const count = flatten(arg)[0].length;
        if (gradients[i] === null || gradients[i] === undefined) return new Array<null>(count).fill(null);
        sameStructure(arg, gradients[i], "customVjp");
        return flatten(gradients[i])[0].map((g: unknown, k) => checkGradient(flatten(arg)[0][k] as Tensor, g));
      });
    };
    return {
      name: "customVjp",
      value: (inputs) => tensorsOf("customVjp", call("customVjp", f, rebuildArguments(inputs))),
      reverse(inputs) {
        const { outputs, rebuild, residuals } = run(inputs);
        const held: Tensor[] = [];
        const kept: unknown = map((leaf) => {
          if (!(leaf instanceof Tensor)) return leaf;
          const alias = rooted(leaf);
          held.push(alias);
          return alias;
        }, residuals);
        const complete = completing(outputs);
        return { outputs, rebuild, held, pullback: (cotangents) => pull(inputs, kept, rebuild(complete(cotangents))) };
      },
      forward(inputs, tangents) {
        const { outputs, rebuild, residuals } = run(inputs);
        // ct ↦ J'ct is linear: its own pullback at any point is t ↦ J t.
        const [, transpose] = vjp((cts: Tensor[]) => pull(inputs, residuals, rebuild(cts)).map((g, i) => g ?? zerosLike(inputs[i]!)), outputs.map((y) => zerosLike(y)));
        const [slopes] = transpose(tangents.map((t, i) => t ?? zerosLike(inputs[i]!)));
        return { outputs, tangents: slopes as Tensor[], rebuild };
      },
    };
  });
}

function checkGradient(input: Tensor, g: unknown): Tensor {
  const gradient = outputTensor("customVjp", g);
  if (gradient.shape.join() !== input.shape.join()) {
    throw new ShapeError(`customVjp: backward returned a gradient of shape [${gradient.shape.join(", ")}] for an argument of shape [${input.shape.join(", ")}]`, "customVjp");
  }
  return gradient;
}

/**
 * A function with a forward rule of your own: `rule(primals, tangents)` returns `[out, tangentOut]`, linear in the tangents.
 * Reverse mode transposes it, which needs it to be written with ops.
 */
export function customJvp(f: AnyFunction, rule: (primals: any[], tangents: any[]) => [any, any]): AnyFunction {
  checkFunction("customJvp", f);
  checkFunction("customJvp", rule);
  return asFunction("customJvp", (rebuildArguments) => {
    const push = (inputs: Tensor[], tangents: (Tensor | null)[]) => {
      const result: unknown = call("customJvp", rule, [rebuildArguments(inputs), rebuildArguments(inputs.map((x, i) => tangents[i] ?? zerosLike(x)))]);
      if (!Array.isArray(result) || result.length !== 2) throw new ValueError("customJvp: the rule must return [out, tangentOut]", "customJvp");
      sameStructure(result[0], result[1], "customJvp");
      const slopes = tensorsOf("customJvp", result[1]).outputs;
      const value = tensorsOf("customJvp", result[0]);
      value.outputs.forEach((y, i) => {
        if (y.shape.join() !== slopes[i]!.shape.join()) {
          throw new ShapeError(`customJvp: the tangent of an output has shape [${slopes[i]!.shape.join(", ")}], the output [${y.shape.join(", ")}]`, "customJvp");
        }
      });
      return { ...value, tangents: slopes };
    };
    return {
      name: "customJvp",
      value: (inputs) => tensorsOf("customJvp", call("customJvp", f, rebuildArguments(inputs))),
      forward: push,
      reverse(inputs) {
        const { outputs, rebuild } = tensorsOf("customJvp", call("customJvp", f, rebuildArguments(inputs)));
        const complete = completing(outputs);
        const pullback = (cotangents: (Tensor | null)[]) => {
          // t ↦ J t is linear: its pullback is ct ↦ J'ct.
          const float = inputs.filter((x) => x.dtype === "float32" || x.dtype === "float64");
          const [, transpose] = vjp((ts: Tensor[]) => {
            let next = 0;
            return push(inputs, inputs.map((x) => (float.includes(x) ? ts[next++]! : null))).tangents;
          }, float.map((x) => zerosLike(x)));
          const [gradients] = transpose(complete(cotangents)) as [Tensor[]];
          let next = 0;
          return inputs.map((x) => (float.includes(x) ? gradients[next++]! : null));
        };
        return { outputs, rebuild, pullback };
      },
    };
  });
}

/**
 * `f` recomputed in the backward pass instead of remembered: what it made on the way is released at once, so the memory of a deep
 * function is that of its parts' inputs plus one part. Costs one more forward pass.
 */
export function checkpoint(f: AnyFunction): AnyFunction {
  checkFunction("checkpoint", f);
  return asFunction("checkpoint", (rebuildArguments) => {
    const value = (inputs: Tensor[]) => inScope(() => tensorsOf("checkpoint", call("checkpoint", f, rebuildArguments(inputs))));
    return {
      name: "checkpoint",
      value,
      forward(inputs, tangents) {
        let rebuild: (leaves: readonly unknown[]) => any = (leaves) => leaves;
        const [outputs, slopes] = jvp(
          (...xs: Tensor[]) => {
            const result = tensorsOf("checkpoint", call("checkpoint", f, rebuildArguments(xs)));
            rebuild = result.rebuild;
            return result.outputs;
          },
          inputs,
          inputs.map((x, i) => tangents[i] ?? zerosLike(x)),
        );
        return { outputs, tangents: slopes, rebuild };
      },
      reverse(inputs) {
        const { outputs, rebuild } = value(inputs);
        const pullback = (cotangents: (Tensor | null)[]) => {
          const float = inputs.map((x) => x.dtype === "float32" || x.dtype === "float64");
          const active = inputs.filter((_, i) => float[i]);
          const [again, back] = vjp((...xs: Tensor[]) => {
            let next = 0;
            return tensorsOf("checkpoint", call("checkpoint", f, rebuildArguments(inputs.map((x, i) => (float[i] ? xs[next++]! : x))))).outputs;
          }, ...active);
          const gradients = back((again as Tensor[]).map((y, i) => cotangents[i] ?? zerosLike(y)));
          back.dispose();
          let next = 0;
          return inputs.map((_, i) => (float[i] ? (gradients[next++] as Tensor) : null));
        };
        return { outputs, rebuild, pullback };
      },
    };
  });
}
