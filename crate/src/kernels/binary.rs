//! Functions of two arrays, or of an array and a number; selection; accumulation in place.

use super::lane::{f32x4, f64x2, zip, Lane};
use super::math::derivatives::{atan2_derivative, hypot_derivative, pow_derivative};
use super::math::exponential::log_add_exp;
use super::math::inverse::atan2;
use super::math::power::{atan2_f32, fmod_f32, hypot_f32, hypot_f64, mod_f32, mod_f64, pairwise, pow_f32, xlogy};

/// An array, or one number in place of an array of it.
#[derive(Clone, Copy)]
pub enum Operand<'a, T> {
    Slice(&'a [T]),
    Splat(T),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    /// The remainder with the sign of the divisor.
    Mod,
    /// The remainder with the sign of the dividend.
    Fmod,
    Pow,
    Hypot,
    /// atan2(y, x): the first operand is the ordinate.
    Atan2,
    /// x ln y, 0 where x = 0.
    Xlogy,
    /// ln(e^x + e^y)
    LogAddExp,
    /// a/√(a² + b²), 0 at the origin.
    HypotDerivative,
    /// b/(a² + b²), 0 at the origin.
    Atan2Derivative,
    Maximum,
    Minimum,
    /// 0 where an operand is 0, else the product: zero wins against an infinity or NaN, on either side.
    StrongMul,
}

/// Elements handled at once when an operand is a number: it is written out that often, so that one loop over slices serves
/// every combination.
const BLOCK: usize = 128;

/// An operand as blocks of slices.
pub(super) struct Source<'a, T> {
    operand: Operand<'a, T>,
    copies: [T; BLOCK],
}

impl<'a, T: Copy + Default> Source<'a, T> {
    #[inline(always)]
    pub fn new(operand: Operand<'a, T>) -> Self {
        let copies = match operand {
            Operand::Slice(_) => [T::default(); BLOCK],
            Operand::Splat(value) => [value; BLOCK],
        };
        Source { operand, copies }
    }

    #[inline(always)]
    pub fn block(&self, start: usize, length: usize) -> &[T] {
        match self.operand {
            Operand::Slice(slice) => &slice[start..start + length],
            Operand::Splat(_) => &self.copies[..length],
        }
    }
}

/// Runs a kernel over slices on operands of any kind.
pub(super) fn in_blocks<T: Copy + Default, O>(a: Operand<T>, b: Operand<T>, out: &mut [O], kernel: impl Fn(&[T], &[T], &mut [O])) {
    if let (Operand::Slice(a), Operand::Slice(b)) = (a, b) {
        return kernel(a, b, out);
    }
    let (a, b) = (Source::new(a), Source::new(b));
    let mut start = 0;
    for out in out.chunks_mut(BLOCK) {
        kernel(a.block(start, out.len()), b.block(start, out.len()), out);
        start += out.len();
    }
}

#[inline(always)]
fn one_by_one<T: Copy>(a: &[T], b: &[T], out: &mut [T], f: impl Fn(T, T) -> T) {
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = f(a, b);
    }
}

/// x^p for the exponents that have a shorter way, with the results of IEEE pow: √x is not x^(1/2) at -0 and -Infinity.
/// Returns whether p is one of them.
#[inline(always)]
fn power_of_number<L: Lane>(x: &[L::Element], p: f64, out: &mut [L::Element], cube: impl Fn(L) -> L) -> bool {
    use super::lane::map;
    if p == 2.0 {
        map::<L>(x, out, |v| v * v);
    } else if p == 3.0 {
        map::<L>(x, out, cube);
    } else if p == 0.5 {
        map::<L>(x, out, |v| {
            let root = v.sqrt() + L::of(0.0);
            L::select(v.eq(L::of(f64::NEG_INFINITY)), L::of(f64::INFINITY), root)
        });
    } else if p == -1.0 {
        map::<L>(x, out, |v| L::of(1.0) / v);
    } else if p == 1.0 {
        out.copy_from_slice(x);
    } else if p == 0.0 {
        map::<L>(x, out, |_| L::of(1.0));
    } else {
        return false;
    }
    true
}

/// a·b, 0 where either is 0.
#[inline(always)]
fn strong_product<L: Lane>(a: L, b: L) -> L {
    let zero = L::of(0.0);
    L::select(a.eq(zero) | b.eq(zero), zero, a * b)
}

