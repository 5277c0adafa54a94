/** `compile`: a function is recorded once and replayed as one planned program. */
import { isWatched } from "../captures.js";
import { defaultDtype } from "../creation.js";
import { ValueError } from "../errors.js";
import { atMost } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import { readOptions } from "../input/options.js";
import { build } from "../inspect/build.js";
import { isInspecting } from "../inspect/debug.js";
import type { Program } from "../inspect/program.js";
import { record, withTensors } from "../inspect/record.js";
import { recorder } from "../recording.js";
import { AMBIENT } from "../runtime/boundary.js";
import { compilerLoaded, hasCompiler, needCompiler } from "../runtime/compiler.js";
import { engine, isAttached } from "../runtime/instance.js";
import { Tensor } from "../tensor.js";
import { asTree } from "../transforms/arguments.js";
import { call, type Callback, checkFunction, inScope } from "../transforms/machinery.js";
import { isRecording } from "../transforms/modes.js";
import type { ArgumentsOf } from "../transforms/types.js";
import { flatten, walk } from "../tree.js";
import { CompiledProgram, type Leaf } from "./program.js";
import { constant, fixedKey, type Pattern, patternOf, structure } from "./structure.js";

const NAME = "compile";
/** Programs that are kept for one function, for different shapes and the like; the one used longest ago goes. */
const KEPT = 8;
/** So many recordings of one function are mentioned: it is meant to be recorded once. */
const MANY = 4;

/** Options of `compile`. */
export interface CompileOptions {
  /** Positions of arguments that are no tensors and are part of the program: another value is another program. */
  static?: number | readonly number[];
}

/** What a run of a program costs, counted and not measured. */
export interface ProgramStats {
  /** Its instructions; a fused group is one. */
  readonly instructions: number;
  /** Bytes that its intermediate results take together. */
  readonly arenaBytes: number;
  /** Fused groups, each an emitted function. */
  readonly groups: number;
  /** Floating-point operations; a function such as exp counts as one. */
  readonly flops: number;
  /** Bytes read and written by its instructions. */
  readonly bytesMoved: number;
}

const NOTHING: ProgramStats = { instructions: 0, arenaBytes: 0, groups: 0, flops: 0, bytesMoved: 0 };

/** What a compiled function costs: how it was called, and the program used last. */
export interface CompileStats extends ProgramStats {
  /** Programs that are kept, one for each set of shapes, dtypes, modes and static arguments. */
  readonly programs: number;
  /** How often the function was recorded. */
  readonly recordings: number;
  /** How often a program was run in its place. */
  readonly replays: number;
  /** How often it was called as it is, because a program would have lost a derivative or a check. */
  readonly eager: number;
}

/** A compiled function. */
export interface Compiled<A extends unknown[], R> {
  (...args: ArgumentsOf<A>): R;
  /** What it costs so far. */
  stats(): CompileStats;
  /**
   * The program for such arguments, for reading: its text shows what each pass made of it. The function is run for it once, as `trace` does,
   * its updates included.
   */
  program(...args: ArgumentsOf<A>): Program<A, R> & Stages;
  /**
   * Resolves when programs can be made. What that takes is loaded when a function is first compiled, in Node at once; elsewhere the function runs as
   * it is until then. Rejects with `NotInitializedError` when it cannot be loaded.
   */
  readonly ready: Promise<void>;
}

/** What became of a program on the way. */
export interface Stages {
  /** After each pass, in order. */
  readonly stages: readonly Stage[];
}

/** A program after a pass. */
export interface Stage {
  /** The pass. */
  readonly name: string;
  /** The program, an instruction a line. */
  readonly text: string;
}

interface Entry {
  readonly key: string;
  /** Without one the function is run as it is: what it returns is to be differentiated outside. */
  readonly program: CompiledProgram | null;
}

/** What a program depends on beside its arguments. */
const modeKey = (): string => (isRecording ? defaultDtype : `noGrad ${defaultDtype}`);

/** More arguments than this have no number of their own. */
const MOST_NUMBERED = 24;

/** Which of the arguments are numbers, as a number, if all are tensors or numbers; else 0. */
function kindsOf(args: readonly unknown[]): number {
  if (args.length > MOST_NUMBERED) return 0;
  let kinds = 1;
  for (let i = 0; i < args.length; i++) {
    const isNumber = typeof args[i] === "number";
    if (!isNumber && !(args[i] instanceof Tensor)) return 0;
    kinds = 2 * kinds + (isNumber ? 1 : 0);
  }
  return kinds;
}

class Cache {
  /** By itself, for the finalizer: it must not hold the function, which may hold the compiled one. */
  readonly kept: { entries: Entry[] } = { entries: [] };
  private recordings = 0;
  private replays = 0;
  private eager = 0;
  private mentioned = false;
  /** Keys by which arguments are numbers, in the mode of the last call. */
  private mode = "";
  private keys = new Map<number, string>();
  /** What arguments looked like, with their keys; the last seen first. */
  private readonly patterns: { readonly mode: string; readonly key: string; readonly looks: Pattern }[] = [];

  constructor(
    private readonly f: Callback,
    private readonly fixed: readonly number[],
  ) {}

