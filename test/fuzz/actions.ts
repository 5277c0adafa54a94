/** What a random program does, one action after the other; each is written down as the line of the program that it is. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import * as ref from "./duals.js";
import type { Vector } from "./duals.js";
import { expression, restartNames, SIZE } from "./expressions.js";
import { generator, type Random } from "./generator.js";
import { Failure, gradientFormula, here, Machine, remembered, type Formula } from "./machine.js";

const F = { dtype: "float64" } as const;
/** What our own callbacks throw: it must come out as the same object. */
const SENTINEL = new Error("thrown by the program");
const fail = (): never => {
  throw SENTINEL;
};

export class Program extends Machine {
  private makeParameter(random: Random): void {
    if (this.parameters.length >= 3) return;
    const numbers = Array.from({ length: SIZE }, () => Math.round(random() * 256 - 128) / 64);
    const name = this.name("p");
    this.say(`const ${name} = ad.tensor([${numbers}], { ...F, requiresGrad: true });`);
    this.parameters.push({ name, tensor: ad.tensor(numbers, { ...F, requiresGrad: true }), numbers, gradient: null, sources: [] });
  }

  /** An expression over what lives, run and recorded. */
  private compute(random: Random): void {
    const living = this.living();
    const inputs = [...this.parameters, ...living.slice(-6)];
    const program = expression(
      random,
      inputs.map(({ name }) => name),
      1 + random.below(3),
    );
    const used = inputs.filter(({ name }) => new RegExp(`\\b${name}\\b`).test(program.text));
    const name = this.name("t");
    this.say(`const ${name} = ad.scope(() => ${program.text}.mul(1));`);
    const engine = new Map(inputs.map((input) => [input.name, input.tensor]));
    // Times one: a value of its own, not another handle of an input.
    const tensor = ad.scope(() => program.engine(engine).mul(1));
    this.add(name, tensor, used, (point) => program.reference(this.scopeOf(used, point)));
  }

  private backward(random: Random): void {
    const candidates = this.living().filter(({ tensor }) => tensor.requiresGrad);
    if (candidates.length === 0) return;
    const value = random.pick(candidates);
    const mode = random.pick(["", "", "retainGraph", "createGraph"]);
    const cotangent = Array.from({ length: SIZE }, () => random.below(5) - 2);
    const options = mode === "" ? undefined : { [mode]: true };
    this.say(`${value.name}.backward([${cotangent}]${mode === "" ? "" : `, { ${mode}: true }`});`);
    try {
      value.tensor.backward(cotangent, options);
    } catch (error) {
      if (!value.freed || !(error instanceof ad.AdjointError)) throw error;
      // It went over a part of the graph before it met what was freed.
      this.mark(value, true);
      return this.forgetGradients();
    }
    for (const p of value.parameters) {
      const exact = gradientFormula(value.formula, p, cotangent);
      const before = p.gradient;
      // Only a backward pass that was recorded has derivatives.
      const now = exact(here).map(ref.plain);
      const fresh = mode === "createGraph" ? exact : () => now;
      const total: Formula = before === null ? fresh : (point) => before(point).map((g, i) => ref.add(g, fresh(point)[i]!));
      const numbers = total(here).map(ref.plain);
      // A parameter that the graph does not reach (a constant path, noGrad) keeps null.
      if (p.tensor.grad === null) {
        if (numbers.some((g) => g !== 0))
          throw new Failure(`${p.name}.grad is null after ${value.name}.backward(), expected [${numbers.join(", ")}]`);
        continue;
      }
      if (mode === "createGraph") p.sources = [...p.sources, value];
      p.gradient = p.tensor.grad.requiresGrad ? remembered(total) : () => numbers;
      this.expect(`${p.name}.grad after ${value.name}.backward()`, p.tensor.grad, p.gradient);
    }
    this.mark(value, mode === "");
  }

