//! What a row of the op table says. A primitive declares its kernel, one kind of derivative and how it is batched;
//! forward and reverse mode are derived from that in `level/dual.rs` and `sweep/`. A composite is a function of
//! primitives and needs none of it.

use crate::engine::Engine;
use crate::error::Result;
use crate::memory::array::Array;
use crate::ops;
use crate::var::Var;
use smallvec::SmallVec;

/// A row number of the table. The numbers reach TypeScript through the generated `ts/opcodes.ts`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Op(pub u16);

impl Op {
    #[inline]
    pub fn row(self) -> &'static Row {
        ops::TABLE[self.0 as usize]
    }

    pub fn name(self) -> &'static str {
        self.row().name
    }

    pub fn from_code(code: u32) -> Option<Op> {
        ((code as usize) < ops::TABLE.len()).then_some(Op(code as u16))
    }
}

/// Level 0: concrete arrays in, a fresh array (or view) out. Checks shapes, axes, dtypes.
pub type Eval = fn(&[&Array], &[f64]) -> Result<Array>;

pub struct Row {
    pub name: &'static str,
    pub kind: Kind,
}

pub enum Kind {
    Primitive {
        eval: Eval,
        rule: Rule,
        batch: BatchRule,
    },
    /// A function made only of ops: every level sees its parts.
    Composite(for<'a> fn(&'a Engine, &[Var<'a>], &[f64]) -> Var<'a>),
}

/// The kinds of derivative. `x` are the inputs, `y` the output, `t` tangents, `ct` the output's cotangent; all rules are
/// written with ops, so they can be differentiated again.
pub enum Rule {
    /// y_j depends on the j-th element of each (broadcast) input only: one partial dy/dx_i per input.
    /// JVP = sum of partial · t, VJP = partial · ct; the un-broadcasting is done by the sweep.
    Elementwise(&'static [Partial]),
    /// Linear in all float inputs jointly (sum, reshape, concat): JVP = the op on the tangents. The function is the
    /// transpose with respect to input i.
    Linear(Transpose),
    /// `Linear` for ops that join many inputs (concat): the function gives the cotangents of all inputs at once, so that the work grows
    /// with their number and not with its square.
    Joined(Pieces),
    /// `Linear` for ops whose output is a part of their one input (slice), which the function bounds: the transpose writes the
    /// cotangent into zeros, and a sweep that has a cotangent of the input already adds it in place.
    Part(Bounds),
    /// Linear in each float input with the others fixed (matmul): JVP = sum over i of the op with input i replaced and the
    /// parameters `tangents`, by which it knows that 0 times infinity is 0.
    Multilinear { tangents: &'static [f64], transpose: Transpose },
    /// Derivative zero everywhere (comparisons, rounding, integers, stopGradient).
    Zero,
    /// Declared by hand.
    Custom { jvp: Jvp, vjp: Vjp },
}

/// `partial(x, y, params)`: the diagonal of dy/dx_i.
pub type Partial = for<'a> fn(&[Var<'a>], Var<'a>, &[f64]) -> Diagonal<'a>;
/// `transpose(i, x, ct, params)`: the cotangent of input i. Only shapes and the other inputs of `x` may be read.
pub type Transpose = for<'a> fn(usize, &[Var<'a>], Var<'a>, &[f64]) -> Var<'a>;
/// `pieces(x, ct, params)`: the cotangents of all inputs.
pub type Pieces = for<'a> fn(&[Var<'a>], Var<'a>, &[f64]) -> Result<SmallVec<[Var<'a>; 4]>>;
/// `bounds(dims, params)`: first element, number of elements and step per axis of the input.
pub type Bounds = fn(&[usize], &[f64]) -> Result<SmallVec<[(usize, usize, usize); 6]>>;
/// `jvp(x, t, y, params)`; absent tangents are symbolic zeros.
pub type Jvp = for<'a> fn(&[Var<'a>], &[Option<Var<'a>>], Var<'a>, &[f64]) -> Var<'a>;
/// `vjp(i, x, y, ct, params)`: the cotangent of input i.
pub type Vjp = for<'a> fn(usize, &[Var<'a>], Var<'a>, Var<'a>, &[f64]) -> Var<'a>;

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
    pub const fn primitive(name: &'static str, eval: Eval, rule: Rule, batch: BatchRule) -> Row {
        Row { name, kind: Kind::Primitive { eval, rule, batch } }
    }

    pub const fn composite(name: &'static str, expand: for<'a> fn(&'a Engine, &[Var<'a>], &[f64]) -> Var<'a>) -> Row {
        Row { name, kind: Kind::Composite(expand) }
    }
}

/// Declares a family of rows: `rows! { after: previous_family; Tanh => Row::primitive(...), ... }` makes the constants
/// (`Tanh: Op`), the family's table `ROWS`, and `END`, where the next family starts.
#[macro_export]
macro_rules! rows {
    (start: $start:expr; $($(#[$meta:meta])* $name:ident => $row:expr),+ $(,)?) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, clippy::enum_variant_names)]
        #[repr(u16)]
        enum Index { $($name),+, EndOfFamily }
        $($(#[$meta])* #[allow(non_upper_case_globals, dead_code)] pub const $name: $crate::op::Op = $crate::op::Op($start + Index::$name as u16);)+
        pub const END: u16 = $start + Index::EndOfFamily as u16;
        pub const ROWS: &[$crate::op::Row] = &[$($row),+];
    };
}