  call(args: readonly unknown[]): unknown {
    // Recorded by somebody else, or looked at op by op: the function itself is what that needs.
    if (recorder !== null || isWatched() || isInspecting()) return this.asItIs(args);
    const mode = modeKey();
    const kinds = this.fixed.length === 0 ? kindsOf(args) : 0;
    if (kinds > 0) {
      const given = args as readonly Leaf[];
      const key = this.keyOf(mode, kinds, given);
      const done = this.replay(key, given);
      return done === undefined ? this.fallBack(key, given, args) : done.result;
    }
    for (const known of this.patterns) {
      const leaves: Leaf[] = [];
      if (known.mode !== mode || !known.looks(args, leaves)) continue;
      const done = this.replay(known.key, leaves);
      return done === undefined ? this.fallBack(known.key, leaves, args) : done.result;
    }
    // Arrays are tensors for the time of the call.
    return inScope(() => {
      const leaves: Leaf[] = [];
      let key = mode;
      const given = args.map((arg, i) => {
        if (this.fixed.includes(i)) {
          key += fixedKey(NAME, arg, i);
          return arg;
        }
        const tree = asTree(arg);
        key += `${structure(tree, leaves)};`;
        return tree;
      });
      this.learn(mode, key, args);
      const done = this.replay(key, leaves);
      return done === undefined ? this.fallBack(key, leaves, args, given) : done.result;
    });
  }

  /** Remembers what arguments with a key look like, if none has to be made a tensor: then the next of these need no key. */
  private learn(mode: string, key: string, args: readonly unknown[]): void {
    const parts = args.map((arg, i) => (this.fixed.includes(i) ? constant(arg) : patternOf(arg)));
    if (parts.includes(null)) return;
    const looks: Pattern = (given, leaves) =>
      (given as unknown[]).length === parts.length && parts.every((part, i) => part!((given as unknown[])[i], leaves));
    this.patterns.unshift({ mode, key, looks });
    this.patterns.length = Math.min(this.patterns.length, KEPT);
  }

  /** The key of tensors and numbers, as `structure` would write it. */
  private keyOf(mode: string, kinds: number, leaves: readonly Leaf[]): string {
    if (this.mode !== mode) [this.mode, this.keys] = [mode, new Map()];
    const known = this.keys.get(kinds);
    if (known !== undefined) return known;
    const key = mode + leaves.map((leaf) => `${structure(leaf, [])};`).join("");
    this.keys.set(kinds, key);
    return key;
  }

  /** The function itself, which sees tensors as in a program. */
  private asItIs(args: readonly unknown[]): unknown {
    this.eager++;
    if (args.every((arg, i) => arg instanceof Tensor || this.fixed.includes(i))) return call(NAME, this.f, args);
    return inScope(() => {
      const [leaves, rebuild] = flatten(args.map((arg, i) => (this.fixed.includes(i) ? null : asTree(arg))));
      const given = rebuild(withTensors(leaves)) as unknown[];
      return call(
        NAME,
        this.f,
        given.map((arg, i) => (this.fixed.includes(i) ? args[i] : arg)),
      );
    });
  }

  /** What a program made of the arguments; undefined when none is for them. */
  private replay(key: string, leaves: readonly Leaf[]): { readonly result: unknown } | undefined {
    for (let i = 0; i < this.kept.entries.length; i++) {
      const { key: own, program } = this.kept.entries[i]!;
      if (own !== key || program === null || !program.fits) continue;
      const outcome = program.run(leaves);
      if (typeof outcome !== "object") continue;
      if (i > 0) this.kept.entries.unshift(...this.kept.entries.splice(i, 1));
      this.replays++;
      return outcome;
    }
    return undefined;
  }

  /** Without a program for the arguments: the function as it is, and recorded if that can be. */
  private fallBack(key: string, leaves: readonly Leaf[], args: readonly unknown[], given = args): unknown {
    const isEager =
      !hasCompiler() ||
      engine.level_depth() > AMBIENT ||
      this.kept.entries.some((entry) => entry.key === key && entry.program === null) ||
      leaves.some((leaf) => leaf instanceof Tensor && (leaf.isInTransform || (isRecording && leaf.isTracked)));
    return isEager ? this.asItIs(args) : inScope(() => this.record(key, given));
  }

  /** Runs the function once, and keeps what it did as a program. */
  private record(key: string, given: readonly unknown[]): unknown {
    this.recordings++;
    const open = given.map((arg, i) => (this.fixed.includes(i) ? null : arg));
    const body = (...args: unknown[]): unknown => {
      const result: unknown = call(
        NAME,
        this.f,
        args.map((arg, i) => (this.fixed.includes(i) ? given[i] : arg)),
      );
      walk(result, (leaf) => {
        if (typeof leaf === "number")
          throw new ValueError(
            `${NAME}: the function returned the number ${leaf}, which would be the same in every call; return a tensor, and read it with item() outside`,
            NAME,
          );
      });
      return result;
    };
    return record(NAME, body, open, true, (recorded) => {
      const waits = isRecording && recorded.results.some((x) => engine.graph_waits(x.handle) !== 0);
      if (waits) {
        this.keep({ key, program: null });
        this.mention(
          "returned tensors that backward() could be called on outside. A program gives plain numbers, so the function is called as it is. " +
            "For inference compile(() => noGrad(...)); for training put backward() or minimize() inside the compiled function",
        );
        return recorded.rebuild(recorded.results);
      }
      this.keep({ key, program: new CompiledProgram(recorded, false) });
      if (this.recordings === MANY)
        this.mention(
          `was recorded ${MANY} times: shapes, dtypes, static arguments, modes or numbers of an optimizer were different each time. ` +
            "Pad batches to one shape, and pass what changes as a tensor or number that is not static",
        );
      return recorded.rebuild(recorded.plain);
    });
  }