  private forgetGradients(): void {
    this.say(`for (const p of [${this.parameters.map(({ name }) => name).join(", ")}]) p.zeroGrad();`);
    for (const p of this.parameters) {
      p.tensor.zeroGrad();
      [p.gradient, p.sources] = [null, []];
    }
  }

  /** A gradient that was recorded, as a value to go on with. */
  private useGradient(random: Random): void {
    const candidates = this.parameters.filter(({ gradient }) => gradient !== null);
    if (candidates.length === 0) return;
    const p = random.pick(candidates);
    const gradient = p.gradient!;
    const name = this.name("t");
    this.say(`const ${name} = ${p.name}.grad.mul(1);`);
    const tensor = p.tensor.grad!.mul(1);
    this.add(name, tensor, [], gradient);
    // It was computed from whatever its graph was.
    const value = this.values.at(-1)!;
    if (!tensor.requiresGrad) return;
    this.values[this.values.length - 1] = Object.assign(value, {
      parents: p.sources,
      parameters: new Set(this.parameters),
      freed: p.sources.some(({ freed }) => freed),
    });
  }

  private assign(random: Random): void {
    if (this.parameters.length === 0) return;
    const p = random.pick(this.parameters);
    const numbers = Array.from({ length: SIZE }, () => Math.round(random() * 256 - 128) / 64);
    this.say(`${p.name}.assign([${numbers}]);`);
    p.tensor.assign(numbers);
    p.numbers = numbers;
    this.outdate((other) => other === p);
  }

  private step(): void {
    if (this.parameters.length === 0) return;
    if (this.optimizer === null || this.optimizer.over.length !== this.parameters.length) {
      this.say(`optimizer = new ad.optim.SGD([${this.parameters.map(({ name }) => name).join(", ")}], { lr: 0.125 });`);
      this.optimizer = {
        step: new ad.optim.SGD(
          this.parameters.map(({ tensor }) => tensor),
          { lr: 0.125 },
        ),
        over: [...this.parameters],
      };
    }
    this.say("optimizer.step();");
    this.optimizer.step.step();
    this.outdate(() => true);
    for (const p of this.parameters) {
      if (p.gradient === null) continue;
      const gradient = p.gradient(here).map(ref.plain);
      this.expect(`${p.name} after the step`, p.tensor, () => p.numbers.map((v, i) => v - 0.125 * gradient[i]!));
      p.numbers = [...p.tensor.data()];
    }
  }

  private hook(random: Random): void {
    const candidates = this.living().filter(({ tensor, factor, freed, swept }) => tensor.requiresGrad && factor === 1 && !freed && !swept);
    if (candidates.length === 0) return;
    const value = random.pick(candidates);
    const bystander = random.pick(this.parameters);
    const kind = random.below(5);
    if (kind === 0) {
      // Kept: a tensor that a step releases takes its hooks along.
      this.say(`ad.keep(${value.name}).registerHook((g) => g.mul(2));`);
      // Values that were computed from it remember what they gave without the hook: their memory is per point, and points are fresh.
      ad.keep(value.tensor).registerHook((g) => g.mul(2));
      value.factor = 2;
    } else if (kind === 1) {
      this.say(`${value.name}.registerHook((g) => { ad.grad((x) => x.mul(x).sum())(g); });`);
      value.tensor.registerHook((g) => void ad.grad((x: Tensor) => x.mul(x).sum())(g));
    } else if (kind === 2) {
      this.say(`${value.name}.registerHook(() => { ${bystander.name}.assign(${bystander.name}.detach()); });`);
      value.tensor.registerHook(() => {
        bystander.tensor.assign(ad.scope(() => bystander.tensor.detach().mul(1)));
        this.outdate((p) => p === bystander);
      });
    } else if (kind === 3) {
      this.say(`${value.name}.registerHook(() => { ad.scope(() => ad.ones([3]).exp()).dispose(); });`);
      value.tensor.registerHook(() => ad.scope(() => ad.ones([SIZE]).exp()).dispose());
    } else {
      this.say(
        `remove = ${value.name}.registerHook(() => { throw SENTINEL; }); try { ${value.name}.backward([1, 1, 1], { retainGraph: true }); } catch {} remove();`,
      );
      const remove = value.tensor.registerHook(fail);
      this.throwsSentinel(() => value.tensor.backward([1, 1, 1], { retainGraph: true }));
      remove();
      this.forgetGradients();
    }
  }

