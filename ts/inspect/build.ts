/** From a record to a program: names instead of ids, and only what the outputs and the writes need. */
import { Op, ROWS, type OpName } from "../opcodes.js";
import { Action, UPDATES } from "../runtime/boundary.js";
import { checked, engine } from "../runtime/instance.js";
import { made } from "../tensor.js";
import { Program } from "./program.js";
import type { Place, RawInstruction, Recorded } from "./record.js";
import type { Source, Step } from "./replay.js";
import { VALUES_KEPT, type Instruction, type Variable, type Write } from "./variable.js";

const OP_NAMES = Object.keys(Op) as OpName[];
const UPDATE_ROWS = Object.entries(UPDATES).map(([name, { options }]) => ({ name, options: options as readonly string[] }));

/** An instruction whose ids are those of variables that some instruction makes, or nobody. */
interface Draft extends RawInstruction {
  readonly op: string;
  /** What it writes to lives on after the run. */
  readonly place: Place | undefined;
}

/** A view without a derivative is a stopGradient: it changes no number. */
const isIdentity = (op: OpName) => ROWS[op].form === "view" && ROWS[op].rule === "zero";

/** Whether it is kept though nobody reads its outputs. */
const isEffect = ({ action, place }: Draft) => action !== Action.Op && place !== undefined;

/** Copies are the same variable, writes to what dies with the run are none. */
function drafts({ instructions, places }: Recorded, resolve: (id: number) => number, same: Map<number, number>): Draft[] {
  const targets = new Map(places.map((place) => [place.id, place]));
  const steps: Draft[] = [];
  for (const raw of instructions) {
    const inputs = raw.inputs.map(resolve);
    const place = targets.get(raw.target);
    const draft = (op: string, more: Partial<Draft> = {}) => steps.push({ ...raw, op, inputs, place, ...more });
    const [output] = raw.outputs;
    switch (raw.action) {
      case Action.Op:
        if (isIdentity(OP_NAMES[raw.number]!)) same.set(output!, inputs[0]!);
        else draft(OP_NAMES[raw.number]!);
        break;
      case Action.Assign:
        same.set(output!, inputs[0]!);
        if (place !== undefined) draft("assign", { outputs: [] });
        break;
      case Action.Update: {
        // The engine says the gradient first.
        const [gradient, parameter, ...state] = inputs;
        draft(UPDATE_ROWS[raw.number]!.name, { inputs: [parameter!, gradient!, ...state] });
        break;
      }
      case Action.Accumulate:
        if (place !== undefined) draft("accumulate");
        else if (inputs.length === 1) same.set(output!, inputs[0]!);
        else draft("add", { action: Action.Op, inputs: [inputs[1]!, inputs[0]!] });
        break;
      case Action.SetGradient:
        if (place !== undefined) draft("setGradient");
        break;
      case Action.While:
        draft("whileLoop");
        break;
    }
  }
  return steps;
}

