/** A fresh project with the packed tarball in it: what a user has. */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect } from "vitest";

export const root = path.resolve(import.meta.dirname, "../..");

/** The README's first JavaScript block, and what it says it prints. */
const readme = readFileSync(path.join(root, "README.md"), "utf8");
export const example = /```js\n([\s\S]*?)```/.exec(readme)![1]!;
export const promised = [...example.matchAll(/\/\/ → (.*)$/gm)].map(([, text]) => text!.trim());

export const asCommonJs = (code: string): string => code.replace(/import \* as (\w+) from "([^"]+)";/g, 'const $1 = require("$2");');

/** Lets the runner hear of the test: one that waits for programs without giving the event loop a turn is given up after a minute. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class Consumer {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), "adjoint-consumer-"));
  readonly files: readonly string[];

  constructor() {
    const [packed] = JSON.parse(
      execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", this.folder], { cwd: root, encoding: "utf8" }),
    ) as [{ filename: string; files: { path: string }[] }];
    this.files = packed.files.map((file) => file.path);
    this.write("package.json", JSON.stringify({ name: "consumer", private: true, type: "module" }));
    execFileSync("npm", ["install", "--no-audit", "--no-fund", path.join(this.folder, packed.filename)], {
      cwd: this.folder,
      stdio: "pipe",
    });
  }

  path(...parts: string[]): string {
    return path.join(this.folder, ...parts);
  }

  write(file: string, text: string): string {
    const target = this.path(file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text);
    return target;
  }

  /** What a command prints; it must succeed. Not synchronous: a test runner that hears nothing for a minute gives up. */
  async run(
    command: string,
    args: string[],
    { cwd = this.folder, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
  ): Promise<string> {
    const options = { cwd, env: { ...process.env, ...env }, timeout: 280_000, maxBuffer: 1 << 26 };
    const { error, stdout, stderr } = await new Promise<{ error: Error | null; stdout: string; stderr: string }>((resolve) => {
      execFile(command, args, options, (error, stdout, stderr) => resolve({ error, stdout, stderr })).stdin?.end();
    });
    if (error) expect.fail(`${command} ${args.join(" ")} failed (${error.message}):\n${stdout}\n${stderr}`);
    return stdout;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
