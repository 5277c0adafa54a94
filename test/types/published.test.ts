/** The declarations that are published: what they let through, what they refuse, and what an editor shows. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { beforeAll, describe, expect, it } from "vitest";
import { Project } from "./declarations.js";

const root = path.resolve(import.meta.dirname, "../..");
const read = (...parts: string[]) => readFileSync(path.join(root, ...parts), "utf8");

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

  /** What a page shows on purpose: arithmetic on tensors. */
  const MEANT = /arithmetic operation|Operator '\+' cannot be applied/;

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

/** Every name the package exports, with the symbol behind it: `nn.Linear`, and members as `nn.Linear#forward`. */
function* exported(checker: ts.TypeChecker, module: ts.Symbol, prefix = ""): Generator<[name: string, symbol: ts.Symbol, isType: boolean]> {
  for (const entry of checker.getExportsOfModule(module)) {
    const symbol = entry.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(entry) : entry;
    const name = prefix + entry.name;
    if (symbol.flags & ts.SymbolFlags.ValueModule) yield* exported(checker, symbol, `${name}.`);
    else
      yield [name, symbol, (entry.declarations ?? []).some((node) => ts.isExportSpecifier(node) && ts.isTypeOnlyExportDeclaration(node))];
  }
}

const isOurs = (declaration: ts.Node) => declaration.getSourceFile().fileName.includes(`${path.sep}published${path.sep}`);
const isPrivate = (declaration: ts.Declaration) =>
  (ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0;

describe("an editor", () => {
  /** A program that mentions everything, and where it does. */
  function mentions(): { text: string; places: [name: string, position: number][] } {
    const file = project.write("everything.ts", PRELUDE);
    project.errors(file);
    const checker = project.program().getTypeChecker();
    let text = PRELUDE;
    const places: [string, number][] = [];
    const mention = (name: string, before: string, word: string, behind: string) => {
      places.push([name, text.length + before.length]);
      text += `${before}${word}${behind}\n`;
    };
    let count = 0;
    for (const [name, symbol, isType] of exported(checker, checker.getSymbolAtLocation(project.entry())!)) {
      const dot = name.lastIndexOf(".") + 1;
      const [owner, word] = [`ad.${name.slice(0, dot)}`, name.slice(dot)];
      if (symbol.flags & ts.SymbolFlags.Value && !isType) mention(name, `void ${owner}`, word, ";");
      if (!(symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface))) continue;
      const type = checker.getDeclaredTypeOfSymbol(symbol) as ts.InterfaceType;
      const parameters = (type.typeParameters ?? []).map(() => "never").join(", ");
      text += `declare const v${++count}: ad.${name}${parameters && `<${parameters}>`};\n`;
      for (const member of checker.getPropertiesOfType(type)) {
        const [declaration] = member.declarations ?? [];
        if (
          declaration === undefined ||
          !isOurs(declaration) ||
          isPrivate(declaration) ||
          !/^\w+$/.test(member.name) ||
          member.name.startsWith("__@")
        )
          continue;
        mention(`${name}#${member.name}`, `void v${count}.`, member.name, ";");
      }
      for (const member of symbol.flags & ts.SymbolFlags.Class ? checker.getPropertiesOfType(checker.getTypeOfSymbol(symbol)) : []) {
        const [declaration] = member.declarations ?? [];
        if (declaration === undefined || !isOurs(declaration) || isPrivate(declaration) || member.name === "prototype") continue;
        mention(`${name}.${member.name}`, `void ad.${name}.`, member.name, ";");
      }
    }
    return { text, places };
  }

  it("shows documentation over every export, every method and every option", () => {
    const { text, places } = mentions();
    expect(places.length).toBeGreaterThan(700);
    const file = project.write("everything.ts", text);
    const silent = places.filter(([, position]) => project.hover(file, position).documentation === "").map(([name]) => name);
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
    const checker = project.program().getTypeChecker();
    const found: string[] = [];
    const visit = (name: string, node: ts.Node): void => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(name);
      if ((ts.isClassElement(node) || ts.isTypeElement(node)) && node.name?.getText() === "toArray") return;
      ts.forEachChild(node, (child) => visit(name, child));
    };
    for (const [name, symbol] of exported(checker, checker.getSymbolAtLocation(project.entry())!))
      for (const declaration of symbol.declarations ?? []) visit(name, declaration);
    expect(found).toEqual([]);
  });

  it("hold the methods that the functions give: else run npm run generate", async () => {
    const script = pathToFileURL(path.join(root, "scripts", "methods.mjs")).href;
    const { OUTPUT, tensorMethods } = (await import(script)) as { OUTPUT: string; tensorMethods: () => string };
    expect(readFileSync(OUTPUT, "utf8")).toBe(tensorMethods());
  });
});