  private throwsSentinel(run: () => unknown): void {
    try {
      run();
    } catch (error) {
      if (error !== SENTINEL) throw error;
      return;
    }
    throw new Failure("what a callback threw did not come out");
  }

  /** A function closing over what lives, its pullback or pushforward kept for later. */
  private pullback(random: Random): void {
    const inputs = [...this.parameters, ...this.living().slice(-3)];
    if (inputs.length === 0 || this.depth > 0 || this.pullbacks.length > 3) return;
    const program = expression(random, [...inputs.map(({ name }) => name), "x", "x"], 2);
    const at = Array.from({ length: SIZE }, () => Math.round(random() * 256 - 128) / 64);
    const known = new Map(inputs.map((input) => [input.name, "formula" in input ? input.formula(here).map(ref.plain) : input.numbers]));
    const f = (x: Vector) => program.reference(new Map<string, Vector>([...known, ["x", x]]));
    const engine = new Map(inputs.map((input) => [input.name, input.tensor]));
    const [forward, name] = [random.below(2) === 0, this.name("f")];
    this.say(`const [, ${name}] = ad.${forward ? "linearize" : "vjp"}((x) => ${program.text}, ad.tensor([${at}], F));`);
    const run = (x: Tensor) => program.engine(new Map(engine).set("x", x));
    const [out, g] = (forward ? ad.linearize : ad.vjp)(run, ad.tensor(at, F));
    this.expect(`the value that came with ${name}`, out as Tensor, () => f(at));
    (out as Tensor).dispose();
    this.pullbacks.push({
      name,
      dispose: () => "dispose" in g && (g as { dispose(): void }).dispose(),
      call: forward ? (v) => g(v) as Tensor : (v) => (g(v) as Tensor[])[0]!,
      expected: (v) => (forward ? ref.along(f, at, v) : ref.against(f, at, v)),
    });
  }

  private callPullback(random: Random): void {
    if (this.pullbacks.length === 0) return;
    const pulled = random.pick(this.pullbacks);
    const v = Array.from({ length: SIZE }, () => random.below(7) - 3);
    this.say(`${pulled.name}(ad.tensor([${v}], F));`);
    ad.scope(() => this.expect(`${pulled.name}([${v}])`, pulled.call(ad.tensor(v, F)), () => pulled.expected(v)));
    if (random.below(4) > 0) return;
    pulled.dispose();
    this.pullbacks = this.pullbacks.filter((other) => other !== pulled);
  }

  /** More actions inside a scope, which ends, throws, or hands one value out. */
  private nest(random: Random): void {
    if (this.depth >= 3) return;
    const outer = new Set(this.values);
    const silent = this.silent;
    const quiet = random.below(3) === 0;
    const throws = random.below(4) === 0;
    this.say(`try { ad.${quiet ? "noGrad" : "scope"}(() => {`);
    this.depth++;
    this.silent ||= quiet;
    const run = () =>
      (quiet ? ad.noGrad : ad.scope)(() => {
        for (let n = 1 + random.below(4); n > 0; n--)
          this.act(random, [this.compute, this.compute, this.nest, this.garbage, this.refuseMemory, this.drop, this.callPullback]);
        if (throws) fail();
        return null;
      });
    try {
      if (throws) this.throwsSentinel(run);
      else run();
    } finally {
      this.depth--;
      this.silent = silent;
      this.say(`${throws ? "  throw SENTINEL;\n" : ""}}); } catch {}`);
    }
    const ended = this.values.filter((value) => !outer.has(value));
    this.values = this.values.filter((value) => outer.has(value));
    for (const { name, tensor } of ended) {
      try {
        tensor.data();
      } catch (error) {
        if (error instanceof ad.EscapedValueError || error instanceof ad.DisposedError) continue;
        throw error;
      }
      throw new Failure(`${name} can be read after its scope ended`);
    }
  }

