// Generated from crate/src/abi, codes.rs, error.rs, dtype.rs and updates.rs by `npm run generate`. Do not edit.

/** The engine's functions: numbers in, numbers out; 0 is failure. */
export interface Exports {
  readonly memory: WebAssembly.Memory;

  // ---- inspect ----

  /** Looks for NaN from now on: `check_flag`s. */
  debug(flags: number): void;
  /** Stored with the nodes recorded from now on. */
  set_tag(tag: number): void;
  /** The tag of the node whose derivative failed the NaN check last; 0 = none. */
  failed_tag(): number;
  /** Records every evaluation and every write from now on; not 0 for a program that is run again, on other numbers. */
  record_start(replays: number): void;
  /** What comes next is computed a second time on purpose: a program is not to remember what came before for it. */
  record_rerun(): void;
  /** Ends it; returns how many instructions there are. */
  record_stop(): number;
  /** Scratch: an `action`, the number of its op or update, the tensor written to, how many inputs, outputs and params, these. */
  record_read(index: number): number;
  /** Begins a loop whose number of turns depends on numbers, `most` at most. Scratch: the state; then handles for it, as a turn finds it. */
  record_while_begin(count: number, most: number): number;
  /** What was recorded since decides, by this number, whether there is another turn. */
  record_while_test(condition: number): number;
  /** A turn ends with the state in scratch. Nothing is recorded from here on, for the loop to be run. */
  record_while_end(count: number): number;
  /** The loop was run. Scratch: the state it left; then handles for that as the record knows it. */
  record_while_finish(count: number): number;
  /** There is no such loop after all. */
  record_while_drop(): void;
  /** What the record calls the numbers behind a handle. */
  record_variable(id: number): number;
  /** The same for a tensor that may be written to. Fails for other values. */
  record_place(id: number): number;
  /** Scratch: what the record calls the gradient of a parameter, 0 without one. */
  record_gradient(id: number): number;
  /** Says that the next run may find other numbers in a variable: `dependence` flags. */
  record_mark(variable: number, flags: number): void;
  /** The `dependence` flags of the numbers behind a handle. */
  record_dependence(id: number): number;
  /** A handle for a value of the record. */
  record_value(id: number): number;
  /** Forgets the record. */
  record_free(): void;
  /** Counts calls, time and bytes of each op from now on. */
  profile_start(): void;
  /** Stops counting. */
  profile_stop(): void;
  /** How many ops have costs. */
  profile_rows(): number;
  /** Scratch: op, calls, milliseconds, bytes. */
  profile_read(index: number): number;
  /** Test mode: the request for memory after the next `count` ones is refused, once; u32::MAX ends that. Returns how many were left. */
  fail_after(count: number): number;
  /** Panics: how tests see what a bug of ours would do. */
  trap(): void;

  // ---- levels ----

