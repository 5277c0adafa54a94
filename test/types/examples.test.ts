/** The examples of the documentation: they compile as written, run, and give what their comments say. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import * as ad from "adjoint";
import ts from "typescript";
import { afterEach, describe, expect, it } from "vitest";
import { Project } from "./declarations.js";

const folder = path.resolve(import.meta.dirname, "../../ts");

interface Example {
  /** File and line of the comment. */
  place: string;
  code: string;
}

/** Every `@example` of a file. */
function examplesOf(file: string): Example[] {
  const text = readFileSync(path.join(folder, file), "utf8");
  return [...text.matchAll(/\/\*\*(?:(?!\*\/)[\s\S])*?@example\n((?:(?!\*\/)[\s\S])*)\*\//g)].map((match) => ({
    place: `${file}:${text.slice(0, match.index).split("\n").length}`,
    code: match[1]!
      .split("\n")
      .map((line) => line.replace(/^ *\* ?/, ""))
      .join("\n")
      .trim(),
  }));
}

const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
  (name) => name.endsWith(".ts") && name !== "tensor-methods.ts",
);
const examples = files.sort().flatMap(examplesOf);

/** A comment that is a value, or several. */
const VALUES = /^(?:[-[\d"]|true|false|Infinity|Int32Array)/;

/** The example as JavaScript that calls `same(values, expected)` behind every statement whose comment tells its values. */
function runnable(code: string): string {
  const source = ts.createSourceFile("example.ts", code, ts.ScriptTarget.ES2022, true);
  const statements = source.statements.map((statement) => {
    const text = statement.getText();
    const [comment] = ts.getTrailingCommentRanges(code, statement.end) ?? [];
    const said = comment && code.slice(comment.pos + 2, comment.end).trim();
    if (said === undefined || !VALUES.test(said)) return text;
    if (ts.isExpressionStatement(statement)) return `same([${statement.expression.getText()}], [${said}]);`;
    const names: string[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isVariableDeclaration(node) || ts.isBindingElement(node)) {
        if (ts.isIdentifier(node.name)) names.push(node.name.text);
        else node.name.forEachChild(visit);
      } else node.forEachChild(visit);
    };
    if (ts.isVariableStatement(statement)) statement.declarationList.forEachChild(visit);
    return `${text}\nsame([${names.join(", ")}], [${said}]);`;
  });
  return ts.transpile(statements.join("\n"), { target: ts.ScriptTarget.ES2022 });
}

/** Tensors and typed arrays as arrays. */
const plain = (value: unknown): unknown =>
  value instanceof ad.Tensor
    ? value.toArray()
    : ArrayBuffer.isView(value)
      ? Array.from(value as Int32Array)
      : Array.isArray(value)
        ? value.map(plain)
        : value;

function same(got: unknown, expected: unknown): void {
  const [a, b] = [plain(got), plain(expected)];
  if (Array.isArray(a) && Array.isArray(b)) {
    expect(a).toHaveLength(b.length);
    a.forEach((value, i) => same(value, b[i]));
  } else if (typeof a === "number" && typeof b === "number" && Number.isFinite(b)) expect(a).toBeCloseTo(b, 5);
  else expect(a).toEqual(b);
}

// What the compiler does takes seconds in one piece: the test runner wants a word in between.
afterEach(() => setImmediate());

describe("examples", () => {
  it("are there", () => {
    expect(examples.length).toBeGreaterThan(40);
  });

  it("compile with the published declarations", () => {
    const project = new Project();
    const text = examples.map(({ place, code }) => `{ // ${place}\n${code}\n}`).join("\n");
    const lines = `import * as ad from "adjoint";\n${text}`.split("\n");
    const errors = project.errors(project.write("examples.ts", lines.join("\n"))).map((error) => {
      const place = lines
        .slice(0, Number.parseInt(error, 10))
        .reverse()
        .find((line) => line.startsWith("{ // "));
      return `${place?.slice(5)} ${error}`;
    });
    expect(errors).toEqual([]);
  });

  it.each(examples.map(({ place, code }) => [place, code] as const))("%s", (_, code) => {
    ad.manualSeed(0);
    ad.scope(() => {
      (new Function("ad", "same", runnable(code)) as (lib: typeof ad, check: typeof same) => void)(ad, same);
    });
  });
});