  private loop(random: Random): void {
    if (this.depth > 0) return;
    const leaves = random.below(3);
    this.say(
      `for (const [x] of new ad.data.DataLoader(new ad.data.TensorDataset(ad.ones([4, 3], F)), { batchSize: 2 })) { x.mul(2); if (turn++ === ${leaves}) break; }`,
    );
    const rows = ad.ones([4, SIZE], F);
    let turn = 0;
    for (const [x] of new ad.data.DataLoader(new ad.data.TensorDataset(rows), { batchSize: 2 })) {
      this.expect("a batch", x!.mul(2).sum(0), () => [4, 4, 4]);
      if (turn++ === leaves) break;
    }
    rows.dispose();
  }

  private drop(random: Random): void {
    const living = this.living().slice(-4);
    if (living.length === 0 || this.depth > 0) return;
    const value = random.pick(living);
    this.say(`${value.name}.dispose();`);
    value.tensor.dispose();
    this.values = this.values.filter((other) => other !== value);
  }

  private garbage(random: Random): void {
    const [text, run] = random.pick<readonly [string, () => unknown]>([
      ["ad.ones([3]).add(ad.ones([4]))", () => ad.ones([SIZE]).add(ad.ones([4]))],
      ["ad.grad((x) => x)(ad.ones([3]))", () => ad.grad((x: Tensor) => x)(ad.ones([SIZE]))],
      ["ad.vmap((x) => x.sum(3))(ad.ones([2, 3]))", () => ad.vmap((x: Tensor) => x.sum(3))(ad.ones([2, SIZE]))],
      ["ad.ones([2]).at(7)", () => ad.ones([2]).at(7)],
      ["ad.jvp((x) => { throw SENTINEL; }, [ad.ones([3])], [ad.ones([3])])", () => ad.jvp(fail, [ad.ones([SIZE])], [ad.ones([SIZE])])],
      [
        "ad.grad((x) => ad.checkpoint(() => { throw SENTINEL; })(x))(ad.ones([3]))",
        () => ad.grad((x: Tensor) => ad.checkpoint(fail as (x: Tensor) => Tensor)(x))(ad.ones([SIZE])),
      ],
      [
        "recursion without end",
        () => {
          const f = (x: Tensor): Tensor => ad.grad(f)(x) as Tensor;
          return f(ad.ones([SIZE]));
        },
      ],
    ]);
    this.say(`try { ad.scope(() => ${text}); } catch {}`);
    try {
      ad.scope(run);
    } catch (error) {
      if (error === SENTINEL || error instanceof ad.AdjointError) return;
      throw error;
    }
    throw new Failure(`${text} was not refused`);
  }

  /** The next request for memory but some is refused, in the middle of a program. */
  private refuseMemory(random: Random): void {
    const inputs = [...this.parameters, ...this.living().slice(-3)];
    const program = expression(
      random,
      inputs.map(({ name }) => name),
      2 + random.below(2),
    );
    const n = random.below(40);
    this.say(`ad.testing.failAllocation(${n}); try { ad.scope(() => { ${program.text}; }); } catch {} ad.testing.failAllocation(null);`);
    // Used once: what was moved out of the engine would come back in the program, and count.
    ad.scope(() => inputs.forEach(({ tensor }) => tensor.mul(1)));
    const before = ad.memory().tensors;
    const engine = new Map(inputs.map((input) => [input.name, input.tensor]));
    ad.testing.failAllocation(n);
    try {
      ad.scope(() => {
        program.engine(engine);
      });
    } catch (error) {
      if (!(error instanceof ad.OutOfMemoryError)) throw error;
    } finally {
      ad.testing.failAllocation(null);
    }
    if (ad.memory().tensors > before) throw new Failure(`${ad.memory().tensors - before} tensors are left after memory was refused`);
  }

