//! Comparisons, tests and logic, which give bytes 0 or 1, as data; casts.

use super::binary::Zip;
use super::lane::symbol::{Mask32, Mask64, Symbol32, Symbol64};
use super::lane::Lane;
use super::unary::Map;
use crate::dtype::Element;

/// How two numbers are compared.
#[derive(Clone, Copy)]
pub enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Relation {
    /// The mask of the lanes in which it holds.
    pub fn of<L: Lane>(self, a: L, b: L) -> L::Bits {
        match self {
            Relation::Equal => a.eq(b),
            Relation::NotEqual => a.ne(b),
            Relation::Less => a.lt(b),
            Relation::LessOrEqual => a.le(b),
            Relation::Greater => b.lt(a),
            Relation::GreaterOrEqual => b.le(a),
        }
    }
}

/// A comparison of two arrays of numbers.
#[derive(Clone, Copy)]
pub struct Compare {
    pub relation: Relation,
    pub f32: Zip<f32, u8>,
    pub f64: Zip<f64, u8>,
    pub i32: Zip<i32, u8>,
}

/// A question asked of each number; all integers give the same answer.
#[derive(Clone, Copy)]
pub struct Test {
    pub f32: Map<f32, u8>,
    pub f64: Map<f64, u8>,
    pub integers: bool,
}

/// `compare!(Less, |a, b| a < b)`
macro_rules! compare {
    ($relation:ident, $f:expr) => {
        $crate::kernels::compare::Compare {
            relation: $crate::kernels::compare::Relation::$relation,
            f32: |a, b, out| $crate::kernels::compare::zip(a, b, out, $f),
            f64: |a, b, out| $crate::kernels::compare::zip(a, b, out, $f),
            i32: |a, b, out| $crate::kernels::compare::zip(a, b, out, $f),
        }
    };
}

pub(crate) use compare;

#[inline(always)]
fn map<T: Copy, O>(x: &[T], out: &mut [O], f: impl Fn(T) -> O) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = f(x);
    }
}

#[inline(always)]
pub fn zip<T: Copy>(a: &[T], b: &[T], out: &mut [u8], f: impl Fn(T, T) -> bool) {
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = f(a, b) as u8;
    }
}

pub const AND: Zip<u8> = |a, b, out| zip(a, b, out, |a, b| (a != 0) & (b != 0));
pub const OR: Zip<u8> = |a, b, out| zip(a, b, out, |a, b| (a | b) != 0);
pub const NOT: Map<u8> = |x, out| map(x, out, |x| (x == 0) as u8);
pub const IS_NAN: Test =
    Test { f32: |x, out| map(x, out, |x| x.is_nan() as u8), f64: |x, out| map(x, out, |x| x.is_nan() as u8), integers: false };
pub const IS_FINITE: Test =
    Test { f32: |x, out| map(x, out, |x| x.is_finite() as u8), f64: |x, out| map(x, out, |x| x.is_finite() as u8), integers: true };

/// The tests as formulas of a vector.
type Question = (fn(Symbol32) -> Mask32, fn(Symbol64) -> Mask64);
pub const IS_NAN_SYMBOL: Question = (|x| x.ne(x), |x| x.ne(x));
pub const IS_FINITE_SYMBOL: Question = (|x| x.abs().lt(Lane::of(f64::INFINITY)), |x| x.abs().lt(Lane::of(f64::INFINITY)));

/// Between any two element types. f64 holds every value of the others, so all go through it: to an integer the fraction is cut
/// off, what is too large becomes the largest or smallest integer and NaN becomes 0; to bool, anything but 0 is true.
pub fn cast<From: Element, To: Element>(x: &[From], out: &mut [To]) {
    map(x, out, |x| To::from_f64(x.to_f64()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_follow_ieee() {
        let values = [0.0, -0.0, 1.5, -2.0, f64::INFINITY, f64::NAN];
        type Truth = fn(f64, f64) -> bool;
        let table: [(Compare, Truth); 6] = [
            (compare!(Equal, |a, b| a == b), |a, b| a == b),
            (compare!(NotEqual, |a, b| a != b), |a, b| a != b),
            (compare!(Less, |a, b| a < b), |a, b| a < b),
            (compare!(LessOrEqual, |a, b| a <= b), |a, b| a <= b),
            (compare!(Greater, |a, b| a > b), |a, b| a > b),
            (compare!(GreaterOrEqual, |a, b| a >= b), |a, b| a >= b),
        ];
        for a in values {
            for b in values {
                for (kernel, truth) in &table {
                    let (mut wide, mut narrow) = ([7; 3], [7; 3]);
                    (kernel.f64)(&[a; 3], &[b; 3], &mut wide);
                    (kernel.f32)(&[a as f32; 3], &[b as f32; 3], &mut narrow);
                    assert_eq!((wide, narrow), ([truth(a, b) as u8; 3], [truth(a, b) as u8; 3]), "{a} {b}");
                    if a.is_finite() && b.is_finite() {
                        (kernel.i32)(&[a as i32; 3], &[b as i32; 3], &mut wide);
                        assert_eq!(wide, [truth(a.trunc(), b.trunc()) as u8; 3]);
                    }
                }
            }
        }
    }

    #[test]
    fn tests_and_logic() {
        let x = [1.0, f64::NAN, f64::INFINITY, -f64::INFINITY, 0.0];
        let mut out = [9; 5];
        for (test, expected) in [(IS_NAN, [0, 1, 0, 0, 0]), (IS_FINITE, [1, 0, 0, 0, 1])] {
            (test.f64)(&x, &mut out);
            assert_eq!(out, expected);
            (test.f32)(&x.map(|v| v as f32), &mut out);
            assert_eq!(out, expected);
        }
        let (a, b) = ([0, 1, 0, 2], [0, 0, 4, 8]);
        let mut out = [9; 4];
        AND(&a, &b, &mut out);
        assert_eq!(out, [0, 0, 0, 1]);
        OR(&a, &b, &mut out);
        assert_eq!(out, [0, 1, 1, 1]);
        NOT(&a, &mut out);
        assert_eq!(out, [1, 0, 1, 0]);
    }

    #[test]
    fn casts_saturate() {
        let x = [1.9, -1.9, 3e9, -3e9, f64::NAN, f64::INFINITY, -0.0, 0.1];
        let (mut whole, mut truth, mut narrow) = ([0; 8], [0u8; 8], [0f32; 8]);
        cast::<f64, i32>(&x, &mut whole);
        assert_eq!(whole, [1, -1, i32::MAX, i32::MIN, 0, i32::MAX, 0, 0]);
        cast::<f64, u8>(&x, &mut truth);
        assert_eq!(truth, [1, 1, 1, 1, 1, 1, 0, 1]);
        cast::<f64, f32>(&x, &mut narrow);
        assert_eq!((narrow[0], narrow[5]), (1.9f32, f32::INFINITY));
        let mut back = [0; 8];
        cast::<f32, i32>(&narrow, &mut back);
        assert_eq!(back, whole);
        cast::<i32, f32>(&[16_777_217, -3, i32::MAX, 0, 1, 2, 3, 4], &mut narrow);
        assert_eq!(&narrow[..3], &[16_777_216.0, -3.0, 2_147_483_648.0]);
        let mut wide = [0.0; 8];
        cast::<u8, f64>(&truth, &mut wide);
        assert_eq!(wide, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0]);
    }
}
