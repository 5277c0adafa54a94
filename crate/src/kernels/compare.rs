//! Comparisons, tests and logic, which give bytes 0 or 1, and casts.

use super::binary::{in_blocks, Operand};
use crate::dtype::Element;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

#[inline(always)]
fn map<T: Copy, O>(x: &[T], out: &mut [O], f: impl Fn(T) -> O) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = f(x);
    }
}

#[inline(always)]
fn zip<T: Copy>(a: &[T], b: &[T], out: &mut [u8], f: impl Fn(T, T) -> bool) {
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = f(a, b) as u8;
    }
}

macro_rules! compare {
    ($name:ident, $type:ty) => {
        pub fn $name(function: Compare, a: Operand<$type>, b: Operand<$type>, out: &mut [u8]) {
            // a > b is b < a: four loops instead of six.
            let (a, b, function) = match function {
                Compare::Gt => (b, a, Compare::Lt),
                Compare::Ge => (b, a, Compare::Le),
                function => (a, b, function),
            };
            let kernel: fn(&[$type], &[$type], &mut [u8]) = match function {
                Compare::Eq => |a, b, out| zip(a, b, out, |a, b| a == b),
                Compare::Ne => |a, b, out| zip(a, b, out, |a, b| a != b),
                Compare::Lt | Compare::Gt => |a, b, out| zip(a, b, out, |a, b| a < b),
                Compare::Le | Compare::Ge => |a, b, out| zip(a, b, out, |a, b| a <= b),
            };
            in_blocks(a, b, out, kernel);
        }
    };
}

compare!(compare_f32, f32);
compare!(compare_f64, f64);
compare!(compare_i32, i32);

pub fn logical_and(a: Operand<u8>, b: Operand<u8>, out: &mut [u8]) {
    in_blocks(a, b, out, |a, b, out| zip(a, b, out, |a, b| (a != 0) & (b != 0)));
}

pub fn logical_or(a: Operand<u8>, b: Operand<u8>, out: &mut [u8]) {
    in_blocks(a, b, out, |a, b, out| zip(a, b, out, |a, b| (a | b) != 0));
}

pub fn logical_not(x: &[u8], out: &mut [u8]) {
    map(x, out, |x| (x == 0) as u8);
}

pub fn is_nan_f32(x: &[f32], out: &mut [u8]) {
    map(x, out, |x| x.is_nan() as u8);
}

pub fn is_nan_f64(x: &[f64], out: &mut [u8]) {
    map(x, out, |x| x.is_nan() as u8);
}

pub fn is_finite_f32(x: &[f32], out: &mut [u8]) {
    map(x, out, |x| x.is_finite() as u8);
}

pub fn is_finite_f64(x: &[f64], out: &mut [u8]) {
    map(x, out, |x| x.is_finite() as u8);
}

/// Between any two element types. f64 holds every value of the others, so all go through it: to an integer the fraction is cut
/// off, what is too large becomes the largest or smallest integer and NaN becomes 0; to bool, anything but 0 is true.
pub fn cast<From: Element, To: Element>(x: &[From], out: &mut [To]) {
    map(x, out, |x| To::from_f64(x.to_f64()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use Operand::{Slice, Splat};

    #[test]
    fn comparisons_follow_ieee() {
        let values = [0.0, -0.0, 1.5, -2.0, f64::INFINITY, f64::NAN];
        for a in values {
            for b in values {
                let expected = [
                    (Compare::Eq, a == b),
                    (Compare::Ne, a != b),
                    (Compare::Lt, a < b),
                    (Compare::Le, a <= b),
                    (Compare::Gt, a > b),
                    (Compare::Ge, a >= b),
                ];
                for (function, truth) in expected {
                    let mut out = [7; 3];
                    compare_f64(function, Slice(&[a; 3]), Splat(b), &mut out);
                    assert_eq!(out, [truth as u8; 3], "{a} {function:?} {b}");
                    compare_f32(function, Splat(a as f32), Slice(&[b as f32; 3]), &mut out);
                    assert_eq!(out, [truth as u8; 3], "{a} {function:?} {b}");
                    if a.is_finite() && b.is_finite() {
                        let truth = match function {
                            Compare::Eq => a as i32 == b as i32,
                            Compare::Ne => a as i32 != b as i32,
                            Compare::Lt => (a as i32) < b as i32,
                            Compare::Le => a as i32 <= b as i32,
                            Compare::Gt => a as i32 > b as i32,
                            Compare::Ge => a as i32 >= b as i32,
                        };
                        compare_i32(function, Slice(&[a as i32; 3]), Slice(&[b as i32; 3]), &mut out);
                        assert_eq!(out, [truth as u8; 3]);
                    }
                }
            }
        }
    }

    #[test]
    fn tests_and_logic() {
        let x = [1.0, f64::NAN, f64::INFINITY, -f64::INFINITY, 0.0];
        let mut out = [9; 5];
        is_nan_f64(&x, &mut out);
        assert_eq!(out, [0, 1, 0, 0, 0]);
        is_finite_f64(&x, &mut out);
        assert_eq!(out, [1, 0, 0, 0, 1]);
        is_nan_f32(&x.map(|v| v as f32), &mut out);
        assert_eq!(out, [0, 1, 0, 0, 0]);
        is_finite_f32(&x.map(|v| v as f32), &mut out);
        assert_eq!(out, [1, 0, 0, 0, 1]);
        let (a, b) = ([0, 1, 0, 2], [0, 0, 4, 8]);
        let mut out = [9; 4];
        logical_and(Slice(&a), Slice(&b), &mut out);
        assert_eq!(out, [0, 0, 0, 1]);
        logical_or(Slice(&a), Slice(&b), &mut out);
        assert_eq!(out, [0, 1, 1, 1]);
        logical_or(Splat(0), Slice(&b), &mut out);
        assert_eq!(out, [0, 0, 1, 1]);
        logical_not(&a, &mut out);
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