  /** Opens a level of a `level_kind`, a batch level for the number of examples in scratch; returns its number. Fails when too many are open. */
  level_push(kind: number): number;
  /** Closes a level and those above it. */
  level_pop(level: number): void;
  /** How many levels are open, the ambient one among them. */
  level_depth(): number;
  /** The `level_kind` of an open level. Scratch: the number of examples of a batch level. */
  level_kind(level: number): number;
  /**
   * One more than the highest grad level that any of the ids in scratch carries, at any depth, and that records; 1 if none does. With
   * `duals` levels of forward mode count as well.
   */
  recording_level(count: number, duals: number): number;
  /** Whether operations on values of `level`, of reverse or forward mode, have derivatives now. */
  records(level: number): number;
  /**
   * While a custom rule runs at `level`, values of that level and of those above, as far as they are open, are not to be seen by it;
   * returns the highest. `unguard` undoes it.
   */
  guard(level: number): number;
  /** Undoes `guard`. */
  unguard(level: number, highest: number): void;
  /** After a throw: closes the scopes above `scope`, and the levels that were opened in them. */
  unwind(scope: number): void;
  /** One more than the highest level among the ids in scratch; 1 for plain values. Fails for a level that a custom rule may not see. */
  top_level(count: number): number;
  /** Makes a value a leaf of a grad level. */
  track(level: number, id: number): number;
  /** The value one level down from `level`; a second handle of what is not of that level. */
  untrack(level: number, id: number): number;
  /** A dual value of a level of forward mode. */
  dual(level: number, primal: number, tangent: number): number;
  /** Scratch: a handle for the tangent of a dual value, 0 for a symbolic zero. */
  tangent_of(level: number, id: number): number;
  /** A value whose axis counts the examples of a batch level. */
  batch(level: number, id: number, axis: number): number;
  /** The whole batch, its examples along `axis`. */
  unbatch(level: number, id: number, axis: number): number;
  /** Starts a sweep with `sweep_flag`s. Scratch: output ids, a cotangent for each (0 = ones), ids whose gradients are wanted. */
  sweep(level: number, outputs: number, wanted: number, flags: number): number;
  /** Goes on with what a pullback or hook returned. Scratch: gradients of the pullback's inputs (0 = none), or a new cotangent (0 = the old). */
  sweep_resume(count: number): number;
  /** Drops the innermost suspended sweep: its pullback or hook threw. */
  sweep_abandon(): void;
  /** Closes a grad level and keeps its tape; returns a number for `sweep_parked`. Scratch: outputs, inputs. */
  level_park(level: number, outputs: number, wanted: number): number;
  /** Sweeps a parked tape, as `sweep`. Scratch: cotangents. */
  sweep_parked(parked: number, outputs: number, flags: number): number;
  /** The numbers of a parked tape, in rows: returns how many. Scratch: address and bytes of each. Nothing has changed yet. */
  parked_buffers(parked: number): number;
  /** Forgets them: they were copied. */
  parked_out(parked: number): void;
  /** Room for what was forgotten. Scratch: the addresses to fill, in the same order. */
  parked_in(parked: number): number;
  /** Releases a parked tape. */
  parked_free(parked: number): void;
  /** One node for a function with a pullback of TypeScript's. Scratch: inputs, then outputs; afterwards the tracked outputs. */
  record_callback(level: number, inputs: number, outputs: number, callback: number): number;
  /** Numbers of pullbacks that no node needs any more, in scratch; returns how many. */
  dead_callbacks(): number;
  /** Ids of hooked tensors that died since the last call, in scratch; returns how many. */
  dead_hooks(): number;
  /** Grad levels up to `floor` stop recording; returns the floor before. */
  set_recording(floor: number): number;
  /** Levels of forward mode up to `floor` stop giving tangents; returns the floor before. */
  set_forward(floor: number): number;
  /** A leaf of the ambient level, owned by the root: parameters outlive scopes. */
  require_grad(id: number): number;
  /** A second handle for a value, owned by the root: state that outlives the scope it was made in. */
  root_alias(id: number): number;

  // ---- mod ----

  /** Whether a call stopped half-way: after a trap this tells one that changed nothing from one that did. */
  busy(): number;
  /** What TypeScript compares before it uses the rest: see `ops::ABI`. */
  abi(): number;
  /** Whether this is the build with relaxed SIMD. */
  relaxed_simd(): number;
  /** The number of the last failure, 0 for none. */
  error_code(): number;
  /** Its message, as UTF-8. */
  error_pointer(): number;
  error_length(): number;
  /** Number of the op that failed, plus one. */
  error_op(): number;
  /** Forgets the last failure. */
  clear_error(): void;
  /** What the engine said when it panicked, as UTF-8. */
  panic_pointer(): number;
  panic_length(): number;

  // ---- parameters ----

  /** Scratch: a handle for the gradient itself, so that writing to it changes `.grad`; 0 when there is none. */
  gradient(id: number): number;
  /** The gradient's id without making a handle: to see whether it changed, and for optimizers. */
  gradient_id(id: number): number;
  /** Puts a gradient in place of what was added up; 0 forgets it. */
  set_gradient(id: number, gradient: number): number;
  /** Lets a sweep keep the gradient of a tensor that is no leaf. */
  retain_gradient(id: number): number;
  /** Lets sweeps stop at a tensor, or pass it again. */
  hook(id: number, on: number): number;
  /** Other numbers behind the same handle; see `Engine::assign`. */
  assign(parameter: number, value: number): number;
  /** Before a step over many parameters: whether `tensor` can be written to along `gradient`. See `Engine::prepare_update`. */
  prepare_update(tensor: number, gradient: number): number;
  /** One step of the update with number `update` (`updates::UPDATES`). Scratch: its options, the ids of its state (0 = none). */
  update(update: number, parameter: number, gradient: number): number;

