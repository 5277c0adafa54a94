/** The WebAssembly memory: how it grows, what `reserve` reserves, and that all of its 4 GiB is usable. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { afterEach, describe, expect, it } from "vitest";

const PAGE = 65536;
const memory = () => ad.testing.rawExports().memory as WebAssembly.Memory;
const size = () => memory().buffer.byteLength;

// A memory never shrinks: each test begins with a fresh one.
afterEach(() => ad.reset());

describe("growth", () => {
  it("goes in steps of a quarter, not by the tensor", () => {
    const sizes = new Set<number>();
    ad.scope(() => {
      for (let i = 0; i < 5000; i++) {
        ad.zeros([4096]);
        sizes.add(size());
      }
    });
    expect(size()).toBeGreaterThan(5000 * 4096 * 4);
    expect(size()).toBeLessThan(1.5 * 5000 * 4096 * 4);
    expect(sizes.size).toBeLessThan(60);
  });

  it("is not needed where as much lies idle in buffers of other sizes", () => {
    ad.scope(() => {
      for (let i = 0; i < 10_000; i++) ad.zeros([1024]);
    });
    const before = size();
    ad.scope(() => {
      for (let i = 0; i < 9; i++) ad.zeros([2 ** 20]);
    });
    expect(size()).toBe(before);
  });

  it("is bounded by a small multiple of what is alive when sizes vary from step to step", () => {
    let seed = 1;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    let peak = 0;
    for (let round = 0; round < 100; round++) {
      ad.scope(() => {
        for (let i = 0; i < 20; i++) ad.zeros([Math.floor(random() ** 3 * 500_000)]);
        peak = Math.max(peak, ad.memory().bytes);
      });
    }
    expect(size()).toBeLessThan(3.5 * peak);
  });
});

describe("reserve", () => {
  it("makes the memory as large as asked for, and then it does not grow", () => {
    ad.reserve(50e6);
    const reserved = size();
    expect(reserved).toBeGreaterThan(50e6);
    ad.scope(() => {
      for (let i = 0; i < 2500; i++) ad.zeros([4096]);
    });
    expect(size()).toBe(reserved);
    ad.reserve(1e6);
    expect(size()).toBe(reserved);
  });

  it("reaches beyond 2 GiB", () => {
    ad.reserve(2.5e9);
    expect(size()).toBeGreaterThan(2.5e9);
  });

  it("refuses what is no number of bytes, and what is not to be had; the engine goes on", () => {
    for (const bytes of [
      -1,
      Number.NaN,
      Infinity,
      2 ** 32,
      "5",
      null,
      undefined,
      {
        valueOf: () => {
          throw new RangeError("mine");
        },
      },
    ]) {
      expect(() => ad.reserve(bytes as number)).toThrow(ad.ValueError);
    }
    memory().grow(50_000);
    expect(() => ad.reserve(2e9)).toThrow(ad.OutOfMemoryError);
    expect(ad.ones([3]).sum().item()).toBe(3);
  });
});

describe("addresses above 2 GiB", () => {
  /** The lower half is passed over (not touched, so it costs nothing): what is allocated from here on lies above. */
  const above = () => memory().grow(2 ** 31 / PAGE);

  it("are read and written like any other", () => {
    above();
    ad.scope(() => {
      const big = ad.ones([2 ** 20]).add(1);
      expect(big.data()[2 ** 20 - 1]).toBe(2);
      expect(ad.tensor(new Float64Array(300_000).fill(3)).sum().item()).toBe(900_000);
      expect(ad.tensor(new Int32Array(300_000).fill(-3)).at(299_999).item()).toBe(-3);
      expect(big.transpose().reshape([2, -1]).shape).toEqual([2, 2 ** 19]);
      expect(ad.trace((x: Tensor) => x.mul(2).sum())(big).outputs.length).toBe(1);
      // A list as long as this moves the scratch buffer up there too.
      const many = Array.from({ length: 40_000 }, (_, i) => ad.tensor([i % 2]));
      expect(ad.concat(many).sum().item()).toBe(20_000);
      expect(ad.memory().tensors).toBeGreaterThan(40_000);
      expect(
        ad
          .grad((x: Tensor) => x.square().sum())(ad.ones([2]))
          .toArray(),
      ).toEqual([2, 2]);
    });
    expect(ad.ones([2, 3]).shape).toEqual([2, 3]);
  });

  it("carry the texts of errors", () => {
    above();
    // Small blocks go up there as well once the lower half is full.
    ad.scope(() => {
      const many = Array.from({ length: 60_000 }, () => ad.zeros([2]));
      expect(() => many[0]!.add(ad.zeros([3]))).toThrow(/\[2\] and \[3\]/);
      expect(() => many[59_999]!.reshape([7])).toThrow(ad.ShapeError);
      expect(() => ad.detectAnomaly(() => ad.log(ad.tensor(-1)).sum())).toThrow(ad.AnomalyError);
    });
    expect(() => ad.testing.trap()).toThrow(/a panic on request/);
  });
});
