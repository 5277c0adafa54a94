/**
 * Jacobians and Hessians. Forward Jacobians push all tangents of the identity at once (vmap of jvp), reverse ones pull all
 * cotangents at once (vmap of the pullback); `chunkSize` bounds how many, and so the memory.
 */
import { zeros } from "../creation.js";
import { ShapeError, ValueError } from "../errors.js";
import { concat } from "../ops/shape.js";
import { Tensor } from "../tensor.js";
import { flatten, map } from "../tree.js";
import { jvp } from "./forward.js";
import { call, checkFunction, differentiable, inScope, outputTensor, positions } from "./machinery.js";
import { grad, vjp } from "./reverse.js";
import { overDirections } from "./vmap.js";
import { tensor } from "../creation.js";

export interface JacobianOptions {
  argnums?: number | readonly number[];
  /** At most so many directions in one pass; default all. */
  chunkSize?: number;
  hasAux?: boolean;
}

/** Rows `from..to` of the identity of a leaf, each in the leaf's shape: [to - from, ...shape]. */
function basis(leaf: Tensor, from: number, to: number): Tensor {
  const n = leaf.size;
  const data = new Float64Array((to - from) * n);
  for (let i = from; i < to; i++) data[(i - from) * n + i] = 1;
  return tensor(data, { shape: [to - from, ...leaf.shape], dtype: leaf.dtype });
}

/** One slice of directions after another, joined along the first axis; trees of tensors in, one tree out. */
function chunked(name: string, count: number, chunkSize: number | undefined, run: (from: number, to: number) => unknown): any {
  if (chunkSize !== undefined && (!Number.isInteger(chunkSize) || chunkSize < 1)) {
    throw new ValueError(`${name}: chunkSize ${chunkSize} is not a positive integer`, name);
  }
  const step = chunkSize ?? Math.max(count, 1);
  const pieces: unknown[] = [];
  for (let from = 0; from < count || from === 0; from += step) {
    pieces.push(inScope(() => run(from, Math.min(from + step, count))));
  }
  if (pieces.length === 1) return pieces[0];
  return map((first, ...rest) => concat([first, ...rest], 0), pieces[0], ...pieces.slice(1));
}

/** The arguments to differentiate as one flat list of leaves, and f as a function of them. */
function prepare(name: string, f: (...args: any[]) => any, args: readonly unknown[], options: JacobianOptions) {
  const at = positions(name, options.argnums, args.length);
  const parts = at.map((n) => differentiable(name, `argument ${n}`, args[n]));
  const leaves = parts.flatMap((part) => part.leaves);
  const inner = (replaced: readonly Tensor[]) => {
    const called = [...args];
    let next = 0;
    parts.forEach((part, i) => {
      called[at[i]!] = part.rebuild(replaced.slice(next, next + part.leaves.length));
      next += part.leaves.length;
    });
    return call(name, f, called);
  };
  const single = options.argnums === undefined || typeof options.argnums === "number";
  /** From one value per leaf to the shape of the answer. */
  const rebuild = (values: readonly unknown[]) => {
    let next = 0;
    const trees = parts.map((part) => {
      const tree = part.rebuild(values.slice(next, next + part.leaves.length));
      next += part.leaves.length;
      return tree;
    });
    return single ? trees[0] : trees;
  };
  return { leaves, inner, rebuild };
}

function withAux<R>(name: string, hasAux: boolean | undefined, out: unknown, keep: (aux: unknown) => void): R {
  if (!hasAux) return out as R;
  if (!Array.isArray(out) || out.length !== 2) throw new ValueError(`${name}: with hasAux the function must return [value, aux]`, name);
  keep(out[1]);
  return out[0] as R;
}

/**
 * The Jacobian by forward mode: one pass per input element, all at once. For few inputs. The result is a tree like the output,
 * each leaf a tree like the argument, of shape output shape ++ input shape.
 */
export function jacfwd(f: (...args: any[]) => any, options: JacobianOptions = {}): (...args: any[]) => any {
  checkFunction("jacfwd", f);
  return (...args) =>
    inScope(() => {
      const { leaves, inner, rebuild } = prepare("jacfwd", f, args, options);
      let aux: unknown;
      let outTree: unknown;
      // columns[k]: for input leaf k, a list of output leaves [...out shape, ...in shape]
      const columns = leaves.map((leaf, k) => {
        const slopes = chunked("jacfwd", leaf.size, options.chunkSize, (from, to) => {
          const push = (direction: Tensor) => {
            const [, tangent] = jvp(
              (x: Tensor) => {
                const out = withAux("jacfwd", options.hasAux, inner(leaves.map((l, i) => (i === k ? x : l))), (a) => (aux = a));
                outTree = map(() => null, out);
                return flatten(out)[0];
              },
              [leaf],
              [direction],
            );
            return tangent;
          };
          return overDirections(push)(basis(leaf, from, to));
        });
        return (slopes as Tensor[]).map((s) => s.moveaxis(0, -1).reshape([...s.shape.slice(1), ...leaf.shape]));
      });
      if (options.hasAux) aux = withAuxValue(inner(leaves));
      const [, unflatten] = flatten(outTree);
      const count = columns[0]?.length ?? 0;
      const jacobian = unflatten(Array.from({ length: count }, (_, o) => rebuild(columns.map((column) => column[o]))));
      return options.hasAux ? [jacobian, aux] : jacobian;
    });
}

