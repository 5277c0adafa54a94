// What the bundler of declarations leaves out.
import ts from "typescript";

/** `using x = ...` needs Disposable, which the default lib lacks. */
const DISPOSABLE = '/// <reference lib="esnext.disposable" />\n';

/** The comment right above a statement, if it is documentation. */
function documentation(statement) {
  return ts.getJSDocCommentsAndTags(statement).findLast(ts.isJSDoc)?.getText();
}

/** The name that a statement gives to something else: `declare const nn_Linear: typeof Linear`, `type nn_Layer = Layer`. */
function aliased(statement) {
  if (ts.isTypeAliasDeclaration(statement) && ts.isTypeReferenceNode(statement.type)) return statement.type.typeName.getText();
  if (!ts.isVariableStatement(statement)) return undefined;
  const [{ type }] = statement.declarationList.declarations;
  return type !== undefined && ts.isTypeQueryNode(type) ? type.exprName.getText() : undefined;
}

const namesOf = (statement) =>
  ts.isVariableStatement(statement)
    ? statement.declarationList.declarations.map(({ name }) => name.getText())
    : [statement.name?.getText()];

/** The bundler calls the namespace of `nn/index.ts` index$2: it gets the name under which it is exported, which editors show. */
function renamed(text) {
  let result = text;
  for (const [, given, name] of text.matchAll(/\b(index(?:\$\d+)?) as (\w+)/g)) {
    if (new RegExp(`\\b(?:const|class|function|namespace|type|interface) ${name}\\b`).test(text)) continue;
    result = result
      .replaceAll(`${given} as ${name}`, name)
      .replaceAll(`${given}_`, `${name}_`)
      .replaceAll(`namespace ${given} `, `namespace ${name} `);
  }
  return result;
}

/** The text of a bundled file with documentation over the members of namespaces too: the bundler gives them names of their own, without it. */
export function completed(bundle) {
  const text = renamed(bundle);
  const source = ts.createSourceFile("bundle.d.ts", text, ts.ScriptTarget.ES2022, true);
  const known = new Map();
  for (const statement of source.statements) {
    const comment = documentation(statement);
    if (comment !== undefined) for (const name of namesOf(statement)) if (!known.has(name)) known.set(name, comment);
  }
  let completed = "";
  let written = 0;
  for (const statement of source.statements) {
    const comment = known.get(aliased(statement));
    if (comment === undefined || documentation(statement) !== undefined) continue;
    const start = statement.getStart();
    completed += `${text.slice(written, start)}${comment}\n`;
    written = start;
  }
  return DISPOSABLE + completed + text.slice(written);
}