/// v/(2y), 0 where v is 0; where y is 0 what is given for it.
pub fn along_root<L: Lane>(y: Operand<L::Element>, v: Operand<L::Element>, at_zero: f64, out: &mut [L::Element]) {
    let (zero, half, at_zero) = (L::of(0.0), L::of(0.5), L::of(at_zero));
    in_blocks(y, v, out, |y, v, out| zip::<L>(y, v, out, |y, v| L::select(y.eq(zero), at_zero, strong_product(v, half / y))));
}

macro_rules! common {
    ($lane:ident, $function:expr, { $($rest:tt)* }) => {{
        type L = $lane;
        match $function {
            Binary::Add => |a, b, out| zip::<L>(a, b, out, |a, b| a + b),
            Binary::Sub => |a, b, out| zip::<L>(a, b, out, |a, b| a - b),
            Binary::Mul => |a, b, out| zip::<L>(a, b, out, |a, b| a * b),
            Binary::Div => |a, b, out| zip::<L>(a, b, out, |a, b| a / b),
            Binary::Maximum => |a, b, out| zip::<L>(a, b, out, |a, b| a.maximum(b)),
            Binary::Minimum => |a, b, out| zip::<L>(a, b, out, |a, b| a.minimum(b)),
            Binary::StrongMul => |a, b, out| zip::<L>(a, b, out, strong_product),
            Binary::Xlogy => |a, b, out| zip::<L>(a, b, out, xlogy),
            Binary::LogAddExp => |a, b, out| zip::<L>(a, b, out, log_add_exp),
            $($rest)*
        }
    }};
}

pub fn binary_f32(function: Binary, a: Operand<f32>, b: Operand<f32>, out: &mut [f32]) {
    if let (Binary::Pow, Operand::Slice(x), Operand::Splat(p)) = (function, a, b) {
        // The cube in f64 is rounded once, as pow's is.
        let cube = |v| super::lane::through_f64(v, |v| v * v * v);
        if power_of_number::<f32x4>(x, p as f64, out, cube) {
            return;
        }
    }
    let kernel: fn(&[f32], &[f32], &mut [f32]) = common!(f32x4, function, {
        Binary::Mod => |a, b, out| one_by_one(a, b, out, mod_f32),
        Binary::Fmod => |a, b, out| one_by_one(a, b, out, fmod_f32),
        Binary::Pow => |a, b, out| zip::<L>(a, b, out, pow_f32),
        Binary::Hypot => |a, b, out| zip::<L>(a, b, out, hypot_f32),
        Binary::Atan2 => |a, b, out| zip::<L>(a, b, out, atan2_f32),
        Binary::HypotDerivative => |a, b, out| zip::<L>(a, b, out, |a, b| pairwise(a, b, hypot_derivative)),
        Binary::Atan2Derivative => |a, b, out| zip::<L>(a, b, out, |a, b| pairwise(a, b, atan2_derivative)),
    });
    in_blocks(a, b, out, kernel);
}

pub fn binary_f64(function: Binary, a: Operand<f64>, b: Operand<f64>, out: &mut [f64]) {
    if let (Binary::Pow, Operand::Slice(x), Operand::Splat(p)) = (function, a, b) {
        if power_of_number::<f64x2>(x, p, out, |v| v * v * v) {
            return;
        }
    }
    let kernel: fn(&[f64], &[f64], &mut [f64]) = common!(f64x2, function, {
        Binary::Mod => |a, b, out| one_by_one(a, b, out, mod_f64),
        Binary::Fmod => |a, b, out| one_by_one(a, b, out, libm::fmod),
        Binary::Pow => |a, b, out| one_by_one(a, b, out, libm::pow),
        Binary::Hypot => |a, b, out| zip::<L>(a, b, out, hypot_f64),
        Binary::Atan2 => |a, b, out| zip::<L>(a, b, out, atan2),
        Binary::HypotDerivative => |a, b, out| zip::<L>(a, b, out, hypot_derivative),
        Binary::Atan2Derivative => |a, b, out| zip::<L>(a, b, out, atan2_derivative),
    });
    in_blocks(a, b, out, kernel);
}