  // ---- parts ----

  /**
   * Finds the parts of the ambient graph that only the first `cold` of the handles in scratch refer to; the others name what stays. Returns one more
   * than how many there are. Scratch: the length of the tape.
   */
  graph_parts(count: number, cold: number): number;
  /** Describes one of them in scratch; returns one more than how many numbers that takes, 1 when it has to stay. */
  graph_part(index: number): number;
  /** Makes a part again from the description in scratch, which then has the handles. */
  graph_part_in(count: number): number;

  // ---- program ----

  /**
   * A program of the record, which has ended and is not freed. Scratch: how many inputs, keys, outputs and places there are, the variables
   * of the former three, and of each place its tensor, its variable before and after, and those of its gradient. With `listed` not 0 the
   * stages of the compilation are kept as text; with `emitted` it needs a module, `program_code`, to be linked. Returns its number.
   */
  program_compile(listed: number, emitted: number): number;
  /** The module that a program needs: how many bytes, 0 when it needs none. Scratch: where they lie, how many functions there are. */
  program_code(program: number): number;
  /** Links it. Scratch: the places of its functions in the engine's table. */
  program_link(program: number, count: number): number;
  /**
   * Where TypeScript may write an argument and read a result that is a few numbers, of all arguments and then of all results. Scratch: of each
   * the address, 0 where that must be a tensor, the dtype, the rank and the dims.
   */
  program_boundary(program: number): number;
  /**
   * Runs it. Scratch: the ids of arguments (0 where the numbers were written), of keys and of places, the options of all updates. Returns a
   * `replay`; when it is done, scratch has handles for the outputs: 0 for those that are to be read, where `with_tensors` is 0.
   */
  program_run(program: number, withTensors: number): number;
  /** Test mode: from how many recorded steps on programs get loops. */
  program_roll_from(steps: number): void;
  /** From how many on they do. */
  program_roll_default(): number;
  /** Forgets a program. */
  program_free(program: number): void;
  /** Scratch: how many instructions a run has, the bytes of its arena, how many groups, floating-point operations and bytes moved. */
  program_stats(program: number): number;
  /** Lays out the text of a stage of the compilation, its name in the first line: its length in bytes, 0 when there is none. */
  program_text(program: number, stage: number): number;
  /** Where it lies, as UTF-8. */
  program_text_pointer(): number;
  /** Whether `backward()` could still go over the graph behind a tensor. */
  graph_waits(id: number): number;

  // ---- scratch ----

  /** Makes room for `length` numbers; contents are kept. The address, 0 when there is no memory for it. */
  scratch(length: number): number;
  scratch_header(): number;

  // ---- spill ----

  /** Where the bytes in use stand, as a u32 that is always up to date. */
  bytes_in_use(): number;
  /**
   * Of each handle in scratch two numbers: `spillable::RECORDED` and the bytes of a value that is no parameter, `PINNED` and 0, else the
   * address of its buffer and how many arrays lie in that.
   */
  spillable(count: number): number;
  /** A handle of the root for all of a tensor's buffer, as one row. Scratch: its length, and the layout of the tensor in it. */
  whole_buffer(id: number): number;
  /**
   * As `read`, for a tensor that has a buffer to itself: never more than that holds, a stretched array stays stretched. The address of its
   * elements; scratch: how many they are, and the layout among them.
   */
  read_stored(id: number): number;
  /** A handle of the root for `count` elements that are still to be written. */
  row_new(dtype: number, count: number): number;
  /** A handle of the root for the array whose layout is in scratch, in the buffer of `row`. */
  row_view(row: number): number;

  // ---- steps ----

  /** What a step leaves of the handles in scratch: writes a `spent` over each. */
  spent(count: number): number;
  /** Cuts the scalars in scratch off from their history, which goes if nobody else holds it; their values stay. */
  bury(count: number): number;
  /** Moves a handle to the root, so that no scope releases it. Refused for values of an open transform, which die with it. */
  keep(id: number): number;

  // ---- tensors ----

