/** Everything the package exports, for tests of what an editor shows over it. */
import path from "node:path";
import ts from "typescript";
import type { Project } from "./declarations.js";

const PRELUDE = `import * as ad from "adjoint";\n`;

/** The namespace a symbol is, or stands for: a bundle has \`declare const optim_transform: typeof transform\`. */
function namespaceOf(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol | undefined {
  if (symbol.flags & ts.SymbolFlags.ValueModule) return symbol;
  const type = symbol.flags & ts.SymbolFlags.Variable ? checker.getTypeOfSymbol(symbol).symbol : undefined;
  return type !== undefined && type.flags & ts.SymbolFlags.ValueModule ? type : undefined;
}

/** What a module exports, and the namespaces in it. */
function* below(checker: ts.TypeChecker, module: ts.Symbol, prefix: string): Generator<[name: string, symbol: ts.Symbol, isType: boolean]> {
  for (const entry of checker.getExportsOfModule(module)) {
    const symbol = entry.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(entry) : entry;
    const name = prefix + entry.name;
    const namespace = namespaceOf(checker, symbol);
    if (namespace !== undefined) yield* below(checker, namespace, `${name}.`);
    else
      yield [name, symbol, (entry.declarations ?? []).some((node) => ts.isExportSpecifier(node) && ts.isTypeOnlyExportDeclaration(node))];
  }
}

/** Every name the package exports, `nn.Linear` say, with the symbol behind it, and whether it is a type only. */
export function exported(project: Project): Iterable<[name: string, symbol: ts.Symbol, isType: boolean]> {
  const checker = project.program().getTypeChecker();
  return below(checker, checker.getSymbolAtLocation(project.entry())!, "");
}

const isOurs = (declaration: ts.Node) => declaration.getSourceFile().fileName.includes(`${path.sep}published${path.sep}`);
const isPrivate = (declaration: ts.Declaration) =>
  (ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0;

/** A program that mentions everything, and where it does. */
function mentions(project: Project): { text: string; places: [name: string, position: number][] } {
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
  for (const [name, symbol, isType] of exported(project)) {
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

/** How many places there are, and those over which an editor shows no documentation: `nn.Linear`, members as `nn.Linear#forward`. */
export function undocumented(project: Project): { places: number; silent: string[] } {
  const { text, places } = mentions(project);
  const file = project.write("everything.ts", text);
  const silent = places.filter(([, position]) => project.hover(file, position).documentation === "").map(([name]) => name);
  return { places: places.length, silent };
}
