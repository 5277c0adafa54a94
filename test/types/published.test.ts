/** The declarations that are published: what they let through, what they refuse, and what an editor shows. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Project } from "./declarations.js";
import { exported, undocumented } from "./everything.js";

const root = path.resolve(import.meta.dirname, "../..");
const read = (...parts: string[]) => readFileSync(path.join(root, ...parts), "utf8");

// What the compiler does takes seconds in one piece: the test runner wants a word in between.
afterEach(() => setImmediate());

let project: Project;
beforeAll(() => {
  project = new Project();
});

/** Errors in `code`, behind what every program here begins with. */
const PRELUDE = `import * as ad from "adjoint";\ndeclare const x: ad.Tensor;\n`;
const errorsOf = (code: string) => project.errors(project.write("program.ts", PRELUDE + code));

describe("the compiler", () => {
  it.each(["right.ts", "wrong.ts"])("finds in test/types/%s what it should and nothing else", (name) => {
    expect(project.errors(project.write(name, read("test", "types", name)))).toEqual([]);
  });

  it.each([
    ["x.handle", /'handle' does not exist/],
    ["x.scope.alive = false", /'scope' does not exist/],
    ["x.hooks", /'hooks' does not exist/],
    ["x.frozen = true", /'frozen' does not exist/],
    ["x.moveTo(x)", /'moveTo' does not exist/],
    ["x.isTracked", /'isTracked' does not exist/],
    ["x.dims", /'dims' does not exist/],
    ["new ad.Tensor(3, null)", /Constructor of class 'Tensor' is protected/],
    ["new ad.Tensor()", /Constructor of class 'Tensor' is protected/],
    ["new ad.nn.Linear(2, 3).places()", /'places' does not exist/],
    ["new ad.Expression()", /Constructor of class 'Expression' is private/],
    ["ad.idOf(x)", /'idOf' does not exist/],
    ["ad.grad((x) => x.sum())(1).nothing", /'nothing' does not exist on type 'Tensor'/],
  ])("does not know what is internal: %s", (code, message) => {
    const errors = errorsOf(`void (${code});`);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(message);
  });

  /** What a page shows on purpose: arithmetic on tensors, and a class that has its options in JavaScript, where no type argument names them. */
  const MEANT = /arithmetic operation|Operator '\+' cannot be applied|'beta' does not exist in type 'RateOptions'|in type 'Signum' is not/;

  it("accepts the code of the pages, and the examples", () => {
    const pages = ["README.md", ...readdirSync(path.join(root, "docs")).map((name) => `docs/${name}`)].filter((name) =>
      name.endsWith(".md"),
    );
    // What is written as JavaScript has no annotations and asserts nothing.
    const loose = new Project({
      noImplicitAny: false,
      noUncheckedIndexedAccess: false,
      useUnknownInCatchVariables: false,
      strictNullChecks: false,
      exactOptionalPropertyTypes: false,
    });
    const found: string[] = [];
    for (const page of pages) {
      const blocks = [...read(page).matchAll(/```(?:js|ts)\n([\s\S]*?)```/g)].map(([, code]) => code!);
      blocks.forEach((code, i) => {
        if (code.includes('from "adjoint"'))
          found.push(...loose.errors(loose.write("page.ts", code)).map((error) => `${page}, block ${i}, ${error}`));
      });
    }
    for (const name of ["comparison/main", "implicit/fixed-point", "worked/lecture"])
      found.push(...loose.errors(loose.write("example.ts", read("examples", `${name}.mjs`))).map((error) => `${name}, ${error}`));
    expect(found.filter((error) => !MEANT.test(error))).toEqual([]);
  });
});

describe("an editor", () => {
  it("shows documentation over every export, every method and every option", () => {
    const { places, silent } = undocumented(project);
    expect(places).toBeGreaterThan(700);
    expect(silent).toEqual([]);
  });

  it("shows over a method what it shows over its function", () => {
    const names = ["add", "sum", "transpose", "softmax", "topk", "cumsum", "backward", "where"];
    const code = PRELUDE + names.map((name) => `x.${name};\n`).join("");
    const file = project.write("methods.ts", code);
    for (const name of names) {
      const { type, documentation } = project.hover(file, code.indexOf(`x.${name};`) + 2);
      expect(type).toMatch(new RegExp(`^\\(method\\) TensorMethods\\.${name}\\(`));
      expect(documentation.length).toBeGreaterThan(20);
    }
  });

  it.each([
    ["ad.grad((x) => x.sin())", "const value: (x: ad.Tensor | ad.Numbers) => ad.Tensor"],
    ["ad.grad((p: Params, x: ad.Tensor) => p.w.mul(x))", "const value: (p: ad.ArgumentTree<Params>, x: ad.Tensor) => Params"],
    ["ad.vmap((row) => [row, row.sum()])", "const value: (row: ad.Tensor | ad.Numbers) => [ad.Tensor, ad.Tensor]"],
    ["ad.hessian((p: Params) => p.w.sum())({ w: x, b: x })", "const value: { w: Params; b: Params; }"],
    ["x.sum(0)", "const value: ad.Tensor"],
  ])("shows a readable type of %s", (code, type) => {
    const text = `${PRELUDE}type Params = { w: ad.Tensor; b: ad.Tensor };\nconst value = ${code};\n`;
    const shown = project.hover(project.write("readable.ts", text), text.indexOf("value = ")).type;
    expect(shown.replace(/\s+/g, " ")).toBe(type);
  });
});

describe("the declarations", () => {
  it("say `any` nowhere but in toArray()", () => {
    project.errors(project.write("program.ts", PRELUDE));
    const found: string[] = [];
    const visit = (name: string, node: ts.Node): void => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(name);
      if ((ts.isClassElement(node) || ts.isTypeElement(node)) && node.name?.getText() === "toArray") return;
      ts.forEachChild(node, (child) => visit(name, child));
    };
    for (const [name, symbol] of exported(project)) for (const declaration of symbol.declarations ?? []) visit(name, declaration);
    expect(found).toEqual([]);
  });

  it("hold the methods that the functions give: else run npm run generate", async () => {
    const script = pathToFileURL(path.join(root, "scripts", "methods.mjs")).href;
    const { OUTPUT, tensorMethods } = (await import(script)) as { OUTPUT: string; tensorMethods: () => string };
    expect(readFileSync(OUTPUT, "utf8")).toBe(tensorMethods());
  });
});
