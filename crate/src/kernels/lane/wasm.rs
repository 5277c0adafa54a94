//! Vectors as v128.

use super::{Bits, Lane};
use core::arch::wasm32::*;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub};

macro_rules! operator {
    ($type:ident, $trait:ident $method:ident $instruction:ident) => {
        impl $trait for $type {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                $type($instruction(self.0, other.0))
            }
        }
    };
}

macro_rules! methods {
    ($type:ident, $($method:ident $instruction:ident)*) => {
        $(
            #[inline(always)]
            fn $method(self) -> Self {
                $type($instruction(self.0))
            }
        )*
    };
}

macro_rules! methods2 {
    ($type:ident, $($method:ident $instruction:ident)*) => {
        $(
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                $type($instruction(self.0, other.0))
            }
        )*
    };
}

macro_rules! comparisons {
    ($int:ident, $($method:ident $instruction:ident)*) => {
        $(
            #[inline(always)]
            fn $method(self, other: Self) -> $int {
                $int($instruction(self.0, other.0))
            }
        )*
    };
}

macro_rules! vectors {
    (
        $float:ident, $int:ident, $f:ty, $i:ty, $lanes:literal, $mantissa:literal, $bias:literal;
        $splat:ident $splat_integer:ident $first:ident;
        $add:ident $sub:ident $mul:ident $div:ident $neg:ident;
        $add_integer:ident $sub_integer:ident $shl:ident $shr:ident;
        $abs:ident $sqrt:ident $floor:ident $ceil:ident $trunc:ident $nearest:ident;
        $pmin:ident $pmax:ident $min:ident $max:ident;
        $eq:ident $ne:ident $lt:ident $le:ident;
        $relaxed_madd:ident $relaxed_nmadd:ident
    ) => {
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy)]
        pub struct $float(v128);
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy)]
        pub struct $int(v128);

        operator!($float, Add add $add);
        operator!($float, Sub sub $sub);
        operator!($float, Mul mul $mul);
        operator!($float, Div div $div);
        operator!($int, Add add $add_integer);
        operator!($int, Sub sub $sub_integer);
        operator!($int, BitAnd bitand v128_and);
        operator!($int, BitOr bitor v128_or);
        operator!($int, BitXor bitxor v128_xor);

        impl Neg for $float {
            type Output = Self;
            methods!($float, neg $neg);
        }

        impl Not for $int {
            type Output = Self;
            methods!($int, not v128_not);
        }

        impl Bits for $int {
            #[inline(always)]
            fn of(value: i64) -> Self {
                $int($splat_integer(value as $i))
            }
            #[inline(always)]
            fn shift_left(self, by: u32) -> Self {
                $int($shl(self.0, by))
            }
            #[inline(always)]
            fn shift_right(self, by: u32) -> Self {
                $int($shr(self.0, by))
            }
            #[inline(always)]
            fn any(self) -> bool {
                v128_any_true(self.0)
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
                $float($splat(value as $f))
            }
            #[inline(always)]
            fn splat(value: $f) -> Self {
                $float($splat(value))
            }
            #[inline(always)]
            fn load(from: &[$f]) -> Self {
                let from: &[$f; $lanes] = from[..$lanes].try_into().unwrap();
                // SAFETY: the array has the 16 bytes; a load needs no alignment.
                $float(unsafe { v128_load(from.as_ptr() as *const v128) })
            }
            #[inline(always)]
            fn store(self, to: &mut [$f]) {
                let to: &mut [$f; $lanes] = (&mut to[..$lanes]).try_into().unwrap();
                // SAFETY: as above.
                unsafe { v128_store(to.as_mut_ptr() as *mut v128, self.0) }
            }
            #[inline(always)]
            fn first(self) -> $f {
                $first::<0>(self.0)
            }
            #[inline(always)]
            fn bits(self) -> $int {
                $int(self.0)
            }
            #[inline(always)]
            fn from_bits(bits: $int) -> Self {
                $float(bits.0)
            }
            methods!($float, abs $abs sqrt $sqrt floor $floor ceil $ceil trunc $trunc nearest $nearest);
            methods2!($float, minimum $min maximum $max);
            // With relaxed SIMD the compiler turns pmin and pmax into their relaxed forms, which lose NaN.
            #[inline(always)]
            fn at_most(self, other: Self) -> Self {
                #[cfg(target_feature = "relaxed-simd")]
                return $float(v128_bitselect(other.0, self.0, $lt(other.0, self.0)));
                #[cfg(not(target_feature = "relaxed-simd"))]
                $float($pmin(self.0, other.0))
            }
            #[inline(always)]
            fn at_least(self, other: Self) -> Self {
                #[cfg(target_feature = "relaxed-simd")]
                return $float(v128_bitselect(other.0, self.0, $lt(self.0, other.0)));
                #[cfg(not(target_feature = "relaxed-simd"))]
                $float($pmax(self.0, other.0))
            }
            comparisons!($int, eq $eq ne $ne lt $lt le $le);
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                #[cfg(target_feature = "relaxed-simd")]
                return $float($relaxed_madd(self.0, a.0, b.0));
                #[cfg(not(target_feature = "relaxed-simd"))]
                return self * a + b;
            }
            #[inline(always)]
            fn mul_sub_from(self, a: Self, b: Self) -> Self {
                #[cfg(target_feature = "relaxed-simd")]
                return $float($relaxed_nmadd(self.0, a.0, b.0));
                #[cfg(not(target_feature = "relaxed-simd"))]
                return b - self * a;
            }
            #[inline(always)]
            fn select(mask: $int, a: Self, b: Self) -> Self {
                $float(v128_bitselect(a.0, b.0, mask.0))
            }
        }
    };
}

