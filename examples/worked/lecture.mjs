// The worked example of the classic lecture on automatic differentiation, both ways:
//   L(w) = (w·x - y)² + λ w·w   at y = 0, x = [1, 2], w = [3, 4], λ = 5
// in reverse mode node by node, and in forward mode with every tangent; then f = x² + xy at (2, 3).
import * as ad from "adjoint";
import { fileURLToPath } from "node:url";

const f64 = (value) => ad.tensor(value, { dtype: "float64" });

/** The nodes of L by name, in the order they are computed. */
function nodes(w) {
  const a = w.dot(f64([1, 2])); //     a = w·x
  const d = w.dot(w); //               d = w·w
  const b = a.sub(0); //               b = a - y
  const e = d.mul(5); //               e = λd
  const c = b.square(); //             c = b²
  const L = c.add(e); //               L = c + e
  return { a, d, b, e, c, L };
}

/** Values and adjoints of every node, and dL/dw. */
export function reverseMode() {
  const w = ad.tensor([3, 4], { dtype: "float64", requiresGrad: true });
  const all = nodes(w);
  for (const node of Object.values(all)) node.retainGrad();
  all.L.backward();
  const rows = Object.entries(all).map(([name, node]) => ({ node: name, value: node.item(), adjoint: node.grad.item() }));
  return { rows, gradient: w.grad.toArray() };
}

/** Tangents of every node in the directions of w₀ and w₁. */
export function forwardMode() {
  return [
    [1, 0],
    [0, 1],
  ].map((direction) =>
    ad.dualLevel(() => {
      const w = ad.makeDual(f64([3, 4]), f64(direction));
      return Object.entries(nodes(w)).map(([name, node]) => {
        const { primal, tangent } = ad.unpackDual(node);
        return { node: name, value: primal.item(), tangent: tangent.item() };
      });
    }),
  );
}

/** f = x² + xy at (2, 3): value, df/dx, df/dy, by backward() and by dual numbers. */
export function second() {
  const [x, y] = [2, 3].map((v) => ad.tensor(v, { requiresGrad: true }));
  const f = (x, y) => x.square().add(x.mul(y));
  const value = f(x, y);
  value.backward();
  const slope = (dx, dy) => ad.dualLevel(() => ad.unpackDual(f(ad.makeDual(2, dx), ad.makeDual(3, dy))).tangent.item());
  return { backward: [value.item(), x.grad.item(), y.grad.item()], dual: [value.item(), slope(1, 0), slope(0, 1)] };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { rows, gradient } = reverseMode();
  console.log("L(w) = (w·x - y)² + λ w·w, reverse mode");
  console.table(rows);
  console.log("dL/dw =", gradient);
  forwardMode().forEach((table, i) => {
    console.log(`forward mode, direction of w${i}`);
    console.table(table);
  });
  console.log("f = x² + xy at (2, 3): value, df/dx, df/dy", second());
}
