/** What ARCHITECTURE.md says of the sources: tests behind invariants, and who imports whom. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

const read = (file: string) => readFileSync(file, "utf8");
const below = (folder: string) => readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => file.replaceAll("\\", "/"));

/** The groups of two or more that reach each other. */
function circles(imports: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const reach = (from: string) => {
    const seen = new Set<string>();
    const open = [...(imports.get(from) ?? [])];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      open.push(...(imports.get(next) ?? []));
    }
    return seen;
  };
  const reached = new Map([...imports.keys()].map((name) => [name, reach(name)]));
  const groups = [...imports.keys()].map((a) => [...imports.keys()].filter((b) => reached.get(a)!.has(b) && reached.get(b)!.has(a)).sort());
  return [...new Map(groups.filter((group) => group.length > 1).map((group) => [group.join(), group])).values()];
}

function add(imports: Map<string, Set<string>>, from: string, to: string): void {
  if (!imports.has(from)) imports.set(from, new Set());
  if (from !== to) imports.get(from)!.add(to);
}

/** The crate's modules, folders as a whole, by what they name with `crate::`. Tests may name everything. */
function crateImports(): Map<string, Set<string>> {
  const files = below("crate/src").filter((file) => file.endsWith(".rs") && !/(^|\/)(tests|references)\b/.test(file) && file !== "lib.rs");
  const moduleOf = (file: string) => file.split("/")[0]!.replace(".rs", "");
  const modules = new Set(files.map(moduleOf));
  const imports = new Map<string, Set<string>>();
  for (const file of files) {
    const code = read(`crate/src/${file}`)
      .split("#[cfg(test)]\nmod tests {")[0]!
      .replace(/\/\/.*/g, "");
    for (const [, list] of code.matchAll(/\bcrate::(\{[^;]*\}|\w+)/g))
      for (const [name] of list!.matchAll(list!.startsWith("{") ? /(?<=[{,]\s*)\w+/g : /\w+/g))
        if (modules.has(name)) add(imports, moduleOf(file), name);
    add(imports, moduleOf(file), moduleOf(file));
  }
  return imports;
}

/** The files of `ts/` by what they import as values: types are gone when it runs. */
function scriptImports(): Map<string, Set<string>> {
  const imports = new Map<string, Set<string>>();
  for (const file of below("ts").filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))) {
    add(imports, file, file);
    for (const [, names, from] of read(`ts/${file}`).matchAll(/^(?:import|export)\s+(?!type\b)([^;"]*?)from\s+"(\.[^"]+)\.js"/gm)) {
      const list = /\{([^}]*)\}/
        .exec(names!)?.[1]
        ?.split(",")
        .map((name) => name.trim());
      if (list?.every((name) => name === "" || name.startsWith("type ")) !== true)
        add(imports, file, `${path.posix.join(path.posix.dirname(file), from!)}.ts`);
    }
  }
  return imports;
}

describe("invariants", () => {
  const section = read("ARCHITECTURE.md").split("## Invariants")[1]!.split("\n## ")[0]!;
  const invariants = section.split("\n- ").slice(1);

  it("are there", () => expect(invariants.length).toBeGreaterThan(8));

  it.each(invariants.map((text) => [text.slice(0, 60), text] as const))("%s", (_, text) => {
    const named = [...text.matchAll(/`((?:test|crate)\/[\w/.-]+): ([^`]+)`/g)];
    expect(named.length, "names no test").toBeGreaterThan(0);
    for (const [, file, title] of named) {
      const stands = [`"${title}"`, `\`${title}\``, `fn ${title}(`].some((form) => read(file!).includes(form));
      expect(stands, `${file} has no test "${title}"`).toBe(true);
    }
  });
});

describe("imports", () => {
  it("circles are found", () => {
    const imports = new Map([
      ["a", new Set(["b"])],
      ["b", new Set(["c", "d"])],
      ["c", new Set(["a"])],
      ["d", new Set<string>()],
    ]);
    expect(circles(imports)).toEqual([["a", "b", "c"]]);
    expect(crateImports().get("var")).toContain("ops");
    expect(scriptImports().get("tree.ts")).toContain("tensor.ts");
  });

  it("{op, ops, var} is the only circle of imports in the crate", () => {
    expect(circles(crateImports())).toEqual([["op", "ops", "var"]]);
  });

  it("no file of ts/ imports itself by way of others", () => {
    expect(circles(scriptImports())).toEqual([]);
  });
});
