//! The few vector operations the micro-kernels need: WebAssembly SIMD where it is there, arrays (which the compiler
//! vectorises) on the host. With relaxed SIMD a multiply-add is fused where the machine can.

pub trait Vector: Copy {
    type Element: Copy + Default + std::ops::Add<Output = Self::Element> + std::ops::Mul<Output = Self::Element>;
    const LANES: usize;
    fn splat(value: Self::Element) -> Self;
    /// # Safety: `LANES` readable elements.
    unsafe fn load(from: *const Self::Element) -> Self;
    /// # Safety: `LANES` writable elements.
    unsafe fn store(self, to: *mut Self::Element);
    fn add(self, other: Self) -> Self;
    /// self + a·b
    fn multiply_add(self, a: Self, b: Self) -> Self;
    /// Sum of the lanes, in a fixed order.
    fn sum(self) -> Self::Element;
    /// A square of `LANES` vectors, `step` elements apart, with rows and columns exchanged; written `to_step` apart.
    ///
    /// # Safety: what is read and written is there.
    unsafe fn transpose(from: *const Self::Element, step: isize, to: *mut Self::Element, to_step: usize);
}

#[cfg(target_feature = "simd128")]
mod simd {
    use super::Vector;
    use core::arch::wasm32::*;

    #[derive(Clone, Copy)]
    pub struct F32(v128);
    #[derive(Clone, Copy)]
    pub struct F64(v128);

    impl Vector for F32 {
        type Element = f32;
        const LANES: usize = 4;
        #[inline(always)]
        fn splat(value: f32) -> Self {
            F32(f32x4_splat(value))
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            F32(v128_load(from as *const v128))
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            v128_store(to as *mut v128, self.0)
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            F32(f32x4_add(self.0, other.0))
        }
        #[inline(always)]
        fn multiply_add(self, a: Self, b: Self) -> Self {
            #[cfg(target_feature = "relaxed-simd")]
            return F32(f32x4_relaxed_madd(a.0, b.0, self.0));
            #[cfg(not(target_feature = "relaxed-simd"))]
            F32(f32x4_add(self.0, f32x4_mul(a.0, b.0)))
        }
        #[inline(always)]
        fn sum(self) -> f32 {
            let v = self.0;
            (f32x4_extract_lane::<0>(v) + f32x4_extract_lane::<2>(v)) + (f32x4_extract_lane::<1>(v) + f32x4_extract_lane::<3>(v))
        }
        #[inline(always)]
        unsafe fn transpose(from: *const f32, step: isize, to: *mut f32, to_step: usize) {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| v128_load(from.offset(i * step) as *const v128));
            let (ab, cd) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<0, 4, 1, 5>(c, d));
            let (ab_high, cd_high) = (i32x4_shuffle::<2, 6, 3, 7>(a, b), i32x4_shuffle::<2, 6, 3, 7>(c, d));
            v128_store(to as *mut v128, i64x2_shuffle::<0, 2>(ab, cd));
            v128_store(to.add(to_step) as *mut v128, i64x2_shuffle::<1, 3>(ab, cd));
            v128_store(to.add(2 * to_step) as *mut v128, i64x2_shuffle::<0, 2>(ab_high, cd_high));
            v128_store(to.add(3 * to_step) as *mut v128, i64x2_shuffle::<1, 3>(ab_high, cd_high));
        }
    }

    impl Vector for F64 {
        type Element = f64;
        const LANES: usize = 2;
        #[inline(always)]
        fn splat(value: f64) -> Self {
            F64(f64x2_splat(value))
        }
        #[inline(always)]
        unsafe fn load(from: *const f64) -> Self {
            F64(v128_load(from as *const v128))
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f64) {
            v128_store(to as *mut v128, self.0)
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            F64(f64x2_add(self.0, other.0))
        }
        #[inline(always)]
        fn multiply_add(self, a: Self, b: Self) -> Self {
            #[cfg(target_feature = "relaxed-simd")]
            return F64(f64x2_relaxed_madd(a.0, b.0, self.0));
            #[cfg(not(target_feature = "relaxed-simd"))]
            F64(f64x2_add(self.0, f64x2_mul(a.0, b.0)))
        }
        #[inline(always)]
        fn sum(self) -> f64 {
            f64x2_extract_lane::<0>(self.0) + f64x2_extract_lane::<1>(self.0)
        }
        #[inline(always)]
        unsafe fn transpose(from: *const f64, step: isize, to: *mut f64, to_step: usize) {
            let (a, b) = (v128_load(from as *const v128), v128_load(from.offset(step) as *const v128));
            v128_store(to as *mut v128, i64x2_shuffle::<0, 2>(a, b));
            v128_store(to.add(to_step) as *mut v128, i64x2_shuffle::<1, 3>(a, b));
        }
    }
}

#[cfg(target_feature = "simd128")]
pub use simd::{F32, F64};

#[cfg(not(target_feature = "simd128"))]
mod arrays {
    use super::Vector;

    macro_rules! array_vector {
        ($name:ident, $element:ty, $lanes:literal) => {
            #[derive(Clone, Copy)]
            pub struct $name([$element; $lanes]);

            impl Vector for $name {
                type Element = $element;
                const LANES: usize = $lanes;
                #[inline(always)]
                fn splat(value: $element) -> Self {
                    $name([value; $lanes])
                }
                #[inline(always)]
                unsafe fn load(from: *const $element) -> Self {
                    $name(std::ptr::read_unaligned(from as *const [$element; $lanes]))
                }
                #[inline(always)]
                unsafe fn store(self, to: *mut $element) {
                    std::ptr::write_unaligned(to as *mut [$element; $lanes], self.0)
                }
                #[inline(always)]
                fn add(self, other: Self) -> Self {
                    $name(std::array::from_fn(|i| self.0[i] + other.0[i]))
                }
                #[inline(always)]
                fn multiply_add(self, a: Self, b: Self) -> Self {
                    $name(std::array::from_fn(|i| self.0[i] + a.0[i] * b.0[i]))
                }
                #[inline(always)]
                fn sum(self) -> $element {
                    let half = $lanes / 2;
                    let pairs: [$element; $lanes / 2] = std::array::from_fn(|i| self.0[i] + self.0[i + half]);
                    pairs.iter().copied().reduce(|a, b| a + b).unwrap_or_default()
                }
                #[inline(always)]
                unsafe fn transpose(from: *const $element, step: isize, to: *mut $element, to_step: usize) {
                    for i in 0..$lanes {
                        for j in 0..$lanes {
                            *to.add(j * to_step + i) = *from.offset(i as isize * step + j as isize);
                        }
                    }
                }
            }
        };
    }
    array_vector!(F32, f32, 4);
    array_vector!(F64, f64, 2);
}

#[cfg(not(target_feature = "simd128"))]
pub use arrays::{F32, F64};
