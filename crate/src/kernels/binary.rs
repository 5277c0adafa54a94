//! Functions of two arrays, or of an array and a number, as data; selection; accumulation in place.

use super::lane::symbol::Formula2;
use super::lane::{f32x4, f64x2, through_f64, zip, Lane};
use super::math::derivatives::pow_derivative;
use super::math::power::{pow_f32, xlogy};
use std::mem::MaybeUninit;

/// An array, or one number in place of an array of it.
#[derive(Clone, Copy)]
pub enum Operand<'a, T> {
    Slice(&'a [T]),
    Splat(T),
}

impl<'a, T: Copy> Operand<'a, T> {
    #[inline(always)]
    pub fn at(self, index: usize) -> T {
        match self {
            Operand::Slice(x) => x[index],
            Operand::Splat(x) => x,
        }
    }

    #[inline(always)]
    pub fn part(self, start: usize, length: usize) -> Operand<'a, T> {
        match self {
            Operand::Slice(x) => Operand::Slice(&x[start..start + length]),
            number => number,
        }
    }
}

/// A loop over two arrays of one element type.
pub type Zip<T, O = T> = fn(&[T], &[T], &mut [O]);

/// A function of two arrays, as data; the rows of the op table name it.
#[derive(Clone, Copy)]
pub struct Binary {
    pub f32: Zip<f32>,
    pub f64: Zip<f64>,
    /// There for functions under which integers stay integers (they wrap); the others take them as float32.
    pub i32: Option<Zip<i32>>,
    /// As in `Unary`.
    pub symbol: Option<Formula2>,
    /// A shorter way for some numbers as the second operand.
    pub by_number: Option<ByNumber>,
}

/// Each says whether it knew a shorter way; if not, nothing was written.
#[derive(Clone, Copy)]
pub struct ByNumber {
    pub f32: fn(&[f32], f32, &mut [f32]) -> bool,
    pub f64: fn(&[f64], f64, &mut [f64]) -> bool,
}

impl Binary {
    pub fn run_f32(&self, a: Operand<f32>, b: Operand<f32>, out: &mut [f32]) {
        if let (Some(short), Operand::Slice(x), Operand::Splat(number)) = (self.by_number, a, b) {
            if (short.f32)(x, number, out) {
                return;
            }
        }
        in_blocks(a, b, out, self.f32);
    }

    pub fn run_f64(&self, a: Operand<f64>, b: Operand<f64>, out: &mut [f64]) {
        if let (Some(short), Operand::Slice(x), Operand::Splat(number)) = (self.by_number, a, b) {
            if (short.f64)(x, number, out) {
                return;
            }
        }
        in_blocks(a, b, out, self.f64);
    }
}

/// The kernel of a function, in the forms that `unary!` has: `lanes(f)`, `lanes(narrow, wide)`, `each(narrow, wide)`,
/// `mixed(lanes for f32, one by one for f64)`; behind it `integers(f)` where integers stay integers.
macro_rules! binary {
    (lanes($f:expr) $(integers($i:expr))?) => {
        $crate::kernels::binary::Binary { symbol: $crate::kernels::lane::symbol::binary!($f), ..binary!(lanes($f, $f) $(integers($i))?) }
    };
    (lanes($narrow:expr, $wide:expr) $(integers($i:expr))?) => {
        binary!(@ |a, b, out| $crate::kernels::lane::zip::<$crate::kernels::lane::f32x4>(a, b, out, $narrow),
            |a, b, out| $crate::kernels::lane::zip::<$crate::kernels::lane::f64x2>(a, b, out, $wide), $($i)?)
    };
    (each($narrow:expr, $wide:expr) $(integers($i:expr))?) => {
        binary!(@ |a, b, out| $crate::kernels::binary::one_by_one(a, b, out, $narrow),
            |a, b, out| $crate::kernels::binary::one_by_one(a, b, out, $wide), $($i)?)
    };
    (mixed($narrow:expr, $wide:expr) $(integers($i:expr))?) => {
        binary!(@ |a, b, out| $crate::kernels::lane::zip::<$crate::kernels::lane::f32x4>(a, b, out, $narrow),
            |a, b, out| $crate::kernels::binary::one_by_one(a, b, out, $wide), $($i)?)
    };
    (@ $f32:expr, $f64:expr, $($i:expr)?) => {
        $crate::kernels::binary::Binary { f32: $f32, f64: $f64, i32: binary!(@integers $($i)?), symbol: None, by_number: None }
    };
    (@integers) => { None };
    (@integers $i:expr) => { Some(|a, b, out| $crate::kernels::binary::one_by_one(a, b, out, $i)) };
}

pub(crate) use binary;

/// Elements handled at once when an operand is a number: it is written out that often, so that one loop over slices serves
/// every combination.
const BLOCK: usize = 128;

/// An operand as blocks of slices.
pub(super) struct Source<'a, T> {
    operand: Operand<'a, T>,
    /// As many as a block needs; the rest is not written, since most arrays beside a number are small.
    copies: [MaybeUninit<T>; BLOCK],
    filled: usize,
}

impl<'a, T: Copy> Source<'a, T> {
    /// For `count` elements in all.
    #[inline(always)]
    pub fn new(operand: Operand<'a, T>, count: usize) -> Self {
        let mut source = Source { operand, copies: [const { MaybeUninit::uninit() }; BLOCK], filled: 0 };
        if let Operand::Splat(value) = operand {
            source.filled = count.min(BLOCK);
            source.copies[..source.filled].fill(MaybeUninit::new(value));
        }
        source
    }

