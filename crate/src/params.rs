//! Parameters of ops: axes, sizes, flags, numbers. Between the levels, on the tape and at the boundary they are a list of f64; here each
//! list has a record with names and kinds, which reads and makes it. Rules use the records, TypeScript learns the names through the
//! generated `ts/opcodes.ts`.

use crate::dtype::DType;
use crate::error::Result;
use crate::shape::axis_from;
use smallvec::SmallVec;

/// A parameter list.
pub type Numbers = SmallVec<[f64; 16]>;

/// What a parameter is: how it is read, printed, and changed when a batch axis is put in front of an op's inputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParamKind {
    /// An axis; negative ones count from the end.
    Axis,
    /// A list of axes.
    Axes,
    /// 0 or 1.
    Flag,
    Number,
    /// The code of a dtype.
    DType,
    /// The list of sizes of a result.
    Dims,
    /// A list with one number for each axis of the input.
    PerAxis,
    /// A list of numbers.
    List,
}

#[derive(Clone, Copy, Debug)]
pub struct Param {
    pub name: &'static str,
    pub kind: ParamKind,
}

impl Param {
    /// `replace_positive` as TypeScript writes it.
    pub fn camel(&self) -> String {
        let mut words = self.name.split('_');
        let first = words.next().unwrap_or_default().to_string();
        words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
    }
}

impl ParamKind {
    pub const fn name(self) -> &'static str {
        match self {
            ParamKind::Axis => "axis",
            ParamKind::Axes => "axes",
            ParamKind::Flag => "flag",
            ParamKind::Number => "number",
            ParamKind::DType => "dtype",
            ParamKind::Dims => "dims",
            ParamKind::PerAxis => "perAxis",
            ParamKind::List => "list",
        }
    }
}

/// An axis as it was given.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Axis(pub f64);

impl Axis {
    /// Its place among `rank` axes.
    pub fn of(self, rank: usize) -> Result<usize> {
        axis_from(self.0, rank)
    }
}

impl From<usize> for Axis {
    fn from(axis: usize) -> Axis {
        Axis(axis as f64)
    }
}

/// One number of a list as the type of its kind.
trait Scalar {
    fn from_number(value: f64) -> Self;
    fn number(self) -> f64;
}

impl Scalar for f64 {
    fn from_number(value: f64) -> f64 {
        value
    }
    fn number(self) -> f64 {
        self
    }
}

impl Scalar for bool {
    fn from_number(value: f64) -> bool {
        value != 0.0
    }
    fn number(self) -> f64 {
        self as u8 as f64
    }
}

impl Scalar for Axis {
    fn from_number(value: f64) -> Axis {
        Axis(value)
    }
    fn number(self) -> f64 {
        self.0
    }
}