  /** Has everything moved out of WebAssembly memory that can be. */
  private idle(): void {
    this.say("ad.testing.sweepAfter(0); for (let i = 0; i < 3; i++) ad.zeros([]); ad.testing.sweepAfter(null);");
    const before = ad.testing.sweepAfter(0);
    for (let i = 0; i < 3; i++) ad.zeros([]).dispose();
    ad.testing.sweepAfter(before);
  }

  private grow(random: Random): void {
    const on = random.below(2) === 0;
    this.say(`ad.testing.stressGrowth(${on});`);
    ad.testing.stressGrowth(on);
    // A page per call: for this action and the next few only.
    if (on) this.act(random, [this.compute, this.backward, this.callPullback]);
    ad.testing.stressGrowth(false);
  }

  private draw(random: Random): void {
    const seed = random.below(1000);
    this.say(
      `ad.manualSeed(${seed}); ad.random.normal([3]); state = ad.random.getState(); ad.random.normal([3]); ad.random.setState(state); ad.random.normal([3]);`,
    );
    ad.scope(() => {
      ad.manualSeed(seed);
      ad.random.normal([SIZE]);
      const state = ad.random.getState();
      const drawn = [...ad.random.normal([SIZE]).data()];
      ad.random.setState(state);
      this.expect("draws from a state that was kept", ad.random.normal([SIZE]), () => drawn);
    });
  }

  /** A fresh engine: whatever was there is gone, and says so. */
  private reset(random: Random): void {
    if (random.below(3) > 0) return;
    this.say("ad.reset();");
    ad.reset();
    for (const { name, tensor } of [...this.values, ...this.parameters]) {
      try {
        tensor.data();
      } catch (error) {
        if (error instanceof ad.EscapedValueError || error instanceof ad.DisposedError) continue;
        throw error;
      }
      throw new Failure(`${name} can be read after reset()`);
    }
    for (const { name, call } of this.pullbacks) {
      try {
        ad.scope(() => call(ad.ones([SIZE], F)));
      } catch (error) {
        if (error instanceof ad.AdjointError) continue;
        throw error;
      }
      throw new Failure(`${name} can be called after reset()`);
    }
    [this.values, this.parameters, this.pullbacks, this.optimizer] = [[], [], [], null];
    this.makeParameter(random);
    this.makeParameter(random);
  }

  /** Everything that lives still has the numbers it had. */
  private check(): void {
    for (const value of this.living()) this.expect(`${value.name}, later`, value.tensor, value.formula);
    for (const p of this.parameters) this.expect(`${p.name}, later`, p.tensor, () => p.numbers);
  }

  private act(random: Random, actions: readonly ((random: Random) => void)[]): void {
    random.pick(actions).call(this, random);
  }

  /** The actions with these numbers, of the program of this seed. */
  run(seed: number, numbers: readonly number[]): void {
    restartNames();
    const all = [
      this.compute,
      this.compute,
      this.compute,
      this.compute,
      this.backward,
      this.backward,
      this.backward,
      this.useGradient,
      this.forgetGradients,
      this.assign,
      this.step,
      this.step,
      this.hook,
      this.pullback,
      this.callPullback,
      this.nest,
      this.nest,
      this.loop,
      this.drop,
      this.garbage,
      this.refuseMemory,
      this.grow,
      this.idle,
      this.idle,
      this.draw,
      this.check,
      this.reset,
      this.makeParameter,
    ];
    this.makeParameter(generator(seed));
    this.makeParameter(generator(seed + 0.5));
    for (const number of numbers) this.act(generator(seed * 1000 + number), all);
    this.check();
  }

  /** Lets go of everything. */
  end(): void {
    ad.testing.stressGrowth(false);
    ad.testing.failAllocation(null);
    for (const { tensor } of this.parameters) tensor.zeroGrad();
    for (const { tensor } of [...this.values, ...this.parameters]) tensor.dispose();
    for (const { dispose } of this.pullbacks) dispose();
  }
}