    #[inline(always)]
    pub fn block(&self, start: usize, length: usize) -> &[T] {
        match self.operand {
            Operand::Slice(slice) => &slice[start..start + length],
            Operand::Splat(_) => {
                let filled = &self.copies[..self.filled][..length];
                // SAFETY: the first `filled` were written.
                unsafe { std::slice::from_raw_parts(filled.as_ptr() as *const T, length) }
            }
        }
    }
}

/// Runs a kernel over slices on operands of any kind.
pub fn in_blocks<T: Copy + Default, O>(a: Operand<T>, b: Operand<T>, out: &mut [O], kernel: impl Fn(&[T], &[T], &mut [O])) {
    if let (Operand::Slice(a), Operand::Slice(b)) = (a, b) {
        return kernel(a, b, out);
    }
    let (a, b) = (Source::new(a, out.len()), Source::new(b, out.len()));
    let mut start = 0;
    for out in out.chunks_mut(BLOCK) {
        kernel(a.block(start, out.len()), b.block(start, out.len()), out);
        start += out.len();
    }
}

#[inline(always)]
pub fn one_by_one<T: Copy>(a: &[T], b: &[T], out: &mut [T], f: impl Fn(T, T) -> T) {
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
pub fn strong_product<L: Lane>(a: L, b: L) -> L {
    let zero = L::of(0.0);
    L::select(a.eq(zero) | b.eq(zero), zero, a * b)
}

/// v/(2y), 0 where v is 0; where y is 0 what is given for it: for v = 0, and for all else.
pub fn along_root<L: Lane>(y: Operand<L::Element>, v: Operand<L::Element>, [both, at_zero]: [f64; 2], out: &mut [L::Element]) {
    let (zero, half, both, at_zero) = (L::of(0.0), L::of(0.5), L::of(both), L::of(at_zero));
    in_blocks(y, v, out, |y, v, out| {
        zip::<L>(y, v, out, |y, v| L::select(y.eq(zero), L::select(v.eq(zero), both, at_zero), strong_product(v, half / y)))
    });
}

/// a^b, with IEEE's results.
pub const POW: Binary = Binary {
    by_number: Some(ByNumber {
        // The cube in f64 is rounded once, as pow's is.
        f32: |x, p, out| power_of_number::<f32x4>(x, p as f64, out, |v| through_f64(v, |v| v * v * v)),
        f64: |x, p, out| power_of_number::<f64x2>(x, p, out, |v| v * v * v),
    }),
    ..binary!(mixed(pow_f32, libm::pow) integers(pow_i32))
};

/// 0 where an operand is 0, else the product: zero wins against an infinity or NaN, on either side.
pub const STRONG_MUL: Binary = binary!(lanes(strong_product) integers(i32::wrapping_mul));

/// x ln y, 0 where x = 0.
pub const XLOGY: Binary = binary!(lanes(xlogy));

macro_rules! pow_derivative {
    ($name:ident, $type:ty, $run:ident) => {
        /// ∂^(n + m) a^b / ∂a^n ∂b^m
        pub fn $name(n: u32, m: u32, a: Operand<$type>, b: Operand<$type>, out: &mut [$type]) {
            let exactly = |a: $type, b: $type| pow_derivative(n, m, a as f64, b as f64) as $type;
            if m > 1 || (m == 1 && n > 0) {
                return in_blocks(a, b, out, |a, b, out| one_by_one(a, b, out, exactly));
            }
            let (mut exponents, mut factors, mut powers) = ([0.0; BLOCK], [0.0; BLOCK], [0.0; BLOCK]);
            for (index, out) in out.chunks_mut(BLOCK).enumerate() {
                let (a, b) = (a.part(index * BLOCK, out.len()), b.part(index * BLOCK, out.len()));
                let powers = &mut powers[..out.len()];
                if m == 1 {
                    // a^b ln a, and its limits at a = 0.
                    POW.$run(a, b, powers);
                    XLOGY.$run(Operand::Slice(powers), a, out);
                    for (i, out) in out.iter_mut().enumerate().filter(|&(i, _)| a.at(i) == 0.0) {
                        *out = exactly(0.0, b.at(i));
                    }
                    continue;
                }
                // b (b - 1) ... (b - n + 1), usually a number, times a^(b - n).
                let exponent = |b: $type| b - n as $type;
                let factor = |b: $type| (0..n).map(|i| b - i as $type).product::<$type>();
                let (exponents, factors) = match b {
                    Operand::Splat(b) => (Operand::Splat(exponent(b)), Operand::Splat(factor(b))),
                    Operand::Slice(b) => {
                        for ((e, f), &b) in exponents.iter_mut().zip(&mut factors).zip(b) {
                            (*e, *f) = (exponent(b), factor(b));
                        }
                        (Operand::Slice(&exponents[..b.len()]), Operand::Slice(&factors[..b.len()]))
                    }
                };
                POW.$run(a, exponents, powers);
                STRONG_MUL.$run(factors, Operand::Slice(powers), out);
            }
        }
    };
}

pow_derivative!(pow_derivative_f32, f32, run_f32);
pow_derivative!(pow_derivative_f64, f64, run_f64);

pub fn mod_i32(a: i32, b: i32) -> i32 {
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
            let (mask, a, b) = (Source::new(mask, out.len()), Source::new(a, out.len()), Source::new(b, out.len()));
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
