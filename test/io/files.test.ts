/** Files of other libraries, files for them, and files that somebody damaged. */
import { readFileSync } from "node:fs";
import path from "node:path";
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

interface Described {
  shape: number[];
  values: string;
}
interface References {
  arrays: Record<string, Described>;
  npy: Record<string, string>;
  npy2: string;
  npy3: string;
  refused: Record<string, string>;
  npz: string;
  npzCompressed: string;
  safetensors: string;
  bf16: Described & { file: string };
  metadata: Record<string, string>;
}
// Made by scripts/references/files.py.
const references = JSON.parse(readFileSync(path.join(import.meta.dirname, "references.json"), "utf8")) as References;
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
const bits = (values: ArrayLike<number>) => new Uint8Array(Float64Array.from(values).buffer);
const DTYPES: Record<string, string> = {
  f64: "float64",
  "big endian": "float64",
  bool: "bool",
  f32: "float32",
  f16: "float32",
  scalar: "float32",
  empty: "float32",
  fortran: "float32",
  "big endian f16": "float32",
};

function expectArray(name: string, x: Tensor, expected: Described = references.arrays[name]!): void {
  expect(x.dtype, name).toBe(DTYPES[name] ?? (name.startsWith("bf16") ? "float32" : "int32"));
  expect(x.shape, name).toEqual(expected.shape);
  expect(bits(x.data()), name).toEqual(bytesOf(expected.values));
}

describe("files of NumPy and safetensors", () => {
  it.each(Object.keys(references.npy))("npy: %s", (name) => clean(() => expectArray(name, ad.io.loadNpy(bytesOf(references.npy[name]!)))));
  it("npy: versions 2 and 3 of the format", () =>
    clean(() => {
      expectArray("f32", ad.io.loadNpy(bytesOf(references.npy2)));
      expectArray("f32", ad.io.loadNpy(bytesOf(references.npy3)));
    }));
  it.each(["npz", "npzCompressed", "safetensors"] as const)("%s: all arrays by name", (kind) =>
    clean(() => {
      const load = kind === "safetensors" ? ad.io.loadSafetensors : ad.io.loadNpz;
      const all = load(bytesOf(references[kind]));
      const names = Object.keys(all);
      expect(names.length).toBe(13);
      for (const name of names) expectArray(name, all[name]!);
    }),
  );
  it("safetensors: bfloat16 and metadata", () =>
    clean(() => {
      expectArray("bf16", ad.io.loadSafetensors(bytesOf(references.bf16.file)).bf16!, references.bf16);
      expect(ad.io.safetensorsMetadata(bytesOf(references.safetensors))).toEqual(references.metadata);
      expect(ad.io.safetensorsMetadata(bytesOf(references.bf16.file))).toEqual({});
    }));
  it.each(Object.keys(references.refused))("npy: refused with a typed error: %s", (name) => {
    const load = () => ad.io.loadNpy(bytesOf(references.refused[name]!));
    expect(load).toThrow(ad.FormatError);
    expect(load).toThrow(/^loadNpy: the file (is of type|holds 2147483648 \(element 0\), which int32 does not|has a header)/);
  });
});

