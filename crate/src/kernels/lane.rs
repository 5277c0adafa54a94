//! Vectors of four f32 and two f64: WebAssembly SIMD where it is there, arrays (which the compiler vectorises) on the host.
//! Both do the same operations in the same order, so that they give the same bits; only with relaxed SIMD, where a
//! multiply-add is fused on machines that can, the last bits of a polynomial may differ.

use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub};

/// Formulas as graphs of instructions.
pub mod symbol;

#[cfg(not(target_feature = "simd128"))]
mod host;
#[cfg(target_feature = "simd128")]
mod wasm;

#[cfg(not(target_feature = "simd128"))]
pub use host::{f32x4, f64x2, i32x4, i64x2};
#[cfg(target_feature = "simd128")]
pub use wasm::{f32x4, f64x2, i32x4, i64x2};

/// The bits of a vector of floats, as integers of the same width; a mask has all bits of a lane set or none.
pub trait Bits:
    Copy + Add<Output = Self> + Sub<Output = Self> + BitAnd<Output = Self> + BitOr<Output = Self> + BitXor<Output = Self> + Not<Output = Self>
{
    /// The same integer in every lane.
    fn of(value: i64) -> Self;
    fn shift_left(self, by: u32) -> Self;
    /// Zeros come in from the left.
    fn shift_right(self, by: u32) -> Self;
    /// Whether any bit is set.
    fn any(self) -> bool;
}

/// A vector of floats.
pub trait Lane: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self> {
    type Element: Copy + Default;
    type Bits: Bits;
    const LANES: usize;
    /// Stored bits of the mantissa.
    const MANTISSA: u32;
    /// What is added to an exponent before it is stored.
    const BIAS: i64;

    /// The constant, rounded to the element type, in every lane.
    fn of(value: f64) -> Self;
    fn splat(value: Self::Element) -> Self;
    /// The first `LANES` elements.
    fn load(from: &[Self::Element]) -> Self;
    fn store(self, to: &mut [Self::Element]);
    /// Lane 0.
    fn first(self) -> Self::Element;
    fn bits(self) -> Self::Bits;
    fn from_bits(bits: Self::Bits) -> Self;

    fn abs(self) -> Self;
    fn sqrt(self) -> Self;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    fn trunc(self) -> Self;
    /// To the nearest integer, halves to the even one.
    fn nearest(self) -> Self;
    /// self·a + b, rounded once or twice.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// b - self·a, rounded once or twice.
    fn mul_sub_from(self, a: Self, b: Self) -> Self;
    /// The smaller of the two; self where self is NaN.
    fn at_most(self, bound: Self) -> Self;
    /// The larger of the two; self where self is NaN.
    fn at_least(self, bound: Self) -> Self;
    /// NaN where either is; -0 below 0.
    fn minimum(self, other: Self) -> Self;
    fn maximum(self, other: Self) -> Self;

    fn eq(self, other: Self) -> Self::Bits;
    fn ne(self, other: Self) -> Self::Bits;
    fn lt(self, other: Self) -> Self::Bits;
    fn le(self, other: Self) -> Self::Bits;
    /// Where the mask is set, a; elsewhere b.
    fn select(mask: Self::Bits, a: Self, b: Self) -> Self;

    #[inline(always)]
    fn gt(self, other: Self) -> Self::Bits {
        other.lt(self)
    }
    /// The sign bits alone.
    #[inline(always)]
    fn sign_bits(self) -> Self::Bits {
        self.bits() & Self::of(-0.0).bits()
    }
    /// The sign changed where `signs` has its sign bit set.
    #[inline(always)]
    fn flip(self, signs: Self::Bits) -> Self {
        Self::from_bits(self.bits() ^ signs)
    }
    /// 2^n from n + BIAS, for the exponents of normal numbers.
    #[inline(always)]
    fn power_of_two(biased: Self::Bits) -> Self {
        Self::from_bits(biased.shift_left(Self::MANTISSA))
    }
}

