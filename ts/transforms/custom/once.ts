/** Derivatives that exist once only: what was computed by plain JavaScript is a constant for every derivative after the first. */
import { watchingReads } from "../../conversions.js";
import { NotDifferentiableError } from "../../errors.js";
import { isFloat } from "../../dtype.js";
import { checked, engine } from "../../runtime/instance.js";
import { idOf, type Tensor } from "../../tensor.js";
import { putIds } from "../sweeping.js";
import { dispatch, type Custom } from "./dispatch.js";
import { aliasOf } from "./record.js";

/** Whether a derivative with respect to something is under way in any of the values, at whatever depth. */
export function isActive(values: readonly Tensor[]): boolean {
  putIds(values.map(idOf));
  return checked(engine.recording_level(values.length, 1)) > 1;
}

/** Whether some of the float values hang on nothing that is differentiated. */
export function isCut(values: readonly Tensor[]): boolean {
  return values.some((x) => isFloat(x.dtype) && !isActive([x]));
}

/** What `body` gives, and whether it read the numbers of a tensor for which `concerns` holds. */
export function noticing<R>(concerns: (read: readonly Tensor[]) => boolean, body: () => R): [result: R, read: boolean] {
  let read = false;
  const result = watchingReads((x) => {
    if (concerns([x])) read = true;
  }, body);
  return [result, read];
}

/** `values` of the rule of `name`, whose derivative with respect to `inputs` is refused with `message` as soon as somebody asks for it. */
export function onlyOnce(name: string, message: string, values: readonly Tensor[], inputs: readonly Tensor[]): Tensor[] {
  if (!isActive(inputs)) return [...values];
  const n = values.length;
  const refuse = (): never => {
    throw new NotDifferentiableError(`${name}: ${message}`, name);
  };
  const result = (outputs: Tensor[]) => ({ outputs, rebuild: (leaves: readonly unknown[]) => leaves });
  const custom: Custom = {
    name,
    value: (all) => result(all.slice(0, n).map((x) => aliasOf(idOf(x)))),
    forward(all, tangents) {
      if (tangents.slice(n).some((t) => t !== null)) refuse();
      return { ...custom.value(all), tangents: tangents.slice(0, n) };
    },
    reverse(all, active) {
      const wanted = active.slice(n).includes(true);
      return {
        ...result(dispatch(custom, all).outputs),
        held: [],
        pullback: (_all, _held, cotangents) => (wanted ? refuse() : [...cotangents, ...inputs.map(() => null)]),
      };
    },
  };
  return dispatch(custom, [...values, ...inputs]).outputs;
}
