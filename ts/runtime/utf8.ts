/** Texts of the engine. Decoded by hand: some hosts (audio worklets, jsdom) have no TextDecoder, and errors must be readable there too. */

/** The text in `bytes`, which Rust guarantees to be valid UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  let out = "";
  for (let i = 0; i < bytes.length; ) {
    const lead = bytes[i++]!;
    // 0xxxxxxx, 110xxxxx, 1110xxxx, 11110xxx: how many continuation bytes of six bits follow.
    const more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    let point = more === 0 ? lead : lead & (0x3f >> more);
    for (let k = 0; k < more; k++) point = (point << 6) | (bytes[i++]! & 0x3f);
    out += String.fromCodePoint(point);
  }
  return out;
}
