// What this machine can do in WebAssembly on one thread, measured in the run: floating-point operations a second in registers, and bytes
// a second from and to memory. Two loops of a hand-made module, so that no library is the measure of itself.

const [V128, I32, F32] = [0x7b, 0x7f, 0x7d];
const get = (local) => [0x20, local];
const set = (local) => [0x21, local];
const MULTIPLY = [0xfd, 0xe6, 0x01];
const ADD = [0xfd, 0xe4, 0x01];
const MULTIPLY_ADD = [0xfd, 0x85, 0x02];
const load = (offset) => [0xfd, 0x00, 4, ...unsigned(offset)];
const store = (offset) => [0xfd, 0x0b, 4, ...unsigned(offset)];

function unsigned(value) {
  const out = [];
  do {
    const low = value & 0x7f;
    value >>>= 7;
    out.push(value ? low | 0x80 : low);
  } while (value);
  return out;
}

const section = (id, bytes) => [id, ...unsigned(bytes.length), ...bytes];
const splat = (value) => [0x43, ...new Uint8Array(Float32Array.of(value).buffer), 0xfd, 0x13];
/** `body` again and again, with `step` (in signed LEB128) taken from local 0 until nothing is left. */
const countdown = (body, step) => [0x03, 0x40, ...body, ...get(0), 0x41, ...step, 0x6b, 0x22, 0, 0x0d, 0, 0x0b];

const ARRAY = 4_000_000; // bytes of one array: three of them are more than a core's own caches
const ACCUMULATORS = 12; // enough to hide the latency of an addition

/** run(n): n turns of a multiplication and an addition on each accumulator; or, `moving`, c = a + b for the last n bytes of arrays. */
function instance(moving, fused) {
  const accumulate = Array.from({ length: ACCUMULATORS }, (_, i) => {
    const local = 3 + i;
    return [...get(local), ...get(1), ...(fused ? [...get(2), ...MULTIPLY_ADD] : [...MULTIPLY, ...get(2), ...ADD]), ...set(local)];
  }).flat();
  const move = [0, 16, 32, 48].flatMap((at) => [
    ...get(0),
    ...get(0),
    ...load(at),
    ...get(0),
    ...load(ARRAY + at),
    ...ADD,
    ...store(2 * ARRAY + at),
  ]);
  const sum = Array.from({ length: ACCUMULATORS }, (_, i) => [...get(3 + i), ...(i ? ADD : [])]).flat();
  const body = moving
    ? [...countdown(move, [0xc0, 0]), ...splat(0)]
    : [...splat(0.999), ...set(1), ...splat(0.001), ...set(2), ...countdown(accumulate, [1]), ...sum];
  const code = [1, ...unsigned(2 + ACCUMULATORS), V128, ...body, 0xfd, 0x1f, 0, 0x0b];
  const module = [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, I32, 1, F32]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, ...unsigned(Math.ceil((3 * ARRAY + 128) / 65536))]),
    ...section(7, [1, 1, 0x66, 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ];
  return new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(module))).exports.f;
}

/** The best rate of some tries, in units a millisecond: noise only takes away. */
function best(run, units) {
  let rate = 0;
  for (let i = 0; i < 12; i++) {
    const start = performance.now();
    run();
    rate = Math.max(rate, units / (performance.now() - start));
  }
  return rate;
}

/** { flops, bytes } a millisecond; `fused` when multiplication and addition may be one instruction (the relaxed SIMD build). */
export function limits(fused) {
  const compute = instance(false, fused);
  const move = instance(true, fused);
  const turns = 1_000_000;
  return {
    flops: best(() => compute(turns), turns * ACCUMULATORS * 4 * 2),
    bytes: best(() => move(ARRAY), 3 * ARRAY),
  };
}