  /** A tensor of the dims in scratch, its elements to be written at `data_pointer`. */
  tensor_new(dtype: number, rank: number): number;
  /** A small tensor from numbers that lie in scratch behind its dims. */
  tensor_from(dtype: number, rank: number, count: number): number;
  /** A tensor of the dims in scratch with the same number everywhere. */
  tensor_full(dtype: number, rank: number, value: number): number;
  /** Where the elements of a fresh tensor lie. */
  data_pointer(id: number): number;
  /** The address of the elements in order. Scratch: dtype, count. What it points at is held until `read_done`. */
  read(id: number): number;
  /** What `read` pointed at was copied. */
  read_done(): void;
  /** The number of a tensor of one element. NaN with an error waiting is failure: a NaN that was read leaves none. */
  item(id: number): number;
  /** A `truth`: for checks of arguments, which look at all examples of a batch and through derivatives. */
  all_true(id: number): number;
  /** Rank + 1. Scratch: dtype, `meta_flag`s, dims. */
  meta(id: number): number;
  /** An op of one input without parameters. */
  op1(op: number, a: number): number;
  /** An op of two inputs without parameters. */
  op2(op: number, a: number, b: number): number;
  /** A binary op with a JavaScript number, which adopts the tensor's dtype where that can hold it. */
  op2s(op: number, a: number, value: number, swapped: number): number;
  /** One input and up to four parameters, past the scratch buffer: most ops over axes are called like this. */
  op1p(op: number, a: number, count: number, p: number, q: number, r: number, s: number): number;
  /** Any op. Scratch: the ids of the inputs, the parameters. */
  opn(op: number, inputs: number, params: number): number;
  /** Lets go of a handle. */
  dispose(id: number): void;
  /** Opens a scope; returns how many are open. */
  scope_push(): number;
  /** Closes the innermost scope: what was made in it goes, apart from the ids in scratch, which move to the next. */
  scope_pop(kept: number): number;
  /** How many scopes are open. */
  depth(): number;
  /** Scratch: tensors, their bytes, the most bytes so far, bytes of the whole memory. */
  memory_stats(): number;
  /** Makes the memory large enough for so many bytes of tensors more. */
  reserve(bytes: number): number;
}

/** What returns an address: WebAssembly's i32 is signed to JavaScript, and half of the memory lies above 2 GiB. */
export const ADDRESSES = ["error_pointer", "panic_pointer", "program_text_pointer", "scratch", "scratch_header", "bytes_in_use", "read_stored", "data_pointer", "read"] as const satisfies readonly (keyof Exports)[];

/** The grad level that is always open, home of `requiresGrad` leaves and `backward()`. */
export const AMBIENT = 1;

/** Kinds of levels; 0 is failure. */
export const enum LevelKind {
  /** Reverse mode. */
  Grad = 1,
  /** Forward mode. */
  Dual = 2,
  /** vmap. */
  Batch = 3,
}

/** What `meta` says of a value. */
export const enum MetaFlag {
  /** It is recorded on the ambient level. */
  RequiresGrad = 1,
  /** It is a leaf there. */
  Leaf = 2,
  /** A transform under way differentiates or batches it. */
  InTransform = 4,
}

/** How a sweep is done. */
export const enum SweepFlag {
  /** The graph may be swept again. */
  RetainGraph = 1,
  /** The pullbacks are recorded on the swept level itself, so that gradients can be differentiated again. */
  CreateGraph = 2,
  /** Add into `.grad` of the leaves (`backward()`), rather than only return. */
  Accumulate = 4,
  /** With ACCUMULATE: only the wanted leaves. */
  OnlyWanted = 8,
}

/** How far a sweep came; scratch has what is needed next. */
export const enum SweepStatus {
  Failed = 0,
  /** Scratch: a gradient for each wanted value, 0 for none. */
  Done = 1,
  /** A pullback written in TypeScript is next. Scratch: its number, whether to record, how many inputs and cotangents, these. */
  Callback = 2,
  /** A hook is next. Scratch: the hooked tensor, its gradient. */
  Hook = 3,
}

/** What to look at for NaN. */
export const enum CheckFlag {
  /** Every forward value. */
  Values = 1,
  /** Every cotangent. */
  Cotangents = 2,
}

/** What the end of a training step leaves of a tensor. */
export const enum Spent {
  /** None of the step's business: not recorded, a leaf, or a scalar. */
  Nothing = 0,
  /** Part of a graph that can still be swept. */
  Live = 1,
  /** Of a graph whose values a backward pass consumed. */
  Consumed = 2,
  /** Of one that can still be swept but was computed from numbers its parameters no longer have. */
  Outdated = 3,
  /** The same for a scalar. */
  OutdatedScalar = 4,
}