describe("what is written", () => {
  const tensors = () => ({
    a: ad.tensor([
      [1, 2, 3],
      [-0, Number.NaN, 1e-45],
    ]),
    b: ad.tensor([0.1, -1e300], { dtype: "float64" }),
    c: ad.tensor([-5, 2 ** 31 - 1], { dtype: "int32" }),
    d: ad.tensor([true, false, true]),
    e: ad.tensor(7),
    f: ad.zeros([0, 4]),
    "ünï/code.é": ad.ones([2]).T,
    __proto__x: ad.ones([1]),
  });
  const same = (a: Tensor, b: Tensor) => {
    expect([a.dtype, a.shape]).toEqual([b.dtype, b.shape]);
    expect(bits(a.data())).toEqual(bits(b.data()));
  };

  it("is read again, bit for bit, whatever the views", () =>
    clean(() => {
      const all = tensors();
      for (const [save, load] of [
        [ad.io.saveSafetensors, ad.io.loadSafetensors],
        [ad.io.saveNpz, ad.io.loadNpz],
        [(x: typeof all) => ad.io.saveNpz(x, { compressed: true }), ad.io.loadNpz],
      ] as const) {
        const file = save(all);
        expect(save(all)).toEqual(file);
        const back = load(file);
        expect(Object.keys(back).sort()).toEqual(Object.keys(all).sort());
        for (const [name, x] of Object.entries(all)) same(back[name]!, x);
        // At any place of a larger buffer, and as an ArrayBuffer.
        const shifted = new Uint8Array(file.length + 3);
        shifted.set(file, 3);
        same(load(shifted.subarray(3)).b!, all.b);
        same(load(file.buffer).a!, all.a);
        same(load(Buffer.from(file)).a!, all.a);
      }
      for (const x of Object.values(all)) same(ad.io.loadNpy(ad.io.saveNpy(x)), x);
      same(ad.io.loadNpy(ad.io.saveNpy(all.a.T)), all.a.T);
    }));

  it("has the names that own objects have, __proto__ among them", () =>
    clean(() => {
      const odd = JSON.parse('{ "__proto__": [1, 2], "constructor": [3], "": [4] }') as Record<string, number[]>;
      const back = ad.io.loadSafetensors(ad.io.saveSafetensors(odd));
      expect(Object.entries(back).map(([name, x]) => [name, x.toArray()])).toEqual([
        ["", [4]],
        ["__proto__", [1, 2]],
        ["constructor", [3]],
      ]);
      const zipped = ad.io.loadNpz(ad.io.saveNpz(odd));
      expect(Object.keys(zipped).sort()).toEqual(["", "__proto__", "constructor"]);
    }));

  it("may be a module or a tree, and goes back into a module", () =>
    clean(() => {
      const net = new ad.nn.Sequential(new ad.nn.Linear(3, 2), new ad.nn.ReLU(), new ad.nn.Linear(2, 1));
      const other = new ad.nn.Sequential(new ad.nn.Linear(3, 2), new ad.nn.ReLU(), new ad.nn.Linear(2, 1));
      const file = ad.io.saveSafetensors(net, { metadata: { epoch: "3" } });
      expect(ad.io.safetensorsMetadata(file)).toEqual({ epoch: "3" });
      // As PyTorch names them.
      expect(Object.keys(ad.io.loadSafetensors(file))).toEqual(["0.bias", "0.weight", "2.bias", "2.weight"]);
      other.loadStateDict(ad.io.loadSafetensors(file));
      same(other.forward([[1, 2, 3]]), net.forward([[1, 2, 3]]));
      other.loadStateDict(ad.io.loadNpz(ad.io.saveNpz(net.stateDict())));
      expect(Object.keys(ad.io.loadSafetensors(ad.io.saveSafetensors({ layers: [{ w: [1] }, { w: ad.ones([2]) }], n: 3 })))).toEqual([
        "layers.0.w",
        "layers.1.w",
        "n",
      ]);
      net.dispose();
      other.dispose();
    }));

  it("is refused where it is no tensor, and where names would be the same", () => {
    const wrong = (call: () => unknown, message: RegExp) => {
      expect(call).toThrow(ad.ValueError);
      expect(call).toThrow(message);
    };
    wrong(() => ad.io.saveSafetensors({ a: "text" } as never), /^saveSafetensors: "a" is .*expected a tensor/);
    wrong(() => ad.io.saveSafetensors([1, 2] as never), /^saveSafetensors: expected an object of tensors by name/);
    wrong(() => ad.io.saveNpz({ "a.b": [1], a: { b: [2] } }), /^saveNpz: two tensors would have the name "a.b"/);
    wrong(() => ad.io.saveSafetensors({ __metadata__: [1] }), /^saveSafetensors: no tensor may have the name __metadata__/);
    wrong(
      () => ad.io.saveSafetensors({ a: [1] }, { metadata: { a: 1 } as never }),
      /^saveSafetensors: metadata must be an object of strings/,
    );
    wrong(() => ad.io.saveNpz({ a: [1] }, { compress: true } as never), /^saveNpz: unknown option "compress"; it takes \{ compressed \}/);
    wrong(() => ad.io.loadNpy("x.npy" as never), /^loadNpy: expected the bytes of a file, got .*readFileSync/);
    wrong(() => ad.io.loadSafetensors(Promise.resolve() as never), /await it first/);
    wrong(() => ad.io.loadNpz(undefined as never), /^loadNpz: expected the bytes of a file/);
  });
});