/// The widest vector has four lanes.
const WIDEST: usize = 4;

/// out_i = f(x_i). The elements after the last full vector go through a vector too: a result depends on its element
/// alone, never on where it stands, so that views and blocks agree with the whole bit for bit. They make a second round
/// of the same loop, so that the code of `f` is there once.
#[inline(always)]
pub fn map<L: Lane>(x: &[L::Element], out: &mut [L::Element], f: impl Fn(L) -> L) {
    let n = x.len().min(out.len());
    let (x, rest_x) = x[..n].split_at(n - n % L::LANES);
    let (out, rest) = out[..n].split_at_mut(n - n % L::LANES);
    let (mut padded_x, mut padded_out) = ([L::Element::default(); WIDEST], [L::Element::default(); WIDEST]);
    padded_x[..rest_x.len()].copy_from_slice(rest_x);
    let mut round = (x, out);
    let mut rest_to_do = !rest.is_empty();
    loop {
        for (x, out) in round.0.chunks_exact(L::LANES).zip(round.1.chunks_exact_mut(L::LANES)) {
            f(L::load(x)).store(out);
        }
        if !rest_to_do {
            break;
        }
        rest_to_do = false;
        round = (&padded_x[..L::LANES], &mut padded_out[..L::LANES]);
    }
    rest.copy_from_slice(&padded_out[..rest.len()]);
}

/// out_i = f(a_i, b_i); see `map`.
#[inline(always)]
pub fn zip<L: Lane>(a: &[L::Element], b: &[L::Element], out: &mut [L::Element], f: impl Fn(L, L) -> L) {
    let n = a.len().min(b.len()).min(out.len());
    let (a, rest_a) = a[..n].split_at(n - n % L::LANES);
    let (b, rest_b) = b[..n].split_at(n - n % L::LANES);
    let (out, rest) = out[..n].split_at_mut(n - n % L::LANES);
    let mut padded = [[L::Element::default(); WIDEST]; 3];
    let [padded_a, padded_b, padded_out] = &mut padded;
    padded_a[..rest_a.len()].copy_from_slice(rest_a);
    padded_b[..rest_b.len()].copy_from_slice(rest_b);
    let mut round = (a, b, out);
    let mut rest_to_do = !rest.is_empty();
    loop {
        for ((a, b), out) in round.0.chunks_exact(L::LANES).zip(round.1.chunks_exact(L::LANES)).zip(round.2.chunks_exact_mut(L::LANES)) {
            f(L::load(a), L::load(b)).store(out);
        }
        if !rest_to_do {
            break;
        }
        rest_to_do = false;
        round = (&padded_a[..L::LANES], &padded_b[..L::LANES], &mut padded_out[..L::LANES]);
    }
    rest.copy_from_slice(&padded_out[..rest.len()]);
}

/// Replaces the lanes of `y` that the mask names by f(x), one by one: for arguments the vector code leaves out.
#[cold]
#[inline(never)]
pub fn patch<L: Lane>(x: L, y: L, mask: L::Bits, f: fn(f64) -> f64) -> L
where
    L::Element: Into<f64> + FromF64 + PartialEq,
{
    let (mut from, mut to, mut chosen) =
        ([L::Element::default(); WIDEST], [L::Element::default(); WIDEST], [L::Element::default(); WIDEST]);
    x.store(&mut from);
    y.store(&mut to);
    L::select(mask, L::of(1.0), L::of(0.0)).store(&mut chosen);
    for i in 0..L::LANES {
        if chosen[i] != L::Element::default() {
            to[i] = L::Element::from_f64(f(from[i].into()));
        }
    }
    L::load(&to)
}

/// Rounding from f64.
pub trait FromF64 {
    fn from_f64(value: f64) -> Self;
}

impl FromF64 for f32 {
    #[inline(always)]
    fn from_f64(value: f64) -> f32 {
        value as f32
    }
}

