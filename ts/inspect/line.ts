/** Where in the user's program something happened. */

/** The first frame outside of this package. */
export function userLine(): string {
  const stack = new Error().stack?.split("\n").slice(1) ?? [];
  const own = (frame: string) =>
    /[\\/](adjoint[\\/]dist|dist[\\/](node|browser|inline)\.(c?js)|ts[\\/](ops|transforms|inspect|runtime|nn|optim|random|tensor|methods|ambient|conversions|creation|memory|recording|input|habits|compile))/.test(
      frame,
    );
  return (stack.find((frame) => !own(frame) && !/node:internal|<anonymous>\)$/.test(frame)) ?? "").trim().replace(/^at /, "");
}