/** The program of a record; `names` are those of the inputs. */
export function build(recorded: Recorded, names: readonly string[]): Program {
  const same = new Map<number, number>();
  const resolve = (id: number) => same.get(id) ?? id;
  const steps = drafts(recorded, resolve, same);
  const results = recorded.outputs.map(resolve);
  const changed = recorded.places.filter(({ before, after }) => resolve(after) !== before);
  const needed = new Set([...results, ...changed.map(({ after }) => resolve(after))]);
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i]!;
    if (isEffect(step) || step.outputs.some((id) => needed.has(id))) for (const id of step.inputs) needed.add(id);
  }

  const variables: Variable[] = [];
  const byId = new Map<number, Variable>();
  const sources = new Map<Variable, Source>();
  const labels = new Labels();
  const variable = (id: number, kind: Variable["kind"], name: string): Variable => {
    const made: Variable = { index: variables.length, name, kind, ...describe(id) };
    variables.push(made);
    byId.set(id, made);
    return made;
  };
  const placeNames = new Map<Place, string>();
  const nameOf = (place: Place): string => {
    const known = placeNames.get(place);
    if (known !== undefined) return known;
    let name: string;
    if (place.owner !== undefined) {
      const { parameter, part } = place.owner;
      name = labels.unique(parameter === undefined ? part : `${nameOf(parameter)}.${part}`);
    } else name = place.name === undefined ? labels.numbered(place.kind === "parameter" ? "p" : "s") : labels.unique(place.name);
    placeNames.set(place, name);
    return name;
  };
  const held = new Map(recorded.places.map((place) => [place.before, place]));
  const gradients = new Map(
    recorded.places.flatMap((place) => (place.gradientBefore === 0 ? [] : [[place.gradientBefore, place] as const])),
  );
  const keys = new Map(recorded.keys.map((key) => [key.variable, key]));

  /** What no instruction makes. */
  const given = (id: number): Variable => {
    const [place, gradient, key] = [held.get(id), gradients.get(id), keys.get(id)];
    if (key !== undefined) return withSource(variable(id, "key", labels.numbered("key")), { draw: key.draw });
    if (gradient !== undefined) return withSource(variable(id, "state", `${nameOf(gradient)}.grad`), { gradientOf: gradient });
    if (place === undefined) return variable(id, "constant", labels.numbered("c"));
    if (place.kind === "captured" && !changed.includes(place))
      return withSource(variable(id, "constant", place.name === undefined ? labels.numbered("c") : nameOf(place)), { place });
    return withSource(variable(id, place.kind === "parameter" ? "parameter" : "state", nameOf(place)), { place });
  };
  const withSource = (v: Variable, source: Source): Variable => {
    sources.set(v, source);
    return v;
  };
  const operand = (id: number): Variable => byId.get(id) ?? given(id);

  const inputs = recorded.inputs.map((id, i) => variable(id, "input", names[i]!));
  const instructions: (Instruction | Write)[] = [];
  const replayed: Step[] = [];
  for (const step of steps) {
    if (!isEffect(step) && !step.outputs.some((id) => needed.has(id))) continue;
    const operands = step.inputs.map(operand);
    if (step.action === Action.Op) {
      const output = variable(step.outputs[0]!, "computed", labels.numbered("t"));
      const op = step.op as OpName;
      const evaluation = { kind: "op", op, inputs: operands, parameters: step.parameters, output, outputs: [output] } as const;
      instructions.push(evaluation);
      replayed.push({ instruction: evaluation });
      continue;
    }
    const target = step.place === undefined ? operands[0]!.name : nameOf(step.place);
    // The next version of what was read; of a gradient that may have been none.
    const next = (i: number) =>
      step.action === Action.Accumulate
        ? `${target}.grad`
        : (step.action === Action.Update && i > 0 ? operands[i + 1]! : operands[0]!).name;
    const outputs = step.outputs.map((id, i) => variable(id, "computed", labels.primed(next(i))));
    const row = step.action === Action.Update ? UPDATE_ROWS[step.number]!.options : [];
    const options = Object.fromEntries(row.map((name, i) => [name, step.parameters[i]!]));
    const write = { kind: "write", op: step.op, target, inputs: operands, options, outputs } as const;
    instructions.push(write);
    replayed.push({ instruction: write, action: step.action, number: step.number, place: step.place, live: step.live });
  }
  const writes = changed.map((place) => ({ place, variable: operand(resolve(place.after)) }));
  const outputs = results.map(operand);
  const { draws, reader, rebuild, guards } = recorded;
  return new Program(
    inputs,
    instructions,
    outputs,
    variables,
    { steps: replayed, sources, writes, draws, reader, rebuild, guards },
    recorded.branched,
  );
}

/** Names that occur once. */
class Labels {
  private readonly counts = new Map<string, number>();
  private readonly taken = new Set<string>();

  numbered(letter: string): string {
    for (;;) {
      const count = this.counts.get(letter) ?? 0;
      this.counts.set(letter, count + 1);
      if (!this.taken.has(`${letter}${count}`)) return this.unique(`${letter}${count}`);
    }
  }

  unique(name: string): string {
    let free = name;
    for (let i = 2; this.taken.has(free); i++) free = `${name}_${i}`;
    this.taken.add(free);
    return free;
  }

  primed(name: string): string {
    let free = `${name}'`;
    while (this.taken.has(free)) free += "'";
    this.taken.add(free);
    return free;
  }
}

/** The value of a variable of the record. */
function describe(id: number): Pick<Variable, "shape" | "dtype" | "value" | "bytes"> {
  const tensor = made(checked(engine.record_value(id), "trace"));
  const { shape, dtype, size } = tensor;
  const data = tensor.data();
  tensor.dispose();
  return { shape, dtype, bytes: data, ...(size <= VALUES_KEPT ? { value: Array.from(data) } : {}) };
}
