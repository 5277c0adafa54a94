//! What a row of the op table says. A primitive declares what kind of thing it is (its form, which evaluates it), one kind of derivative
//! and how it is batched; forward and reverse mode are derived from that in `level/dual.rs` and `sweep/`. A composite is a function of
//! primitives and needs none of it.

use crate::engine::Engine;
use crate::error::Result;
use crate::form::{Form, Pointwise};
use crate::ops::batching;
use crate::params::{Along, Cast, Numbers, Order, Param, Reduce};
use crate::var::Var;
use smallvec::{smallvec, SmallVec};

pub use crate::opcode::{Op, Reads};

pub struct Row {
    pub name: &'static str,
    pub inputs: Inputs,
    pub params: &'static [Param],
    pub kind: Kind,
    /// The op that its errors name, where that is another one.
    pub reported: Option<Op>,
}

/// How many inputs an op takes.
#[derive(Clone, Copy)]
pub struct Inputs {
    pub least: u32,
    pub most: u32,
}

pub enum Kind {
    Primitive {
        form: Form,
        rule: Rule,
        /// What the rule reads in reverse mode: found once, since every recorded op asks.
        reads: Reads,
        /// Every row has one: a form that gives none asks for `.batch(...)` (checked when the table is made).
        batch: Option<BatchRule>,
    },
    /// A function made only of ops: every level sees its parts.
    Composite(Expand),
}

pub type Expand = for<'a> fn(&'a Engine, &[Var<'a>], &[f64]) -> Var<'a>;

/// The kinds of derivative. `x` are the inputs, `y` the output, `t` tangents, `ct` the output's cotangent; all rules are
/// written with ops, so they can be differentiated again.
pub enum Rule {
    /// y_j depends on the j-th element of each (broadcast) input only: one partial dy/dx_i per input.
    /// JVP = sum of partial · t, VJP = partial · ct; the un-broadcasting is done by the sweep.
    Elementwise(&'static [Partial]),
    /// Linear in the first input, the only one with a derivative (sum, reshape, take): JVP = the op on the tangent, VJP = the transpose.
    Linear(Transpose),
    /// Linear in all inputs jointly (concat): JVP = the op on the tangents. The function gives the cotangents of all inputs at once, so that
    /// the work grows with their number and not with its square.
    Joined(Pieces),
    /// `Linear` for ops whose output is a part of their one input (slice), which the function bounds: the transpose writes the
    /// cotangent into zeros, and a sweep that has a cotangent of the input already adds it in place.
    Part(Bounds),
    /// Linear in each float input with the others fixed (matmul): JVP = sum over i of the op with input i replaced and the
    /// parameters that `tangents` makes of the op's, by which it knows that 0 times infinity is 0.
    Multilinear { tangents: fn(&[f64]) -> Numbers, transpose: Transposes },
    /// Derivative zero everywhere (comparisons, rounding, integers, stopGradient).
    Zero,
    /// Declared by hand.
    Custom { jvp: Jvp, vjp: Vjp },
}

impl Rule {
    /// What it reads in reverse mode.
    const fn reads(&self) -> Reads {
        match self {
            Rule::Zero | Rule::Part(_) | Rule::Joined(_) => Reads::of(false, false),
            Rule::Elementwise(partials) => {
                let (mut reads, mut i) = (Reads::of(false, false), 0);
                while i < partials.len() {
                    reads = reads.and(partials[i].reads);
                    i += 1;
                }
                reads
            }
            // Indices, and other inputs behind the one that is differentiated.
            Rule::Linear(_) => Reads { inputs_from: 1, output: false },
            Rule::Multilinear { .. } => Reads::of(true, false),
            Rule::Custom { vjp, .. } => vjp.reads,
        }
    }

    /// Its name for TypeScript.
    pub const fn name(&self) -> &'static str {
        match self {
            Rule::Elementwise(_) => "elementwise",
            Rule::Linear(_) => "linear",
            Rule::Joined(_) => "joined",
            Rule::Part(_) => "part",
            Rule::Multilinear { .. } => "multilinear",
            Rule::Zero => "zero",
            Rule::Custom { .. } => "custom",
        }
    }
}

/// `of(x, y, params)`: the diagonal of dy/dx_i.
#[derive(Clone, Copy)]
pub struct Partial {
    pub of: for<'a> fn(&[Var<'a>], Var<'a>, &[f64]) -> Diagonal<'a>,
    pub reads: Reads,
}
/// `transpose(x, ct, params)`: the cotangent of the first input. Only shapes and the other inputs of `x` may be read.
pub type Transpose = for<'a> fn(&[Var<'a>], Var<'a>, &[f64]) -> Var<'a>;
/// `transpose(x, ct, params, wanted)`: the cotangents of the wanted inputs.
pub type Transposes = for<'a> fn(&[Var<'a>], Var<'a>, &[f64], Wanted) -> Terms<'a>;
/// `pieces(x, ct, params)`: the cotangents of all inputs.
pub type Pieces = for<'a> fn(&[Var<'a>], Var<'a>, &[f64]) -> Result<Terms<'a>>;
/// `bounds(dims, params)`: first element, number of elements and step per axis of the input.
pub type Bounds = fn(&[usize], &[f64]) -> Result<SmallVec<[(usize, usize, usize); 6]>>;
/// `jvp(x, t, y, params)`; absent tangents are symbolic zeros.
pub type Jvp = for<'a> fn(&[Var<'a>], &[Option<Var<'a>>], Var<'a>, &[f64]) -> Var<'a>;
/// `of(x, y, ct, params, wanted)`: the cotangents of the wanted inputs. It is asked once for all of them, so that they share work.
#[derive(Clone, Copy)]
pub struct Vjp {
    pub of: for<'a> fn(&[Var<'a>], Var<'a>, Var<'a>, &[f64], Wanted) -> Terms<'a>,
    pub reads: Reads,
}

