/** An optimizer's state as plain data, in PyTorch's form, and back. */
import { integer } from "../input/arguments.js";
import { asTensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { ShapeError, ValueError } from "../errors.js";
import { isPlainObject } from "../input/options.js";
import { keep } from "../memory/steps.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";

/** State outlives the scopes and the steps of training. */
export function persistent(make: () => Tensor): Tensor {
  return keep(make());
}

/** What an optimizer remembers of one parameter: tensors of its shape, and counts. */
export type State = Record<string, Tensor | number>;

/** The parts of a parameter's state by name: tensors of its shape and counts, some of them there only with some options. */
export type Parts = Readonly<Record<string, "tensor" | "optional tensor" | "count">>;

/** What `stateDict()` gives: plain data and tensors, for saving. */
export interface OptimizerState {
  /** By the position of the parameter. */
  state: Record<string, Record<string, TensorLike>>;
  /** The options of each group, and the positions of its parameters. */
  paramGroups: ({
    /** Positions. */
    params: number[];
  } & Record<string, unknown>)[];
}

/** The state of all parameters by position, as snapshots. */
export function writeState(
  groups: readonly { params: readonly Tensor[]; values: object }[],
  state: ReadonlyMap<Tensor, State>,
): OptimizerState {
  const saved: OptimizerState = { state: {}, paramGroups: [] };
  let position = 0;
  for (const { params, values } of groups) {
    saved.paramGroups.push({ ...values, params: params.map((_, i) => position + i) });
    for (const p of params) {
      const parts = state.get(p);
      if (parts !== undefined)
        saved.state[position] = Object.fromEntries(
          Object.entries(parts).map(([key, part]) => [key, part instanceof Tensor ? part.detach() : part]),
        );
      position++;
    }
  }
  return saved;
}

/** A saved tensor; a typed array has the elements in order. */
function shaped(value: TensorLike, like: Tensor): Tensor {
  const tensor = asTensor(value, like);
  return ArrayBuffer.isView(value) && tensor.size === like.size ? tensor.reshape(like.shape) : tensor;
}

/** Checks a saved state against the parameters it is for, and makes it theirs. */
export function readState<Options>(
  name: string,
  saved: unknown,
  groups: readonly { params: readonly Tensor[]; complete(given: Partial<Options>): Options }[],
  known: readonly string[],
  kinds: Parts,
): { options: Options[]; state: [Tensor, State][] } {
  const op = `${name}.loadStateDict`;
  const wrong = (what: string) => new ValueError(`${op}: ${what}`, op);
  if (!isPlainObject(saved) || !isPlainObject(saved["state"]) || !Array.isArray(saved["paramGroups"]))
    throw wrong(`expected { state, paramGroups } as stateDict() gives it, got ${describe(saved)}`);
  const { state, paramGroups } = saved as unknown as OptimizerState;
  if (paramGroups.length !== groups.length)
    throw wrong(`the saved state has ${paramGroups.length} parameter groups, this optimizer has ${groups.length}`);
  const owner = new Map<string, Tensor>();
  const options = groups.map(({ params, complete }, i) => {
    const group = paramGroups[i]!;
    if (!isPlainObject(group) || !Array.isArray(group.params))
      throw wrong(`group ${i} is ${describe(group)}; expected { params: [positions], lr, ... }`);
    const { params: positions, ...given } = group;
    if (positions.length !== params.length)
      throw wrong(`group ${i} was saved with ${positions.length} parameters, this optimizer has ${params.length} there`);
    const unknown = Object.keys(given).filter((key) => !known.includes(key));
    if (unknown.length > 0)
      throw wrong(`group ${i} has the unknown option ${unknown.join(", ")}; this optimizer takes ${known.join(", ")}`);
    positions.forEach((position, k) => owner.set(String(position), params[k]!));
    return complete(given as Partial<Options>);
  });
  const made = inScope(() => {
    const checkedParts = Object.entries(state).map(([position, parts]): [Tensor, State] => {
      const p = owner.get(position);
      if (p === undefined) throw wrong(`there is state for parameter ${position}, which is in no group`);
      if (!isPlainObject(parts)) throw wrong(`the state of parameter ${position} is ${describe(parts)}`);
      const missing = Object.keys(kinds).filter((key) => !Object.hasOwn(parts, key) && kinds[key] !== "optional tensor");
      if (missing.length > 0) throw wrong(`the state of parameter ${position} lacks ${missing.join(", ")}`);
      const entries = Object.entries(parts).map(([key, value]): [string, Tensor | number] => {
        if (!Object.hasOwn(kinds, key))
          throw wrong(
            `the state of parameter ${position} has the unknown part "${key}"; expected ${Object.keys(kinds).join(", ") || "none"}`,
          );
        if (kinds[key] === "count")
          return [key, integer(op, `${key} of parameter ${position}`, value instanceof Tensor ? value.item() : value, 0)];
        const tensor = shaped(value, p).detach();
        if (tensor.shape.join() !== p.shape.join() || tensor.ndim !== p.ndim) {
          throw new ShapeError(
            `${op}: ${key} of parameter ${position} has shape [${tensor.shape.join(", ")}], the parameter [${p.shape.join(", ")}]`,
            op,
          );
        }
        return [key, tensor.dtype === p.dtype ? tensor : tensor.cast(p.dtype)];
      });
      return [p, Object.fromEntries(entries)];
    });
    // All of it fits: now it is made to last.
    return checkedParts.map(([p, parts]): [Tensor, State] => [
      p,
      Object.fromEntries(Object.entries(parts).map(([key, part]) => [key, part instanceof Tensor ? persistent(() => part) : part])),
    ]);
  });
  return { options, state: made };
}
