/** The declarations as they are published, and the TypeScript compiler and language service on programs that use them. */
import path from "node:path";
import ts from "typescript";

const root = path.resolve(import.meta.dirname, "../..");
/** Where the declarations seem to lie; nothing is written to disk. */
const PUBLISHED = path.join(root, ".cache", "published");
/** A folder for programs that exist in memory only; node_modules are found from there. */
const PROGRAMS = path.join(root, "test", "types");

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.esnext.disposable.d.ts"],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  types: ["node"],
  allowJs: true,
  checkJs: true,
};

let written: Map<string, string> | undefined;

/** Text by file name: what the compiler writes for the sources, by the options of the build. */
function emitted(): Map<string, string> {
  if (written !== undefined) return written;
  const { config } = ts.readConfigFile(path.join(root, "tsconfig.json"), ts.sys.readFile) as { config: object };
  const parsed = ts.parseJsonConfigFileContent({ ...config, include: ["ts"] }, ts.sys, root);
  const options = {
    ...parsed.options,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: path.join(root, "ts"),
    outDir: PUBLISHED,
  };
  const files = new Map<string, string>();
  ts.createProgram(parsed.fileNames, options).emit(undefined, (file, text) => files.set(path.normalize(file), text));
  written = files;
  return files;
}

/** A consumer's project with the package in it: with the declarations of the sources, or with the bundle of a package. */
export class Project {
  private readonly service: ts.LanguageService;
  private readonly programs = new Map<string, { text: string; version: number }>();
  private readonly published: ReadonlyMap<string, string>;

  constructor(extra: ts.CompilerOptions = {}, bundle?: string) {
    this.published = bundle === undefined ? emitted() : new Map([[path.join(PUBLISHED, "entry", "node.d.ts"), bundle]]);
    const options = { ...OPTIONS, baseUrl: PUBLISHED, paths: { adjoint: ["entry/node.d.ts"] }, ...extra };
    const textOf = (file: string) => this.programs.get(file)?.text ?? this.published.get(path.normalize(file));
    const exists = (file: string) => textOf(file) !== undefined || ts.sys.fileExists(file);
    const read = (file: string) => textOf(file) ?? ts.sys.readFile(file);
    this.service = ts.createLanguageService({
      getScriptFileNames: () => [...this.programs.keys()],
      getScriptVersion: (file) => String(this.programs.get(file)?.version ?? 0),
      getScriptSnapshot: (file) => {
        const text = read(file);
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
      },
      getCurrentDirectory: () => root,
      getCompilationSettings: () => options,
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      fileExists: exists,
      readFile: read,
      readDirectory: ts.sys.readDirectory,
      directoryExists: (folder) => folder.startsWith(PUBLISHED) || ts.sys.directoryExists(folder),
      getDirectories: ts.sys.getDirectories,
    });
  }

  /** Puts a program into the project; returns its file name. */
  write(name: string, text: string): string {
    const file = path.join(PROGRAMS, name);
    this.programs.set(file, { text, version: (this.programs.get(file)?.version ?? 0) + 1 });
    return file;
  }

  /** What the compiler says of a program, `line: message` each, lines counted from 1. */
  errors(file: string): string[] {
    const found = [...this.service.getSyntacticDiagnostics(file), ...this.service.getSemanticDiagnostics(file)];
    return found.map(({ file: source, start, messageText }) => {
      const line = source!.getLineAndCharacterOfPosition(start!).line + 1;
      return `${line}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
    });
  }

  /** The type and the documentation that an editor shows over a place of a program. */
  hover(file: string, position: number): { type: string; documentation: string } {
    const info = this.service.getQuickInfoAtPosition(file, position);
    const deprecated = info?.tags?.find(({ name }) => name === "deprecated");
    return {
      type: ts.displayPartsToString(info?.displayParts),
      documentation: ts.displayPartsToString(info?.documentation) || ts.displayPartsToString(deprecated?.text),
    };
  }

  program(): ts.Program {
    return this.service.getProgram()!;
  }

  /** The file that stands for the package. */
  entry(): ts.SourceFile {
    return this.program().getSourceFile(path.join(PUBLISHED, "entry", "node.d.ts"))!;
  }
}