/// `partial!(|x, _, _| ...)`: what is read is what has a name, so that a rule cannot read what it does not say.
macro_rules! partial {
    (|$x:tt, $y:tt, $p:tt| $partial:expr) => {
        $crate::op::Partial { of: |$x, $y, $p| $partial, reads: $crate::op::Reads::of($crate::op::named!($x), $crate::op::named!($y)) }
    };
}

/// The same for a `Custom` rule in reverse.
macro_rules! pullback {
    (|$x:tt, $y:tt, $ct:tt, $p:tt, $wanted:tt| $terms:expr) => {
        $crate::op::Vjp {
            of: |$x, $y, $ct, $p, $wanted| $terms,
            reads: $crate::op::Reads::of($crate::op::named!($x), $crate::op::named!($y)),
        }
    };
}

macro_rules! named {
    (_) => {
        false
    };
    ($name:ident) => {
        true
    };
}

pub(crate) use {named, partial, pullback};

/// For each input whether its cotangent is asked for.
pub type Wanted<'w> = &'w [bool];
/// A term for each input; `None` where it was not asked for, or is a symbolic zero.
pub type Terms<'a> = SmallVec<[Option<Var<'a>>; 4]>;

/// The term of an op's one input.
pub fn only(term: Var) -> Terms {
    smallvec![Some(term)]
}

/// A diagonal Jacobian, as cheap as it is.
pub enum Diagonal<'a> {
    Zero,
    One,
    MinusOne,
    /// Multiplied with a strong zero: where the (co)tangent or the partial is 0 the product is 0, even if the other is
    /// infinite or NaN. That keeps `where(x > 0, sqrt(x), 0)` free of NaN at 0, and as the product does not care which of
    /// its factors came first, forward and reverse mode agree along a chain of ops.
    Value(Var<'a>),
    /// A bool tensor: passes the (co)tangent where true.
    Mask(Var<'a>),
}

/// An input as a batching rule sees it: the inner value and where its batch axis stands, if it has one.
#[derive(Clone, Copy)]
pub struct Batched<'a> {
    pub value: Var<'a>,
    pub axis: Option<usize>,
}

/// `batch(op, inputs, params, size)`: the same op on whole batches; at least one input has an axis.
pub type BatchRule = for<'a> fn(Op, &[Batched<'a>], &[f64], usize) -> Batched<'a>;