/** What an instruction of the record does. */
export const enum Action {
  /** It evaluates an op. */
  Op = 1,
  /** It is an update of an optimizer. */
  Update = 2,
  /** Its input takes the place of a tensor's numbers. */
  Assign = 3,
  /** Its input is added to the gradient of a parameter. */
  Accumulate = 4,
  /** Its input, or nothing, becomes the gradient of a parameter. */
  SetGradient = 5,
  /** It is a loop whose number of turns depends on numbers. */
  While = 6,
}

/** What numbers depend on, as flags. */
export const enum Dependence {
  /** Set in every answer. */
  Known = 1,
  /** On parameters, on what was written, on random keys. */
  State = 2,
  /** On the inputs of the recorded function. */
  Inputs = 4,
}

/** Whether all elements of a tensor are true. */
export const enum Truth {
  Failed = 0,
  NotAll = 1,
  All = 2,
}

/** What came of running a program again. */
export const enum Replay {
  Failed = 0,
  Done = 1,
  /** It is for other shapes, dtypes or gradients. */
  Other = 2,
  /** An argument has derivatives that a program of plain numbers would lose. */
  Derivatives = 3,
}

/** What a tensor is to whoever moves numbers out of memory; any other number is the address of its buffer. */
export const enum Spillable {
  /** Part of a graph, or of a transform: never moved. */
  Recorded = 0,
  /** Something inside refers to this very variable, as a parameter does to its gradient: not moved as long as that is so. */
  Pinned = 1,
}

/** The engine's failures: the class of each, its number, and the code that programs compare. */
export const ERRORS = {
  ShapeError: { number: 1, code: "SHAPE" },
  DTypeError: { number: 2, code: "DTYPE" },
  IndexError: { number: 3, code: "INDEX" },
  ValueError: { number: 4, code: "VALUE" },
  DisposedError: { number: 5, code: "DISPOSED" },
  EscapedValueError: { number: 6, code: "ESCAPED_VALUE" },
  TracedValueError: { number: 7, code: "TRACED_VALUE" },
  NotDifferentiableError: { number: 8, code: "NOT_DIFFERENTIABLE" },
  OutOfMemoryError: { number: 9, code: "OUT_OF_MEMORY" },
  AnomalyError: { number: 10, code: "ANOMALY" },
} as const;

/** Element types; the position in the list is the engine's code. */
export const DTYPES = ["float32", "float64", "int32", "bool"] as const;

/** What each update reads, by name. */
export interface UpdateOptions {
  sgd: { lr: number; momentum: number; dampening: number; nesterov: boolean; weightDecay: number; maximize: boolean; first: boolean };
  adam: { lr: number; beta1: number; beta2: number; eps: number; weightDecay: number; decoupled: boolean; step: number; maximize: boolean };
  rmsprop: { lr: number; alpha: number; eps: number; weightDecay: number; momentum: number; centered: boolean; maximize: boolean };
  adagrad: { lr: number; lrDecay: number; weightDecay: number; eps: number; step: number; maximize: boolean };
  adadelta: { lr: number; rho: number; eps: number; weightDecay: number; maximize: boolean };
  adamax: { lr: number; beta1: number; beta2: number; eps: number; weightDecay: number; step: number; maximize: boolean };
  nadam: { lr: number; beta1: number; beta2: number; eps: number; weightDecay: number; decoupledWeightDecay: boolean; mu: number; nextMu: number; muProduct: number; step: number; maximize: boolean };
  radam: { lr: number; beta1: number; beta2: number; eps: number; weightDecay: number; decoupledWeightDecay: boolean; step: number; maximize: boolean };
  lion: { lr: number; beta1: number; beta2: number; weightDecay: number; maximize: boolean };
  rprop: { etaMinus: number; etaPlus: number; smallest: number; largest: number; maximize: boolean };
  asgd: { lr: number; lambd: number; alpha: number; t0: number; weightDecay: number; step: number; maximize: boolean };
}

/**
 * The updates of optimizers: number, state of each parameter (whether it is there always), names of the options and their values in
 * the order in which the engine reads them.
 */
