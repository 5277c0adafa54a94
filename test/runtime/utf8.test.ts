import { expect, it } from "vitest";
import { decodeUtf8 } from "../../ts/runtime/utf8.js";

it("decodes what TextEncoder encodes", () => {
  for (const text of ["", "plain", "β₁ ≤ 2²⁴ — naïve", "𝒩(0, 1) 🙂", "\u0000\u007f\u0080\u07ff\u0800\uffff"]) {
    expect(decodeUtf8(new TextEncoder().encode(text))).toBe(text);
  }
});
