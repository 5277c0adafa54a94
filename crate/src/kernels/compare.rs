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
