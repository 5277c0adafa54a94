// Writes ts/tensor-methods.ts: every op as a method, with the documentation of its function, from the one list in ts/methods.ts. (A mapped
// type would say the same in a line, but editors would then show neither the names of parameters nor the documentation.)
import { writeFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { root } from "./lib.mjs";

export const OUTPUT = path.join(root, "ts", "tensor-methods.ts");
const FOLDER = path.join(root, "ts");
const FLAGS = ts.NodeBuilderFlags.NoTruncation | ts.NodeBuilderFlags.UseTypeOfFunction;

/** The text of the file, from the sources as they are. */
export function tensorMethods() {
  const { config } = ts.readConfigFile(path.join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: ["ts/methods.ts"] }, ts.sys, root);
  const program = ts.createProgram([path.join(FOLDER, "methods.ts")], options);
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(path.join(FOLDER, "methods.ts"));
  // A file that imports nothing: seen from there, every type is named by its file.
  const outside = program.getSourceFile(path.join(FOLDER, "opcodes.ts"));
  const table = source.statements
    .filter(ts.isVariableStatement)
    .flatMap((statement) => statement.declarationList.declarations)
    .find((declaration) => declaration.name.getText() === "methods");
  const printer = ts.createPrinter({ removeComments: true });
  /** Name of a type to the file it comes from. */
  const imports = new Map();

  function typeText(type, optional) {
    let node = checker.typeToTypeNode(type, outside, FLAGS);
    // `x?: number` says it already.
    if (optional && ts.isUnionTypeNode(node)) {
      node = ts.factory.createUnionTypeNode(node.types.filter((part) => part.kind !== ts.SyntaxKind.UndefinedKeyword));
    }
    return printer.printNode(ts.EmitHint.Unspecified, node, source).replace(/import\("([^"]+)"\)\.(\w+)/g, (_, file, name) => {
      imports.set(name, file);
      return name;
    });
  }

  function parameterText(parameter) {
    const { dotDotDotToken, questionToken, initializer } = parameter.valueDeclaration;
    const optional = questionToken !== undefined || initializer !== undefined;
    const type = typeText(checker.getTypeOfSymbolAtLocation(parameter, table), optional);
    return `${dotDotDotToken ? "..." : ""}${parameter.name}${optional ? "?" : ""}: ${type}`;
  }

  /** One overload of a method: the function's without its first parameter, which is the tensor. */
  const signatureText = (name, signature) =>
    `  ${name}(${signature.parameters.slice(1).map(parameterText).join(", ")}): ${typeText(signature.getReturnType(), false)};\n`;

  /** The function behind a property of the list, which may be an import. */
  function functionOf(property) {
    const declaration = property.declarations[0];
    const value = ts.isShorthandPropertyAssignment(declaration) ? checker.getShorthandAssignmentValueSymbol(declaration) : property;
    return value.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(value) : value;
  }

  const properties = checker.getPropertiesOfType(checker.getTypeAtLocation(table));
  const members = properties
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((property) => {
      const signatures = checker.getTypeOfSymbolAtLocation(property, table).getCallSignatures();
      return documentation(functionOf(property)) + signatures.map((signature) => signatureText(property.name, signature)).join("");
    });
  return [
    "/** Every op as a method. Written by scripts/methods.mjs from the list in methods.ts; `npm run generate` does it again. */\n",
    ...importLines(imports),
    "\n/** The ops as methods: `a.mul(b)` is `mul(a, b)`. */\n",
    `export interface TensorMethods {\n${members.join("\n")}}\n`,
  ].join("");
}

/** The comment above the function, indented for a member. */
function documentation(symbol) {
  const declaration = symbol.declarations.find((d) => ts.getJSDocCommentsAndTags(d).some(ts.isJSDoc));
  if (declaration === undefined) return "";
  const comment = ts.getJSDocCommentsAndTags(declaration).findLast(ts.isJSDoc).getText();
  return (
    comment
      .split("\n")
      .map((line) => (line.startsWith(" *") ? `   ${line.trimStart()}` : `  ${line}`))
      .join("\n") + "\n"
  );
}

function importLines(imports) {
  const files = new Map();
  for (const [name, file] of imports) {
    const relative = path.relative(FOLDER, path.resolve(FOLDER, file)).replaceAll(path.sep, "/").replace(/\.js$/, "");
    files.set(relative, [...(files.get(relative) ?? []), name]);
  }
  return [...files.keys()].sort().map((file) => `import type { ${files.get(file).sort().join(", ")} } from "./${file}.js";\n`);
}

if (process.argv[1]?.endsWith("methods.mjs")) writeFileSync(OUTPUT, tensorMethods());