describe("damaged files", () => {
  const good = () => ({ a: ad.tensor([1, 2, 3]), b: ad.ones([2, 2], { dtype: "float64" }) });
  const encode = (header: unknown, data: number, length?: bigint) => {
    const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
    const file = new Uint8Array(8 + text.length + data);
    new DataView(file.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
    file.set(text, 8);
    return file;
  };
  const f32 = (shape: unknown, data_offsets: unknown, dtype: unknown = "F32") => ({ dtype, shape, data_offsets });

  const cases: [what: string, file: () => Uint8Array, message: RegExp][] = [
    ["nothing", () => new Uint8Array(), /a file of 0 bytes/],
    ["a header longer than the file", () => encode({}, 0, 100n), /said to have 100 bytes, but 2 follow/],
    ["a header of 2^63 bytes", () => encode({}, 0, 2n ** 63n), /said to have 9223372036854776000 bytes/],
    ["a header that is no JSON", () => encode("{", 0), /not JSON/],
    ["a header that is a list", () => encode([], 0), /not a JSON object/],
    ["a header that begins with a space", () => encode(" {}", 0), /not a JSON object/],
    ["a header nested a million times", () => encode("[".repeat(1e6), 0), /not JSON/],
    ["a header that is not UTF-8", () => encode("{}", 0).fill(255, 8, 9), /not JSON/],
    [
      "a name twice",
      () => encode('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}', 4),
      /"a" twice/,
    ],
    ["an unknown type", () => encode({ a: f32([1], [0, 1], "F8_E4M3") }, 1), /"a" is of type F8_E4M3; these are read: F64/],
    ["a type from the prototype", () => encode({ a: f32([1], [0, 4], "constructor") }, 4), /is of type constructor/],
    ["a negative size", () => encode({ a: f32([-1], [0, 4]) }, 4), /shape with the entry -1/],
    ["half a size", () => encode({ a: f32([0.5], [0, 4]) }, 4), /shape with the entry 0.5/],
    ["a size that is a text", () => encode({ a: f32(["1"], [0, 4]) }, 4), /shape with the entry the string "1"/],
    ["a shape that is none", () => encode({ a: f32(4, [0, 4]) }, 4), /has the shape 4/],
    ["more elements than there are", () => encode({ a: f32([1e9, 1e9, 1e9], [0, 4]) }, 4), /more elements than a tensor can have/],
    ["sizes whose product is 0 or overflows", () => encode({ a: f32([2 ** 52, 0], [0, 0]) }, 0), /more elements/],
    ["a thousand axes", () => encode({ a: f32(Array(1000).fill(1), [0, 4]) }, 4), /1000 axes/],
    ["too few bytes for a shape", () => encode({ a: f32([2], [0, 4]) }, 4), /has 4 bytes; \[2\] of F32 are 8/],
    ["places behind the end", () => encode({ a: f32([2], [0, 8]) }, 4), /ends at byte 8 of the data, of which the file has 4/],
    ["places backwards", () => encode({ a: f32([1], [4, 0]) }, 4), /has the places/],
    ["places that are no numbers", () => encode({ a: f32([1], ["0", 4]) }, 4), /has the places/],
    [
      "tensors in one another",
      () => encode({ a: f32([2], [0, 8]), b: f32([2], [4, 12]) }, 12),
      /"b" begins at byte 4 of the data, but the tensor "a" ends at 8/,
    ],
    ["the same place twice", () => encode({ a: f32([1], [0, 4]), b: f32([1], [0, 4]) }, 4), /begins at byte 0 of the data, but/],
    ["a hole", () => encode({ a: f32([1], [4, 8]) }, 8), /begins at byte 4 of the data, but the header ends at 0/],
    ["bytes behind the last tensor", () => encode({ a: f32([1], [0, 4]) }, 7), /3 bytes stand behind the last tensor/],
    ["metadata that are no texts", () => encode({ __metadata__: { a: 1 } }, 0), /__metadata__ is not an object of strings/],
    ["an entry more", () => encode({ a: { ...f32([1], [0, 4]), more: 1 } }, 4), /an entry "more"/],
    ["a truth value of 2", () => encode({ a: f32([1], [0, 1], "BOOL") }, 1).fill(2, -1), /holds 2 \(element 0\), which bool does not/],
    [
      "a whole number that int32 does not hold",
      () => encode({ a: f32([1], [0, 8], "I64") }, 8).fill(1, -8),
      /holds 72340172838076670 \(element 0\), which int32/,
    ],
  ];
  it.each(cases)("safetensors: %s", (_, file, message) =>
    clean(() => {
      const load = () => ad.io.loadSafetensors(file());
      expect(load).toThrow(ad.FormatError);
      expect(load).toThrow(message);
      expect(load).toThrow(/^loadSafetensors: /);
    }),
  );

  it("of all kinds are read or refused by a typed error, wherever a byte is changed or the file ends, and nothing is left", () =>
    clean(() => {
      let state = 11;
      const next = (n: number) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor((state / 2 ** 32) * n);
      };
      const all = good();
      const kinds = [
        [ad.io.saveSafetensors(all), ad.io.loadSafetensors],
        [ad.io.saveNpz(all), ad.io.loadNpz],
        [ad.io.saveNpz(all, { compressed: true }), ad.io.loadNpz],
        [ad.io.saveNpy(all.b), ad.io.loadNpy],
      ] as const;
      for (const [file, load] of kinds) {
        const before = ad.memory().tensors;
        const attempt = (bytes: Uint8Array, mayBeRead: boolean) => {
          try {
            const read = load(bytes);
            expect(mayBeRead).toBe(true);
            for (const x of read instanceof ad.Tensor ? [read] : Object.values(read)) x.dispose();
          } catch (error) {
            if (!(error instanceof ad.FormatError)) throw error;
          }
          expect(ad.memory().tensors).toBe(before);
        };
        for (let length = 0; length < file.length; length++) attempt(file.slice(0, length), false);
        for (const extra of [1, 8, 100]) {
          const longer = new Uint8Array(file.length + extra);
          longer.set(file);
          attempt(longer, false);
        }
        for (let i = 0; i < 3000; i++) {
          const changed = file.slice();
          for (let k = 0; k <= next(3); k++) changed[next(file.length)] = next(2) ? next(256) : [0, 255, 1, 127, 128][next(5)]!;
          attempt(changed, true);
        }
      }
    }));

  it("in archives: numbers that were changed are noticed by their checksum", () =>
    clean(() => {
      for (const compressed of [false, true]) {
        const x = ad.linspace(0, 1, 1000);
        const file = ad.io.saveNpz({ x }, { compressed });
        file[file.length >> 1]! ^= 4;
        expect(() => ad.io.loadNpz(file)).toThrow(ad.FormatError);
      }
    }));
});
