/** Reading the parameters that a user gives: a list of tensors, of pairs [name, tensor], or whatever iterates over these. */
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import { nameOf, nameTensor } from "../names.js";
import { Tensor } from "../tensor.js";

/** Tensors, or pairs as `module.namedParameters()` gives them. */
export type Parameters = Iterable<Tensor> | Iterable<readonly [name: string, parameter: Tensor]>;

/** The members of a list or other iterable; throws with what to write instead for what is none. */
export function listed(op: string, given: unknown): unknown[] {
  if (typeof given === "object" && given !== null && !(given instanceof Tensor) && !ArrayBuffer.isView(given) && Symbol.iterator in given)
    return [...(given as Iterable<unknown>)];
  let cure = "";
  if (given instanceof Tensor) cure = "; for one parameter write [parameter]";
  else if (typeof given === "object" && given !== null && "parameters" in given) cure = "; of a module take module.parameters()";
  else if (typeof given === "object" && given !== null && Object.values(given).some((v) => v instanceof Tensor))
    cure = "; of an object take Object.values(parameters)";
  throw new ValueError(`${op}: expected a list of parameters, got ${given instanceof Tensor ? "one tensor" : describe(given)}${cure}`, op);
}

/** The tensors of a list; pairs name them for later messages. */
function tensorsOf(op: string, given: unknown): Tensor[] {
  return listed(op, given).map((member, i) => {
    if (member instanceof Tensor) return member;
    if (Array.isArray(member) && member.length === 2 && typeof member[0] === "string" && member[1] instanceof Tensor) {
      nameTensor(member[1], member[0]);
      return member[1];
    }
    throw new ValueError(`${op}: entry ${i} of the parameters is ${describe(member)}; expected a tensor with requiresGrad`, op);
  });
}

/** Gradients are clipped of one tensor or of a list; each counts once. */
export function clipped(op: string, given: unknown): Tensor[] {
  return [...new Set(given instanceof Tensor ? [given] : tensorsOf(op, given))];
}

/** Parameters to optimize: leaves that require a gradient, or did before they were frozen; none twice. `taken` are those of other groups. */
export function optimized(op: string, given: unknown, isParameter: (t: Tensor) => boolean, taken: ReadonlySet<Tensor>): Tensor[] {
  const tensors = tensorsOf(op, given);
  if (tensors.length === 0) {
    throw new ValueError(
      `${op}: the list of parameters is empty; a module finds what is assigned to its properties (also in arrays, plain objects, Maps and Sets), but not private fields (#layer)`,
      op,
    );
  }
  const seen = new Set(taken);
  for (const p of tensors) {
    if (!isParameter(p)) {
      throw new ValueError(
        `${op}: every parameter is a leaf tensor with requiresGrad; got ${p.requiresGrad ? "a result of a computation" : "one without"}: ${String(p)}`,
        op,
      );
    }
    if (seen.has(p))
      throw new ValueError(`${op}: ${nameOf(p, "the parameter")} appears twice; each parameter belongs to one group, once`, op);
    seen.add(p);
  }
  return tensors;
}
