//! Functions of one array, as data: a loop for each dtype, around a function of a vector or of a number from `math`. The rows of the op
//! table name them.

use super::lane::symbol::Formula;
use super::lane::Lane;
use super::math::exponential::exp;
use super::math::gamma::polygamma;
use super::math::sinc::sinc_derivative;

/// A loop from elements to elements of one type (or to another).
pub type Map<T, O = T> = fn(&[T], &mut [O]);

/// A function of one array.
#[derive(Clone, Copy)]
pub struct Unary {
    pub f32: Map<f32>,
    pub f64: Map<f64>,
    /// There for functions under which integers stay integers; the others take them as float32.
    pub i32: Option<Map<i32>>,
    /// The function of one vector, where it is written once for all vectors: programs are emitted from it.
    pub symbol: Option<Formula>,
}

/// A function of one array and an order n, whose derivative is the one of order n + 1.
#[derive(Clone, Copy)]
pub struct OfOrder {
    pub f32: fn(u32, &[f32], &mut [f32]),
    pub f64: fn(u32, &[f64], &mut [f64]),
}

/// The kernel of a function:
/// - `unary!(lanes(exp))`: one function for both types, generic in the vector type
/// - `unary!(lanes(gelu_tanh_f32, gelu_tanh_f64))`: a function of vectors for each type
/// - `unary!(wide(tan))`: a function of f64 vectors; f32 goes through f64 where it has too few digits on the way
/// - `unary!(each(libm::cbrtf, libm::cbrt))`: functions of numbers, one by one
///
/// and behind that `integers(i32::wrapping_neg)` where integers stay integers.
macro_rules! unary {
    (lanes($f:expr) $(integers($i:expr))?) => {
        $crate::kernels::unary::Unary { symbol: $crate::kernels::lane::symbol::unary!($f), ..unary!(lanes($f, $f) $(integers($i))?) }
    };
    (lanes($narrow:expr, $wide:expr) $(integers($i:expr))?) => {
        $crate::kernels::unary::Unary {
            f32: |x, out| $crate::kernels::lane::map::<$crate::kernels::lane::f32x4>(x, out, $narrow),
            f64: |x, out| $crate::kernels::lane::map::<$crate::kernels::lane::f64x2>(x, out, $wide),
            i32: unary!(@integers $($i)?),
            symbol: None,
        }
    };
    (wide($f:expr)) => { unary!(lanes(|v| $crate::kernels::lane::through_f64(v, $f), $f)) };
    (each($narrow:expr, $wide:expr)) => {
        $crate::kernels::unary::Unary {
            f32: |x, out| $crate::kernels::unary::one_by_one(x, out, $narrow),
            f64: |x, out| $crate::kernels::unary::one_by_one(x, out, $wide),
            i32: None,
            symbol: None,
        }
    };
    (@integers) => { None };
    (@integers $i:expr) => { Some(|x, out| $crate::kernels::unary::one_by_one(x, out, $i)) };
}

pub(crate) use unary;

#[inline(always)]
pub fn one_by_one<T: Copy>(x: &[T], out: &mut [T], f: impl Fn(T) -> T) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = f(x);
    }
}

/// -1, 0 or 1; NaN for NaN
#[inline(always)]
pub fn sign<L: Lane>(x: L) -> L {
    let zero = L::of(0.0);
    let value = L::select(x.lt(zero), L::of(-1.0), L::select(zero.lt(x), L::of(1.0), zero));
    L::select(x.eq(x), value, x)
}

/// 1/x
#[inline(always)]
pub fn reciprocal<L: Lane>(x: L) -> L {
    L::of(1.0) / x
}

/// max(x, 0); NaN for NaN
#[inline(always)]
pub fn relu<L: Lane>(x: L) -> L {
    x.at_least(L::of(0.0))
}

pub const EXP: Unary = unary!(lanes(exp));

/// The n-th derivative of digamma; digamma itself for n = 0.
pub const POLYGAMMA: OfOrder = OfOrder {
    f32: |n, x, out| one_by_one(x, out, |v| polygamma(n, v as f64) as f32),
    f64: |n, x, out| one_by_one(x, out, |v| polygamma(n, v)),
};

/// The n-th derivative of sin(πx)/(πx).
pub const SINC_DERIVATIVE: OfOrder = OfOrder {
    f32: |n, x, out| one_by_one(x, out, |v| sinc_derivative(n, v as f64) as f32),
    f64: |n, x, out| one_by_one(x, out, |v| sinc_derivative(n, v)),
};
