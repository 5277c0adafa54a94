/** The engine's functions: numbers in, numbers out; 0 is failure. See crate/src/abi. */
export interface Exports {
  readonly memory: WebAssembly.Memory;
  /** Stands for the version and the ops with their numbers; compared before anything is called. */
  abi(): number;
  /** Whether this is the build with relaxed SIMD. */
  relaxed_simd(): number;
  /** Where the scratch buffer lies, once it has room for `length` numbers; 0 is failure. */
  scratch(length: number): number;
  /** Where its address and length stand (two u32), so that a buffer that moved is noticed. */
  scratch_header(): number;
  /** Whether a call stopped half-way. */
  busy(): number;
  error_code(): number;
  error_pointer(): number;
  error_length(): number;
  error_op(): number;
  clear_error(): void;
  panic_pointer(): number;
  panic_length(): number;
  tensor_new(dtype: number, rank: number): number;
  /** A tensor of the `count` numbers that follow its dims in scratch. */
  tensor_from(dtype: number, rank: number, count: number): number;
  tensor_full(dtype: number, rank: number, value: number): number;
  data_pointer(id: number): number;
  /** The address of the elements in order; dtype and count are in scratch. What it points at is held until `read_done`. */
  read(id: number): number;
  read_done(): void;
  /** The number itself; NaN with an error waiting is failure. */
  item(id: number): number;
  all_true(id: number): number;
  meta(id: number): number;
  op1(op: number, a: number): number;
  op2(op: number, a: number, b: number): number;
  op3(op: number, a: number, b: number, c: number): number;
  op2s(op: number, a: number, value: number, swapped: number): number;
  /** One input and `count` parameters, at most four; the rest of them is not read. */
  op1p(op: number, a: number, count: number, p: number, q: number, r: number, s: number): number;
  opn(op: number, inputs: number, params: number): number;
  dispose(id: number): void;
  /** Of the ids in scratch: 0 not a step's, 1 of a graph that can be swept, 2 of one that was, 3 and 4 (scalars) of one whose parameters changed. */
  spent(count: number): number;
  /** Cuts the scalars in scratch off from their history. */
  bury(count: number): number;
  keep(id: number): number;
  /** Where the bytes in use stand (one u32). */
  bytes_in_use(): number;
  /** Of each id in scratch two numbers: 0 and the bytes of a recorded value, 1 and 0 of a pinned one, else its buffer and how many arrays lie in that. */
  spillable(count: number): number;
  /** As `read`, but of the elements as they are stored; scratch: how many, dtype, rank, dims, strides, offset. */
  read_stored(id: number): number;
  /** A handle of the root for all of a tensor's buffer, as one row; scratch as for `read_stored`. */
  whole_buffer(id: number): number;
  /** A handle of the root for elements still to be written. */
  row_new(dtype: number, count: number): number;
  /** A handle of the root in the buffer of `row`; the layout is in scratch. */
  row_view(row: number): number;
  scope_push(): number;
  scope_pop(kept: number): number;
  depth(): number;
  /** A batch level takes its size from scratch; 0 when too many are open. */
  level_push(kind: number): number;
  level_pop(level: number): void;
  level_depth(): number;
  /** 0 grad, 1 dual, 2 batch. */
  level_kind(level: number): number;
  /** The batch size of a vmap level. */
  level_size(level: number): number;
  /** Closes the scopes above `scope`, and the levels that were opened in them. */
  unwind(scope: number): void;
  top_level(count: number): number;
  /** The highest recording grad level anywhere in the values, or with `duals` level of a derivative of either mode; 0 if none. */
  recording_level(count: number, duals: number): number;
  records(level: number): number;
  guard(level: number): number;
  unguard(level: number, highest: number): void;
  track(level: number, id: number): number;
  untrack(level: number, id: number): number;
  dual(level: number, primal: number, tangent: number): number;
  primal_of(level: number, id: number): number;
  tangent_of(level: number, id: number): number;
  batch(level: number, id: number, axis: number): number;
  unbatch(level: number, id: number, axis: number): number;
  sweep(level: number, outputs: number, wanted: number, flags: number): number;
  sweep_resume(count: number): number;
  sweep_abandon(): void;
  level_park(level: number, outputs: number, wanted: number): number;
  sweep_parked(parked: number, outputs: number, flags: number): number;
  parked_free(parked: number): void;
  record_callback(level: number, inputs: number, outputs: number, callback: number): number;
  dead_callbacks(): number;
  /** Ids of hooked tensors that died since the last call, in scratch. */
  dead_hooks(): number;
  set_recording(floor: number): number;
  set_forward(floor: number): number;
  require_grad(id: number): number;
  /** A second handle, owned by the root. */
  root_alias(id: number): number;
  gradient(id: number): number;
  gradient_id(id: number): number;
  set_gradient(id: number, gradient: number): number;
  retain_gradient(id: number): number;
  hook(id: number, on: number): number;
  assign(parameter: number, value: number): number;
  /** Checks a parameter or its state before a step over many, so that the step itself cannot fail. */
  prepare_update(tensor: number, gradient: number): number;
  /** Scratch: lr, momentum, dampening, nesterov, weightDecay, maximize, first. `buffer` is 0 without momentum. */
  sgd(parameter: number, gradient: number, buffer: number): number;
  /** Scratch: lr, beta1, beta2, eps, weightDecay, decoupled, step, maximize. `largest` is the state of amsgrad, 0 without. */
  adam(parameter: number, gradient: number, m: number, v: number, largest: number): number;
  memory_stats(): number;
  reserve(bytes: number): number;
  debug(flags: number): void;
  set_tag(tag: number): void;
  failed_tag(): number;
  record_start(): void;
  record_stop(): number;
  record_read(index: number): number;
  /** What the record calls the value behind a handle. */
  record_variable(id: number): number;
  record_value(id: number): number;
  record_free(): void;
  /** Test mode: the request for memory after the next `count` ones is refused. Returns how many were left of the last setting. */
  fail_after(count: number): number;
  trap(): void;
  profile_start(): void;
  profile_stop(): void;
  /** How many ops have costs. */
  profile_rows(): number;
  profile_read(index: number): number;
}