/// `records! { Name { scalar: Kind, ...; list: Kind, ... } }`: numbers and flags first, then lists, which are of one length where there are
/// several. What a list leaves out is 0, or empty.
macro_rules! records {
    ($($(#[$meta:meta])* $name:ident { $($field:ident: $kind:ident),* $(; $($list:ident: $list_kind:ident),+)? })+) => {
        $(records!(@one $(#[$meta])* $name { $($field: $kind),* } { $($($list: $list_kind),+)? });)+
    };
    (@one $(#[$meta:meta])* $name:ident { $($field:ident: $kind:ident),* } { }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Debug)]
        pub struct $name { $(pub $field: records!(@type $kind)),* }

        impl $name {
            pub const PARAMS: &'static [Param] = &[$(Param { name: stringify!($field), kind: ParamKind::$kind }),*];

            #[inline]
            pub fn read(numbers: &[f64]) -> $name {
                let mut scalars = numbers.iter().copied();
                $(let $field = Scalar::from_number(scalars.next().unwrap_or(0.0));)*
                $name { $($field),* }
            }

            // Records of composites are read only.
            #[allow(dead_code)]
            pub fn list(self) -> Numbers {
                Numbers::from_slice(&[$(Scalar::number(self.$field)),*])
            }
        }
    };
    (@one $(#[$meta:meta])* $name:ident { $($field:ident: $kind:ident),* } { $($list:ident: $list_kind:ident),+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Debug)]
        pub struct $name<'a> { $(pub $field: records!(@type $kind),)* $(pub $list: &'a [f64]),+ }

        impl<'a> $name<'a> {
            pub const PARAMS: &'static [Param] = &[
                $(Param { name: stringify!($field), kind: ParamKind::$kind },)*
                $(Param { name: stringify!($list), kind: ParamKind::$list_kind }),+
            ];

            #[inline]
            pub fn read(numbers: &'a [f64]) -> $name<'a> {
                const SCALARS: usize = <[&str]>::len(&[$(stringify!($field)),*]);
                const LISTS: usize = <[&str]>::len(&[$(stringify!($list)),+]);
                let (scalars, lists) = numbers.split_at(SCALARS.min(numbers.len()));
                #[allow(unused_mut, unused_variables)]
                let mut scalars = scalars.iter().copied();
                $(let $field = Scalar::from_number(scalars.next().unwrap_or(0.0));)*
                let each = lists.len() / LISTS;
                let mut lists = lists.chunks_exact(each.max(1));
                $(let $list = lists.next().unwrap_or(&[]);)+
                $name { $($field,)* $($list),+ }
            }

            // Records of composites are read only.
            #[allow(dead_code)]
            pub fn list(self) -> Numbers {
                let mut numbers = Numbers::from_slice(&[$(Scalar::number(self.$field)),*]);
                $(numbers.extend_from_slice(self.$list);)+
                numbers
            }
        }
    };
    (@type Axis) => { Axis };
    (@type Flag) => { bool };
    (@type Number) => { f64 };
    (@type DType) => { f64 };
}

records! {
    /// Reductions: over all axes, or those given.
    Reduce { keepdims: Flag, all: Flag; axis: Axes }
    Along { axis: Axis }
    /// From the start, or from the end.
    Scan { axis: Axis, reverse: Flag }
    /// `zero_wins`: 0 times infinity is 0, as everywhere in derivatives.
    LinearScan { axis: Axis, reverse: Flag, zero_wins: Flag }
    Product { zero_wins: Flag }
    /// An entry for each axis that is convolved over: steps of the kernel, zeros before and behind, steps between elements of the input and of the kernel.
    Convolution { groups: Number, zero_wins: Flag; strides: List, low: List, high: List, spread: List, dilation: List }
    Sorting { axis: Axis, descending: Flag }
    RunningExtreme { axis: Axis, reverse: Flag, least: Flag }
    /// Behind equal ones instead of before them.
    Search { right: Flag }
    /// Into an axis of that size.
    IndexInto { axis: Axis, size: Number }
    ScatterInto { axis: Axis; dims: Dims }
    /// A shape; where an op says so, one size may be -1.
    Shape { ; dims: Dims }
    /// Some axes, or all in an order.
    Axes { ; axes: Axes }
    Slice { ; starts: PerAxis, ends: PerAxis, steps: PerAxis }
    Unslice { ; starts: PerAxis, steps: PerAxis, dims: PerAxis }
    Diagonal { offset: Number }
    DiagonalMatrix { offset: Number, rows: Number, columns: Number }
    Cast { dtype: DType }
    /// The root is differentiated more than once.
    Root { again: Flag }
    /// The same, and whether what is multiplied with the slope is a constant for all of these derivatives.
    AlongRoot { again: Flag, fixed: Flag }
    Clamp { low: Number, high: Number }
    /// Which derivative.
    Order { order: Number }
    /// Which derivative in the base and in the exponent.
    PowOrder { base: Number, exponent: Number }
    /// Which triangle is read, and whether its diagonal is taken to be 1.
    TriangularSolve { lower: Flag, unit: Flag }
    /// Singular values below this part of the largest count as 0.
    Pinv { rcond: Number }
    Draw { dtype: DType; dims: Dims }
    Split { count: Number }
    // composites
    Variance { keepdims: Flag, all: Flag, correction: Number; axis: Axes }
    Norm { keepdims: Flag, all: Flag, p: Number; axis: Axes }
    Quantile { keepdims: Flag, all: Flag, q: Number; axis: Axes }
    Covariance { correction: Number }
    /// A replacement counts where its flag is set.
    NanToNum { nan: Number, replace_positive: Flag, positive: Number, replace_negative: Flag, negative: Number }
    Dimension { dimension: Number }
    Slope { slope: Number }
    Alpha { alpha: Number }
    Gelu { tanh: Flag }
    /// Two counts for each axis, before and after.
    Pad { value: Number; widths: List }
    Roll { shift: Number, axis: Axis }
    Triangle { k: Number }
    OneHot { depth: Number, dtype: DType }
}

impl Cast {
    pub fn to(dtype: DType) -> Cast {
        Cast { dtype: dtype as u8 as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_read_what_they_list() {
        let reduce = Reduce { keepdims: true, all: false, axis: &[0.0, -1.0] };
        assert_eq!(reduce.list().as_slice(), &[1.0, 0.0, 0.0, -1.0]);
        assert_eq!(Reduce::read(&reduce.list()), reduce);
        let slice = Slice { starts: &[1.0, 2.0], ends: &[3.0, 4.0], steps: &[5.0, 6.0] };
        assert_eq!(Slice::read(&slice.list()), slice);
        assert_eq!(Slice::read(&[]), Slice { starts: &[], ends: &[], steps: &[] });
        assert_eq!(LinearScan::read(&[2.0, 1.0]), LinearScan { axis: Axis(2.0), reverse: true, zero_wins: false });
        assert_eq!(Scan::PARAMS.iter().map(|p| p.name).collect::<Vec<_>>(), ["axis", "reverse"]);
    }
}
