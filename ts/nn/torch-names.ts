/** Modules whose parameters have names of more than one word. */
import type { Tensor } from "../tensor.js";
import { Module } from "./module.js";

/** `runningMean` becomes `running_mean`: of a path, the part that is this module's own. */
const snake = (name: string) => name.replace(/^[^.]*/, (own) => own.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));

/** A module whose properties are in camelCase here and in snake_case in PyTorch: by `stateDict()` weights move both ways. */
export abstract class TorchNamed<Output = Tensor> extends Module<Output> {
  /** @internal As PyTorch names them. */
  override *places(prefix = "", above: readonly Module<unknown>[] = []): ReturnType<Module["places"]> {
    for (const place of super.places("", above)) yield { ...place, name: prefix + snake(place.name) };
  }
}