impl FromF64 for f64 {
    #[inline(always)]
    fn from_f64(value: f64) -> f64 {
        value
    }
}

/// Four f32 through a function of f64, for functions that need more than f32 on the way.
#[inline(always)]
pub fn through_f64(x: f32x4, f: impl Fn(f64x2) -> f64x2) -> f32x4 {
    let (low, high) = x.widen();
    f32x4::narrow(f(low), f(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_against_scalars() {
        let values = [0.0f32, -0.0, 1.5, -2.5, 3.5, -0.5, 1e30, -1e-40, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 2.0];
        let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        for &p in &values {
            for &q in &values {
                let (a, b) = (f32x4::splat(p), f32x4::splat(q));
                let smaller = if p.is_nan() || q.is_nan() {
                    f32::NAN
                } else if p == 0.0 && q == 0.0 {
                    f32::from_bits(p.to_bits() | q.to_bits())
                } else {
                    p.min(q)
                };
                assert!(same(a.minimum(b).first(), smaller), "minimum {p} {q}");
                let larger = if p.is_nan() || q.is_nan() {
                    f32::NAN
                } else if p == 0.0 && q == 0.0 {
                    f32::from_bits(p.to_bits() & q.to_bits())
                } else {
                    p.max(q)
                };
                assert!(same(a.maximum(b).first(), larger), "maximum {p} {q}");
                assert!(same(a.at_most(b).first(), if q < p { q } else { p }), "at_most {p} {q}");
                assert!(same(a.at_least(b).first(), if p < q { q } else { p }), "at_least {p} {q}");
                for (mask, truth) in [(a.eq(b), p == q), (a.ne(b), p != q), (a.lt(b), p < q), (a.le(b), p <= q), (a.gt(b), p > q)] {
                    assert_eq!(mask.any(), truth, "compare {p} {q}");
                    assert!(same(f32x4::select(mask, a, b).first(), if truth { p } else { q }));
                }
                for (result, expected) in [(a + b, p + q), (a - b, p - q), (a * b, p * q), (a / b, p / q), (-a, -p)] {
                    assert!(same(result.first(), expected), "arithmetic {p} {q}");
                }
            }
            let a = f32x4::splat(p);
            for (result, expected) in [
                (a.abs(), p.abs()),
                (a.sqrt(), p.sqrt()),
                (a.floor(), p.floor()),
                (a.ceil(), p.ceil()),
                (a.trunc(), p.trunc()),
                (a.nearest(), p.round_ties_even()),
            ] {
                assert!(same(result.first(), expected), "{p}");
            }
            assert!(same(through_f64(a, |v| v).first(), p));
        }
    }

    #[test]
    fn integers_shift_and_wrap() {
        assert!(!(i64x2::of(-1).shift_right(63) - i64x2::of(1)).any());
        assert!(!(i32x4::of(-1).shift_right(31) - i32x4::of(1)).any());
        assert!((f64x2::power_of_two(i64x2::of(1023 + 5)).eq(f64x2::of(32.0))).any());
        assert!((f32x4::power_of_two(i32x4::of(127 - 3)).eq(f32x4::of(0.125))).any());
        assert!(((i64x2::of(7) ^ i64x2::of(7)) | ((i64x2::of(4) & !i64x2::of(3)) - i64x2::of(3))).any());
    }

    #[test]
    fn tails_give_the_bits_of_full_vectors() {
        let x: Vec<f32> = (0..11).map(|i| i as f32 * 0.37).collect();
        for start in 0..8 {
            for end in start..11 {
                let mut out = vec![9.0; end - start];
                map::<f32x4>(&x[start..end], &mut out, |v| v * v + v);
                let mut sums = vec![9.0; end - start];
                zip::<f32x4>(&x[start..end], &x[start..end], &mut sums, |a, b| a * b + a);
                for i in start..end {
                    assert_eq!(out[i - start], x[i] * x[i] + x[i]);
                    assert_eq!(sums[i - start], out[i - start]);
                }
            }
        }
    }
}
