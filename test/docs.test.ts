/** Every JavaScript block of the README and of the guide runs in a module of its own and prints what its comments say. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const blocksOf = (page: string) =>
  [...readFileSync(page, "utf8").matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!).filter((code) => code.includes("// → "));
const pages = [
  "README.md",
  ...readdirSync("docs")
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
].filter((page) => blocksOf(page).length > 0);
const folder = mkdtempSync(path.join(os.tmpdir(), "adjoint-docs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(pages)("%s", (page) => {
  it.each(blocksOf(page).map((code, i) => [i + 1, code] as const))("block %i", (i, code) => {
    const file = path.join(folder, `${page.replace(/\W/g, "-")}-${i}.mjs`);
    writeFileSync(file, code.replace('"adjoint"', JSON.stringify(path.resolve("dist/node.js"))));
    const { stdout, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout.trim().split("\n")).toEqual([...code.matchAll(/\/\/ → (.*)$/gm)].map(([, text]) => text!.trim()));
  });
});
