//! Vectors as arrays.

use super::{Bits, Lane};
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub};

macro_rules! vectors {
    ($float:ident, $int:ident, $f:ty, $i:ty, $u:ty, $lanes:literal, $mantissa:literal, $bias:literal) => {
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy)]
        pub struct $float([$f; $lanes]);
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy)]
        pub struct $int([$i; $lanes]);

        vectors!(operator $float, Add add, |a, b| a + b);
        vectors!(operator $float, Sub sub, |a, b| a - b);
        vectors!(operator $float, Mul mul, |a, b| a * b);
        vectors!(operator $float, Div div, |a, b| a / b);
        vectors!(operator $int, Add add, |a: $i, b: $i| a.wrapping_add(b));
        vectors!(operator $int, Sub sub, |a: $i, b: $i| a.wrapping_sub(b));
        vectors!(operator $int, BitAnd bitand, |a, b| a & b);
        vectors!(operator $int, BitOr bitor, |a, b| a | b);
        vectors!(operator $int, BitXor bitxor, |a, b| a ^ b);

        impl Neg for $float {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                $float(self.0.map(|v| -v))
            }
        }

        impl Not for $int {
            type Output = Self;
            #[inline(always)]
            fn not(self) -> Self {
                $int(self.0.map(|v| !v))
            }
        }

        impl Bits for $int {
            #[inline(always)]
            fn of(value: i64) -> Self {
                $int([value as $i; $lanes])
            }
            #[inline(always)]
            fn shift_left(self, by: u32) -> Self {
                $int(self.0.map(|v| v << by))
            }
            #[inline(always)]
            fn shift_right(self, by: u32) -> Self {
                $int(self.0.map(|v| (v as $u >> by) as $i))
            }
            #[inline(always)]
            fn any(self) -> bool {
                self.0.iter().any(|&v| v != 0)
            }
        }

        impl $float {
            #[inline(always)]
            fn each(self, other: Self, f: impl Fn($f, $f) -> $f) -> Self {
                $float(std::array::from_fn(|i| f(self.0[i], other.0[i])))
            }
            #[inline(always)]
            fn test(self, other: Self, f: impl Fn($f, $f) -> bool) -> $int {
                $int(std::array::from_fn(|i| -(f(self.0[i], other.0[i]) as $i)))
            }
        }

        impl Lane for $float {
            type Element = $f;
            type Bits = $int;
            const LANES: usize = $lanes;
            const MANTISSA: u32 = $mantissa;
            const BIAS: i64 = $bias;

            #[inline(always)]
            fn of(value: f64) -> Self {
                $float([value as $f; $lanes])
            }
            #[inline(always)]
            fn splat(value: $f) -> Self {
                $float([value; $lanes])
            }
            #[inline(always)]
            fn load(from: &[$f]) -> Self {
                $float(from[..$lanes].try_into().unwrap())
            }
            #[inline(always)]
            fn store(self, to: &mut [$f]) {
                to[..$lanes].copy_from_slice(&self.0);
            }
            #[inline(always)]
            fn first(self) -> $f {
                self.0[0]
            }
            #[inline(always)]
            fn bits(self) -> $int {
                $int(self.0.map(|v| v.to_bits() as $i))
            }
            #[inline(always)]
            fn from_bits(bits: $int) -> Self {
                $float(bits.0.map(|v| <$f>::from_bits(v as $u)))
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $float(self.0.map(|v| v.abs()))
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $float(self.0.map(|v| v.sqrt()))
            }
            #[inline(always)]
            fn floor(self) -> Self {
                $float(self.0.map(|v| v.floor()))
            }
            #[inline(always)]
            fn ceil(self) -> Self {
                $float(self.0.map(|v| v.ceil()))
            }
            #[inline(always)]
            fn trunc(self) -> Self {
                $float(self.0.map(|v| v.trunc()))
            }
            #[inline(always)]
            fn nearest(self) -> Self {
                $float(self.0.map(|v| v.round_ties_even()))
            }
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                self * a + b
            }
            #[inline(always)]
            fn mul_sub_from(self, a: Self, b: Self) -> Self {
                b - self * a
            }
            #[inline(always)]
            fn at_most(self, bound: Self) -> Self {
                self.each(bound, |v, bound| if bound < v { bound } else { v })
            }
            #[inline(always)]
            fn at_least(self, bound: Self) -> Self {
                self.each(bound, |v, bound| if v < bound { bound } else { v })
            }
            #[inline(always)]
            fn minimum(self, other: Self) -> Self {
                self.each(other, |a, b| {
                    // Equal: either, except that -0 is below 0. Neither below the other and not equal: one is NaN.
                    if a < b { a } else if b < a { b } else if a == b { <$f>::from_bits(a.to_bits() | b.to_bits()) } else { a + b }
                })
            }
            #[inline(always)]
            fn maximum(self, other: Self) -> Self {
                self.each(other, |a, b| {
                    if a > b { a } else if b > a { b } else if a == b { <$f>::from_bits(a.to_bits() & b.to_bits()) } else { a + b }
                })
            }
            #[inline(always)]
            fn eq(self, other: Self) -> $int {
                self.test(other, |a, b| a == b)
            }
            #[inline(always)]
            fn ne(self, other: Self) -> $int {
                self.test(other, |a, b| a != b)
            }
            #[inline(always)]
            fn lt(self, other: Self) -> $int {
                self.test(other, |a, b| a < b)
            }
            #[inline(always)]
            fn le(self, other: Self) -> $int {
                self.test(other, |a, b| a <= b)
            }
            #[inline(always)]
            fn select(mask: $int, a: Self, b: Self) -> Self {
                Self::from_bits((a.bits() & mask) | (b.bits() & !mask))
            }
        }
    };
    (operator $type:ident, $trait:ident $method:ident, $f:expr) => {
        impl $trait for $type {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                $type(std::array::from_fn(|i| ($f)(self.0[i], other.0[i])))
            }
        }
    };
}

vectors!(f32x4, i32x4, f32, i32, u32, 4, 23, 127);
vectors!(f64x2, i64x2, f64, i64, u64, 2, 52, 1023);

impl f32x4 {
    /// The first and the last two lanes.
    #[inline(always)]
    pub fn widen(self) -> (f64x2, f64x2) {
        let [a, b, c, d] = self.0.map(|v| v as f64);
        (f64x2([a, b]), f64x2([c, d]))
    }
    #[inline(always)]
    pub fn narrow(low: f64x2, high: f64x2) -> f32x4 {
        f32x4([low.0[0] as f32, low.0[1] as f32, high.0[0] as f32, high.0[1] as f32])
    }
}

impl i32x4 {
    /// The low half of each integer.
    #[inline(always)]
    pub fn low_halves(low: i64x2, high: i64x2) -> i32x4 {
        i32x4([low.0[0] as i32, low.0[1] as i32, high.0[0] as i32, high.0[1] as i32])
    }
}