export const UPDATES = {
  sgd: {
    number: 0,
    state: { momentumBuffer: "optional tensor" },
    options: ["lr", "momentum", "dampening", "nesterov", "weightDecay", "maximize", "first"],
    values: (o: UpdateOptions["sgd"]): number[] => [o.lr, o.momentum, o.dampening, Number(o.nesterov), o.weightDecay, Number(o.maximize), Number(o.first)],
  },
  adam: {
    number: 1,
    state: { expAvg: "tensor", expAvgSq: "tensor", maxExpAvgSq: "optional tensor" },
    options: ["lr", "beta1", "beta2", "eps", "weightDecay", "decoupled", "step", "maximize"],
    values: (o: UpdateOptions["adam"]): number[] => [o.lr, o.beta1, o.beta2, o.eps, o.weightDecay, Number(o.decoupled), o.step, Number(o.maximize)],
  },
  rmsprop: {
    number: 2,
    state: { squareAvg: "tensor", momentumBuffer: "optional tensor", gradAvg: "optional tensor" },
    options: ["lr", "alpha", "eps", "weightDecay", "momentum", "centered", "maximize"],
    values: (o: UpdateOptions["rmsprop"]): number[] => [o.lr, o.alpha, o.eps, o.weightDecay, o.momentum, Number(o.centered), Number(o.maximize)],
  },
  adagrad: {
    number: 3,
    state: { sum: "tensor" },
    options: ["lr", "lrDecay", "weightDecay", "eps", "step", "maximize"],
    values: (o: UpdateOptions["adagrad"]): number[] => [o.lr, o.lrDecay, o.weightDecay, o.eps, o.step, Number(o.maximize)],
  },
  adadelta: {
    number: 4,
    state: { squareAvg: "tensor", accDelta: "tensor" },
    options: ["lr", "rho", "eps", "weightDecay", "maximize"],
    values: (o: UpdateOptions["adadelta"]): number[] => [o.lr, o.rho, o.eps, o.weightDecay, Number(o.maximize)],
  },
  adamax: {
    number: 5,
    state: { expAvg: "tensor", expInf: "tensor" },
    options: ["lr", "beta1", "beta2", "eps", "weightDecay", "step", "maximize"],
    values: (o: UpdateOptions["adamax"]): number[] => [o.lr, o.beta1, o.beta2, o.eps, o.weightDecay, o.step, Number(o.maximize)],
  },
  nadam: {
    number: 6,
    state: { expAvg: "tensor", expAvgSq: "tensor" },
    options: ["lr", "beta1", "beta2", "eps", "weightDecay", "decoupledWeightDecay", "mu", "nextMu", "muProduct", "step", "maximize"],
    values: (o: UpdateOptions["nadam"]): number[] => [o.lr, o.beta1, o.beta2, o.eps, o.weightDecay, Number(o.decoupledWeightDecay), o.mu, o.nextMu, o.muProduct, o.step, Number(o.maximize)],
  },
  radam: {
    number: 7,
    state: { expAvg: "tensor", expAvgSq: "tensor" },
    options: ["lr", "beta1", "beta2", "eps", "weightDecay", "decoupledWeightDecay", "step", "maximize"],
    values: (o: UpdateOptions["radam"]): number[] => [o.lr, o.beta1, o.beta2, o.eps, o.weightDecay, Number(o.decoupledWeightDecay), o.step, Number(o.maximize)],
  },
  lion: {
    number: 8,
    state: { expAvg: "tensor" },
    options: ["lr", "beta1", "beta2", "weightDecay", "maximize"],
    values: (o: UpdateOptions["lion"]): number[] => [o.lr, o.beta1, o.beta2, o.weightDecay, Number(o.maximize)],
  },
  rprop: {
    number: 9,
    state: { prev: "tensor", stepSize: "tensor" },
    options: ["etaMinus", "etaPlus", "smallest", "largest", "maximize"],
    values: (o: UpdateOptions["rprop"]): number[] => [o.etaMinus, o.etaPlus, o.smallest, o.largest, Number(o.maximize)],
  },
  asgd: {
    number: 10,
    state: { ax: "tensor" },
    options: ["lr", "lambd", "alpha", "t0", "weightDecay", "step", "maximize"],
    values: (o: UpdateOptions["asgd"]): number[] => [o.lr, o.lambd, o.alpha, o.t0, o.weightDecay, o.step, Number(o.maximize)],
  },
} as const;