/** The aux part outside of all levels: it may not carry batched tensors out. */
function withAuxValue(out: unknown): unknown {
  return (out as [unknown, unknown])[1];
}

/**
 * The Jacobian by reverse mode: one pass per output element, all at once. For few outputs. Same shape as `jacfwd`'s.
 */
export function jacrev(f: (...args: any[]) => any, options: JacobianOptions = {}): (...args: any[]) => any {
  checkFunction("jacrev", f);
  return (...args) =>
    inScope(() => {
      const { leaves, inner, rebuild } = prepare("jacrev", f, args, options);
      let aux: unknown;
      const [out, pullback] = vjp((...xs: Tensor[]) => withAux("jacrev", options.hasAux, inner(xs), (a) => (aux = a)), ...leaves);
      if (options.hasAux) aux = withAuxValue(inner(leaves));
      const [outputs, unflatten] = flatten(out) as [Tensor[], (leaves: readonly unknown[]) => any];
      outputs.forEach((o) => outputTensor("jacrev", o));
      const rows = outputs.map((output, o) => {
        const cotangents = (ct: Tensor) => unflatten(outputs.map((other, i) => (i === o ? ct : zeros(other.shape, { dtype: other.dtype }))));
        const gradients = chunked("jacrev", output.size, options.chunkSize, (from, to) => overDirections((ct: Tensor) => pullback(cotangents(ct)))(basis(output, from, to))) as Tensor[];
        return rebuild(gradients.map((g, k) => g.reshape([...output.shape, ...leaves[k]!.shape])));
      });
      const jacobian = unflatten(rows);
      return options.hasAux ? [jacobian, aux] : jacobian;
    });
}

export interface JacobianModeOptions extends JacobianOptions {
  /** "auto" (default) takes forward mode when there are fewer inputs than outputs, else reverse. */
  mode?: "auto" | "forward" | "reverse";
}

/** The Jacobian by whichever mode is cheaper, or the one asked for. */
export function jacobian(f: (...args: any[]) => any, options: JacobianModeOptions = {}): (...args: any[]) => any {
  checkFunction("jacobian", f);
  const { mode = "auto", ...rest } = options;
  if (mode === "forward") return jacfwd(f, rest);
  if (mode === "reverse") return jacrev(f, rest);
  if (mode !== "auto") throw new ValueError(`jacobian: mode ${JSON.stringify(mode)} does not exist; expected "auto", "forward" or "reverse"`, "jacobian");
  return (...args) => {
    const { leaves, inner } = prepare("jacobian", f, args, rest);
    const inputs = leaves.reduce((sum, leaf) => sum + leaf.size, 0);
    let outputs = 0;
    inScope(() => {
      const out = withAux("jacobian", rest.hasAux, inner(leaves), () => {});
      outputs = flatten(out)[0].reduce((sum: number, leaf: unknown) => sum + outputTensor("jacobian", leaf).size, 0);
    });
    return (inputs < outputs ? jacfwd : jacrev)(f, rest)(...args);
  };
}

/**
 * The Hessian of a scalar function: forward over reverse, each leaf of shape input shape ++ input shape (a tree of trees for
 * tree arguments).
 */
export function hessian(f: (...args: any[]) => any, options: JacobianOptions = {}): (...args: any[]) => any {
  checkFunction("hessian", f);
  return jacfwd(grad(f, options), options);
}

/** Single primal: the value itself; several: the list. */
const one = (list: any[]) => (list.length === 1 ? list[0] : list);

/**
 * The gradient and the Hessian-vector product in the direction `tangents`, at the price of about two gradients: forward over
 * reverse; the Hessian is never formed. Lists with one entry per argument; for one argument the results are not lists.
 */
export function hvp(f: (...args: any[]) => any, primals: readonly any[], tangents: readonly any[]): [gradient: any, product: any] {
  checkFunction("hvp", f);
  const argnums = primals.map((_, i) => i);
  const [gradient, product] = jvp(grad(f, { argnums }), primals, tangents);
  return [one(gradient), one(product)];
}

/**
 * The gradient and the vector-Hessian product: reverse over reverse. Equal to `hvp` where second derivatives are symmetric.
 */
export function vhp(f: (...args: any[]) => any, primals: readonly any[], cotangents: readonly any[]): [gradient: any, product: any] {
  checkFunction("vhp", f);
  if (primals.length !== cotangents.length) throw new ShapeError(`vhp: ${primals.length} primals and ${cotangents.length} cotangents; one each`, "vhp");
  return inScope(() => {
    const argnums = primals.map((_, i) => i);
    const [gradient, pullback] = vjp(grad(f, { argnums }), ...primals);
    return [one(gradient), one(pullback([...cotangents]))] as [any, any];
  });
}
