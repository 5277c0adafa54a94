//! The numbers that both sides of the boundary know by name, and the only place where they are written down: TypeScript's half is
//! generated from this file, each module an enum, its comments with it (`examples/boundary.rs`).

/// The grad level that is always open, home of `requiresGrad` leaves and `backward()`.
pub const AMBIENT: u32 = 1;

/// Kinds of levels; 0 is failure.
pub mod level_kind {
    /// Reverse mode.
    pub const GRAD: u32 = 1;
    /// Forward mode.
    pub const DUAL: u32 = 2;
    /// vmap.
    pub const BATCH: u32 = 3;
}

/// What `meta` says of a value.
pub mod meta_flag {
    /// It is recorded on the ambient level.
    pub const REQUIRES_GRAD: u32 = 1;
    /// It is a leaf there.
    pub const LEAF: u32 = 2;
    /// A transform under way differentiates or batches it.
    pub const IN_TRANSFORM: u32 = 4;
}

/// How a sweep is done.
pub mod sweep_flag {
    /// The graph may be swept again.
    pub const RETAIN_GRAPH: u32 = 1;
    /// The pullbacks are recorded on the swept level itself, so that gradients can be differentiated again.
    pub const CREATE_GRAPH: u32 = 2;
    /// Add into `.grad` of the leaves (`backward()`), rather than only return.
    pub const ACCUMULATE: u32 = 4;
    /// With ACCUMULATE: only the wanted leaves.
    pub const ONLY_WANTED: u32 = 8;
}

/// How far a sweep came; scratch has what is needed next.
pub mod sweep_status {
    pub const FAILED: u32 = 0;
    /// Scratch: a gradient for each wanted value, 0 for none.
    pub const DONE: u32 = 1;
    /// A pullback written in TypeScript is next. Scratch: its number, whether to record, how many inputs and cotangents, these.
    pub const CALLBACK: u32 = 2;
    /// A hook is next. Scratch: the hooked tensor, its gradient.
    pub const HOOK: u32 = 3;
}

/// What to look at for NaN.
pub mod check_flag {
    /// Every forward value.
    pub const VALUES: u32 = 1;
    /// Every cotangent.
    pub const COTANGENTS: u32 = 2;
}

/// What the end of a training step leaves of a tensor.
pub mod spent {
    /// None of the step's business: not recorded, a leaf, or a scalar.
    pub const NOTHING: u32 = 0;
    /// Part of a graph that can still be swept.
    pub const LIVE: u32 = 1;
    /// Of a graph whose values a backward pass consumed.
    pub const CONSUMED: u32 = 2;
    /// Of one that can still be swept but was computed from numbers its parameters no longer have.
    pub const OUTDATED: u32 = 3;
    /// The same for a scalar.
    pub const OUTDATED_SCALAR: u32 = 4;
}

/// What an instruction of the record does.
pub mod action {
    /// It evaluates an op.
    pub const OP: u32 = 1;
    /// It is an update of an optimizer.
    pub const UPDATE: u32 = 2;
    /// Its input takes the place of a tensor's numbers.
    pub const ASSIGN: u32 = 3;
    /// Its input is added to the gradient of a parameter.
    pub const ACCUMULATE: u32 = 4;
    /// Its input, or nothing, becomes the gradient of a parameter.
    pub const SET_GRADIENT: u32 = 5;
    /// It is a loop whose number of turns depends on numbers.
    pub const WHILE: u32 = 6;
}

/// What numbers depend on, as flags.
pub mod dependence {
    /// Set in every answer.
    pub const KNOWN: u32 = 1;
    /// On parameters, on what was written, on random keys.
    pub const STATE: u32 = 2;
    /// On the inputs of the recorded function.
    pub const INPUTS: u32 = 4;
}

/// Whether all elements of a tensor are true.
pub mod truth {
    pub const FAILED: u32 = 0;
    pub const NOT_ALL: u32 = 1;
    pub const ALL: u32 = 2;
}

/// What came of running a program again.
pub mod replay {
    pub const FAILED: u32 = 0;
    pub const DONE: u32 = 1;
    /// It is for other shapes, dtypes or gradients.
    pub const OTHER: u32 = 2;
    /// An argument has derivatives that a program of plain numbers would lose.
    pub const DERIVATIVES: u32 = 3;
}

/// What a tensor is to whoever moves numbers out of memory; any other number is the address of its buffer.
pub mod spillable {
    /// Part of a graph, or of a transform: never moved.
    pub const RECORDED: u32 = 0;
    /// Something inside refers to this very variable, as a parameter does to its gradient: not moved as long as that is so.
    pub const PINNED: u32 = 1;
}
