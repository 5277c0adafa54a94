//! What the generic loops need to know of the four element types, and no more.

use super::lane::{f32x4, f64x2, Lane};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// An element that can be added, multiplied and compared. Integers wrap, as int32 tensors do.
pub trait Number: Copy + PartialOrd + 'static {
    /// The type of long running sums: float32 is summed in float64, whose rounding does not show.
    type Wide: Number;
    /// Whether sums in `Wide` carry a compensation term; false where `Wide` is already wider or exact.
    const COMPENSATED: bool;
    const ZERO: Self;
    const ONE: Self;
    /// The neutral element of `max`, and of `min`.
    const LOWEST: Self;
    const HIGHEST: Self;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    /// NaN if one of the two is.
    fn larger(self, other: Self) -> Self;
    fn smaller(self, other: Self) -> Self;
    fn widen(self) -> Self::Wide;
    fn narrow(wide: Self::Wide) -> Self;
}

/// float32 and float64.
pub trait Float: Number + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self> {
    fn from_f64(value: f64) -> Self;
    fn square_root(self) -> Self;
}

macro_rules! float {
    ($type:ty, $lane:ty, $compensated:expr) => {
        impl Number for $type {
            type Wide = f64;
            const COMPENSATED: bool = $compensated;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const LOWEST: Self = <$type>::NEG_INFINITY;
            const HIGHEST: Self = <$type>::INFINITY;
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self - other
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self * other
            }
            // By the vector instruction, which propagates NaN: comparisons and a selection are what the compiler may turn
            // into relaxed_max, which does not.
            #[inline(always)]
            fn larger(self, other: Self) -> Self {
                <$lane>::splat(self).maximum(<$lane>::splat(other)).first()
            }
            #[inline(always)]
            fn smaller(self, other: Self) -> Self {
                <$lane>::splat(self).minimum(<$lane>::splat(other)).first()
            }
            #[inline(always)]
            fn widen(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn narrow(wide: f64) -> Self {
                wide as $type
            }
        }

        impl Float for $type {
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $type
            }
            #[inline(always)]
            fn square_root(self) -> Self {
                self.sqrt()
            }
        }
    };
}

macro_rules! integer {
    ($type:ty) => {
        impl Number for $type {
            type Wide = $type;
            const COMPENSATED: bool = false;
            const ZERO: Self = 0;
            const ONE: Self = 1;
            const LOWEST: Self = <$type>::MIN;
            const HIGHEST: Self = <$type>::MAX;
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn larger(self, other: Self) -> Self {
                self.max(other)
            }
            #[inline(always)]
            fn smaller(self, other: Self) -> Self {
                self.min(other)
            }
            #[inline(always)]
            fn widen(self) -> Self {
                self
            }
            #[inline(always)]
            fn narrow(wide: Self) -> Self {
                wide
            }
        }
    };
}

float!(f32, f32x4, false);
float!(f64, f64x2, true);
integer!(i32);
integer!(u8);