vectors!(
    f32x4, i32x4, f32, i32, 4, 23, 127;
    f32x4_splat i32x4_splat f32x4_extract_lane;
    f32x4_add f32x4_sub f32x4_mul f32x4_div f32x4_neg;
    i32x4_add i32x4_sub i32x4_shl u32x4_shr;
    f32x4_abs f32x4_sqrt f32x4_floor f32x4_ceil f32x4_trunc f32x4_nearest;
    f32x4_pmin f32x4_pmax f32x4_min f32x4_max;
    f32x4_eq f32x4_ne f32x4_lt f32x4_le;
    f32x4_relaxed_madd f32x4_relaxed_nmadd
);
vectors!(
    f64x2, i64x2, f64, i64, 2, 52, 1023;
    f64x2_splat i64x2_splat f64x2_extract_lane;
    f64x2_add f64x2_sub f64x2_mul f64x2_div f64x2_neg;
    i64x2_add i64x2_sub i64x2_shl u64x2_shr;
    f64x2_abs f64x2_sqrt f64x2_floor f64x2_ceil f64x2_trunc f64x2_nearest;
    f64x2_pmin f64x2_pmax f64x2_min f64x2_max;
    f64x2_eq f64x2_ne f64x2_lt f64x2_le;
    f64x2_relaxed_madd f64x2_relaxed_nmadd
);

impl f32x4 {
    /// The first and the last two lanes.
    #[inline(always)]
    pub fn widen(self) -> (f64x2, f64x2) {
        let high = i32x4_shuffle::<2, 3, 2, 3>(self.0, self.0);
        (f64x2(f64x2_promote_low_f32x4(self.0)), f64x2(f64x2_promote_low_f32x4(high)))
    }
    #[inline(always)]
    pub fn narrow(low: f64x2, high: f64x2) -> f32x4 {
        f32x4(i32x4_shuffle::<0, 1, 4, 5>(f32x4_demote_f64x2_zero(low.0), f32x4_demote_f64x2_zero(high.0)))
    }
}

impl i32x4 {
    /// The low half of each integer.
    #[inline(always)]
    pub fn low_halves(low: i64x2, high: i64x2) -> i32x4 {
        i32x4(i32x4_shuffle::<0, 2, 4, 6>(low.0, high.0))
    }
}
