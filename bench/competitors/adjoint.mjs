import * as ad from "adjoint";

const flat = (tree) => ad.tree.flatten(tree)[0].flatMap((t) => Array.from(t.data(), Number));
const leaves = (tree) => (Array.isArray(tree) ? tree.flatMap(leaves) : [tree]);

export const NAMES = { eager: "adjoint", compiled: "adjoint, compiled" };

/** Both ways to run: `make(wrap)` -> { step, ... }; `wrap(f)` is a scope around `f` as written, or `f` compiled. */
export const asWrittenAndCompiled = (make) =>
  [false, true].map((compiled) => ({
    name: compiled ? NAMES.compiled : NAMES.eager,
    prepare() {
      let stats;
      const wrap = (f) => {
        if (!compiled) return (...args) => ad.scope(() => f(...args));
        const run = ad.compile(f);
        stats = () => run.stats();
        return run;
      };
      return { ...make(wrap), stats: () => stats?.() };
    },
  }));

/** `f(...args)` as written and compiled; what it returns is read, as whoever calls it would. */
export const ours = (f, args, read = (t) => t.data()) =>
  asWrittenAndCompiled((wrap) => {
    const run = wrap(f);
    const inputs = args.map(([data, options]) => ad.tensor(data, options));
    return {
      step() {
        for (const t of leaves(run(...inputs))) {
          read(t);
          t.dispose();
        }
      },
      result: () => ad.scope(() => flat(run(...inputs))),
    };
  });

/** A derivative by hand, in plain JavaScript: `f()` computes and returns it. */
export const byHand = (f, name = "by hand") => ({ name, prepare: () => ({ step: f, result: f }) });