  private keep(entry: Entry): void {
    this.kept.entries = this.kept.entries.filter(({ program }) => program === null || program.isThere);
    this.kept.entries.unshift(entry);
    for (const old of this.kept.entries.splice(KEPT)) old.program?.free();
  }

  private mention(what: string): void {
    if (this.mentioned) return;
    this.mentioned = true;
    const name = this.f.name === "" ? "a compiled function" : `the compiled function ${this.f.name}`;
    console.warn(`adjoint: ${name} ${what}.`);
  }

  stats(): CompileStats {
    const { recordings, replays, eager } = this;
    const { entries } = this.kept;
    const last = entries.find(({ program }) => program?.isThere)?.program;
    return { programs: entries.length, recordings, replays, eager, ...(last?.stats() ?? NOTHING) };
  }

  /** For reading. */
  program(args: readonly unknown[]): Program & Stages {
    needCompiler(NAME);
    return inScope(() => {
      const given = args.map((arg, i) => (this.fixed.includes(i) ? arg : asTree(arg)));
      const open = given.map((arg, i) => (this.fixed.includes(i) ? null : arg));
      const body = (...values: unknown[]): unknown =>
        call(
          NAME,
          this.f,
          values.map((value, i) => (this.fixed.includes(i) ? given[i] : value)),
        );
      return record(NAME, body, open, true, (recorded) => {
        const compiled = new CompiledProgram(recorded, true);
        const stages = compiled.stages();
        compiled.free();
        const program = build(
          recorded,
          recorded.inputs.map((_, i) => `x${i}`),
        );
        const listing = stages.map(({ name, text }) => `${name}:\n${text}`).join("\n\n");
        return Object.assign(program, { stages, toString: () => listing });
      });
    });
  }
}

/** Programs of functions that nobody can call any more. */
const unreachable = new FinalizationRegistry<{ entries: Entry[] }>(({ entries }) => {
  for (const { program } of entries) program?.free();
});

/**
 * `compile(f)` behaves as `f` and is faster: at the first call `f` runs as it is and everything it does is recorded, forward, backward and
 * updates of parameters; from the second call on that is one planned program, run with one call into the engine. A call with other shapes,
 * dtypes, static arguments or modes (`train()`, `noGrad`) is recorded anew; the last 8 programs are kept.
 *
 * What stays what it was in the recorded run is plain JavaScript: loops, numbers computed from variables, `console.log`. Tensors that `f`
 * closes over are read anew at each call, parameters and the state of optimizers are updated, rates and step counts are those of now, and
 * random draws go on. Arguments are trees of tensors, arrays and numbers; what `f` is to see as it is (a flag, a size) is named by
 * `static`. Results are tensors with memory of their own; they are not recorded for `backward()`. Inside `grad`, `jvp`, `vmap` and other
 * recordings, and where arguments have derivatives, `f` itself is called.
 *
 * Throws `TracedValueError` when `f` reads a number that depends on its arguments or on parameters (`item()`, comparisons), `ValueError` for
 * a number as the result.
 *
 * @example
 * const step = ad.compile((x, y) => x.mul(y).sum());
 * step([1, 2], [3, 4]).item(); // 11
 */
export function compile<A extends unknown[] = Tensor[], R = unknown>(f: (...args: A) => R, options?: CompileOptions): Compiled<A, R>;
export function compile(f: Callback, options?: CompileOptions): Compiled<any, any> {
  checkFunction(NAME, f);
  atMost(NAME, arguments, 2);
  const { static: fixed = [] } = readOptions<CompileOptions>(NAME, options, ["static"]);
  const positions = typeof fixed === "number" ? [fixed] : fixed;
  if (!Array.isArray(positions) || positions.some((n) => !Number.isInteger(n) || n < 0))
    throw new ValueError(
      `${NAME}: static is the position of an argument or a list of positions, counted from 0, got ${describe(fixed)}`,
      NAME,
    );
  const cache = new Cache(f, positions);
  const compiled = Object.assign((...args: unknown[]) => cache.call(args), {
    stats: () => cache.stats(),
    program: (...args: unknown[]) => cache.program(args) as never,
  });
  // Begins to load what the first call needs.
  if (isAttached()) hasCompiler();
  unreachable.register(compiled, cache.kept);
  return Object.defineProperty(compiled as unknown as Compiled<any, any>, "ready", { get: compilerLoaded, enumerable: true });
}