impl Row {
    /// A primitive of a form that says how many inputs there are, which parameters, and how the op is batched; what differs is said by
    /// the methods below.
    pub const fn new(name: &'static str, form: Form, rule: Rule) -> Row {
        let (inputs, params, batch): (u32, &'static [Param], Option<BatchRule>) = match &form {
            Form::Pointwise(function) => {
                let params = match function {
                    Pointwise::Cast => Cast::PARAMS,
                    Pointwise::OfOrder(_) => Order::PARAMS,
                    Pointwise::Unary(_)
                    | Pointwise::Binary { .. }
                    | Pointwise::Compare(_)
                    | Pointwise::Test(_)
                    | Pointwise::Not(_)
                    | Pointwise::Logic(_)
                    | Pointwise::Select
                    | Pointwise::Other(_) => &[],
                };
                (function.inputs(), params, Some(batching::elementwise))
            }
            Form::Reduction(_) => (1, Reduce::PARAMS, Some(batching::reduction)),
            Form::AlongAxis(_) | Form::Joined(_) => (1, Along::PARAMS, Some(batching::axis)),
            Form::Product(_) => (2, &[], Some(batching::elementwise)),
            Form::Random(_) => (1, &[], Some(batching::random)),
            Form::View(_) | Form::Movement(_) | Form::General(_) => (1, &[], None),
            Form::Scatter(_) => (2, &[], None),
        };
        let reads = rule.reads();
        Row { name, inputs: Inputs::exactly(inputs), params, kind: Kind::Primitive { form, rule, reads, batch }, reported: None }
    }

    pub const fn composite(name: &'static str, inputs: u32, params: &'static [Param], expand: Expand) -> Row {
        Row { name, inputs: Inputs::exactly(inputs), params, kind: Kind::Composite(expand), reported: None }
    }

    pub const fn params(self, params: &'static [Param]) -> Row {
        Row { params, ..self }
    }

    pub const fn inputs(self, count: u32) -> Row {
        Row { inputs: Inputs::exactly(count), ..self }
    }

    pub const fn inputs_between(self, least: u32, most: u32) -> Row {
        Row { inputs: Inputs { least, most }, ..self }
    }

    pub const fn reported_as(self, op: Op) -> Row {
        Row { reported: Some(op), ..self }
    }

    pub const fn batch(self, batch: BatchRule) -> Row {
        let Row { name, inputs, params, kind, reported } = self;
        let kind = match kind {
            Kind::Primitive { form, rule, reads, .. } => Kind::Primitive { form, rule, reads, batch: Some(batch) },
            Kind::Composite(expand) => Kind::Composite(expand),
        };
        Row { name, inputs, params, kind, reported }
    }
}

/// For the generator of the TypeScript side.
impl Row {
    /// The name of its form; a composite has none of its own.
    pub fn form(&self) -> &'static str {
        match &self.kind {
            Kind::Primitive { form, .. } => form.name(),
            Kind::Composite(_) => "composite",
        }
    }

    /// The name of its kind of derivative.
    pub fn rule(&self) -> &'static str {
        match &self.kind {
            Kind::Primitive { rule, .. } => rule.name(),
            Kind::Composite(_) => "composite",
        }
    }

    /// Its parameters: their names as TypeScript writes them, and their kinds.
    pub fn parameters(&self) -> Vec<(String, &'static str)> {
        self.params.iter().map(|param| (param.camel(), param.kind.name())).collect()
    }
}

impl Inputs {
    pub const fn exactly(count: u32) -> Inputs {
        Inputs { least: count, most: count }
    }

    pub const fn allow(self, count: usize) -> bool {
        self.least as usize <= count && count <= self.most as usize
    }
}

/// Declares a family of rows: `rows! { family; Tanh => Row::new(...), ... }` makes the constants (`Tanh: Op`), the family's table `ROWS`
/// and its length. Where families start is said in one place, `families!` in `ops/mod.rs`.
#[macro_export]
macro_rules! rows {
    ($family:ident; $($(#[$meta:meta])* $name:ident => $row:expr),+ $(,)?) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, clippy::enum_variant_names)]
        #[repr(u16)]
        enum Index { $($name),+, EndOfFamily }
        $($(#[$meta])* #[allow(non_upper_case_globals, dead_code)] pub const $name: $crate::op::Op = $crate::op::Op($crate::ops::start::$family + Index::$name as u16);)+
        pub const LENGTH: u16 = Index::EndOfFamily as u16;
        pub const ROWS: &[$crate::op::Row] = &[$($row),+];
    };
}