/// ∂^(n + m) a^b / ∂a^n ∂b^m
pub fn pow_derivative_f32(n: u32, m: u32, a: Operand<f32>, b: Operand<f32>, out: &mut [f32]) {
    in_blocks(a, b, out, |a, b, out| one_by_one(a, b, out, |a, b| pow_derivative(n, m, a as f64, b as f64) as f32));
}

pub fn pow_derivative_f64(n: u32, m: u32, a: Operand<f64>, b: Operand<f64>, out: &mut [f64]) {
    in_blocks(a, b, out, |a, b, out| one_by_one(a, b, out, |a, b| pow_derivative(n, m, a, b)));
}

/// Integers wrap. A zero divisor is the caller's to refuse.
pub fn binary_i32(function: Binary, a: Operand<i32>, b: Operand<i32>, out: &mut [i32]) {
    let kernel: fn(&[i32], &[i32], &mut [i32]) = match function {
        Binary::Add => |a, b, out| one_by_one(a, b, out, i32::wrapping_add),
        Binary::Sub => |a, b, out| one_by_one(a, b, out, i32::wrapping_sub),
        Binary::Mul | Binary::StrongMul => |a, b, out| one_by_one(a, b, out, i32::wrapping_mul),
        Binary::Div => |a, b, out| one_by_one(a, b, out, i32::wrapping_div),
        Binary::Mod => |a, b, out| one_by_one(a, b, out, mod_i32),
        Binary::Fmod => |a, b, out| one_by_one(a, b, out, i32::wrapping_rem),
        Binary::Pow => |a, b, out| one_by_one(a, b, out, pow_i32),
        Binary::Maximum => |a, b, out| one_by_one(a, b, out, i32::max),
        Binary::Minimum => |a, b, out| one_by_one(a, b, out, i32::min),
        Binary::Hypot | Binary::Atan2 | Binary::Xlogy | Binary::LogAddExp | Binary::HypotDerivative | Binary::Atan2Derivative => {
            unreachable!("{function:?} of integers is computed in float32")
        }
    };
    in_blocks(a, b, out, kernel);
}

fn mod_i32(a: i32, b: i32) -> i32 {
    let remainder = a.wrapping_rem(b);
    if remainder != 0 && (remainder < 0) != (b < 0) {
        remainder + b
    } else {
        remainder
    }
}

/// x^n; for n < 0 the power truncated to an integer, which is 0 but for x = ±1.
fn pow_i32(x: i32, n: i32) -> i32 {
    match (n, x) {
        (0.., _) => x.wrapping_pow(n as u32),
        (_, 1) => 1,
        (_, -1) => 1 - 2 * (n & 1),
        _ => 0,
    }
}

macro_rules! select {
    ($name:ident, $type:ty) => {
        /// a where the mask is not 0, else b.
        pub fn $name(mask: Operand<u8>, a: Operand<$type>, b: Operand<$type>, out: &mut [$type]) {
            fn kernel(mask: &[u8], a: &[$type], b: &[$type], out: &mut [$type]) {
                let n = out.len();
                let (mask, a, b) = (&mask[..n], &a[..n], &b[..n]);
                for i in 0..n {
                    out[i] = if mask[i] != 0 { a[i] } else { b[i] };
                }
            }
            if let (Operand::Slice(mask), Operand::Slice(a), Operand::Slice(b)) = (mask, a, b) {
                return kernel(mask, a, b, out);
            }
            let (mask, a, b) = (Source::new(mask), Source::new(a), Source::new(b));
            let mut start = 0;
            for out in out.chunks_mut(BLOCK) {
                let n = out.len();
                kernel(mask.block(start, n), a.block(start, n), b.block(start, n), out);
                start += n;
            }
        }
    };
}

select!(select_f32, f32);
select!(select_f64, f64);
select!(select_i32, i32);
select!(select_u8, u8);

macro_rules! in_place {
    ($type:ty, $accumulate:ident) => {
        /// out += x
        pub fn $accumulate(x: &[$type], out: &mut [$type]) {
            for (out, x) in out.iter_mut().zip(x) {
                *out += x;
            }
        }
    };
}

in_place!(f32, accumulate_f32);
in_place!(f64, accumulate_f64);

#[cfg(test)]
mod tests;
