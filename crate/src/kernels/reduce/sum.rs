//! Sums that stay accurate: short blocks in the type itself, the block sums in `Wide` (float64 for float32; for float64
//! with compensation). The error bound does not grow with the length: about 12 roundings in float32.

use super::{row_group, TILE};
use crate::kernels::number::Number;

/// Independent accumulators: four vectors of float32.
const LANES: usize = 16;
/// Elements summed in the type itself: 8 additions in each lane, then 4 to join the lanes.
const BLOCK: usize = 128;
/// Rows joined in the type itself before they reach the accumulators of their columns.
const ROWS: usize = 8;
/// Up to this many rows the result itself is the accumulator: 3 + 8 roundings.
const SHALLOW: usize = 64;

/// out[o, i] = sum over k of x[o, k, i]
pub fn sum<T: Number>(x: &[T], outer: usize, r: usize, inner: usize, out: &mut [T]) {
    debug_assert!(x.len() == outer * r * inner && out.len() == outer * inner);
    if r == 0 {
        out.fill(T::ZERO);
    } else if inner == 1 {
        for (row, out) in x.chunks_exact(r).zip(out) {
            *out = total_of(row);
        }
    } else if inner > 0 && r <= SHALLOW {
        for (rows, out) in x.chunks_exact(r * inner).zip(out.chunks_exact_mut(inner)) {
            out.fill(T::ZERO);
            add_rows(rows, r, inner, inner, |i, value| out[i] = out[i].plus(value));
        }
    } else if inner > 0 {
        let mut columns = Columns::new();
        for (rows, out) in x.chunks_exact(r * inner).zip(out.chunks_exact_mut(inner)) {
            columns.sum(rows, r, inner, out);
        }
    }
}

/// The sum of all elements.
pub fn total_of<T: Number>(x: &[T]) -> T {
    total(x, x, |a, _| a)
}

/// The sum of f(x_i, y_i).
#[inline(always)]
fn total<T: Number>(x: &[T], y: &[T], f: impl Fn(T, T) -> T + Copy) -> T {
    if x.len() < LANES {
        let lanes = lanes::<T, 4>(x, y, f);
        return lanes[0].plus(lanes[2]).plus(lanes[1].plus(lanes[3]));
    }
    if x.len() <= BLOCK {
        return block(x, y, f);
    }
    let mut wide = Accumulator::<T>::new();
    for (x, y) in x.chunks(BLOCK).zip(y.chunks(BLOCK)) {
        wide.add(block(x, y, f).widen());
    }
    wide.finish()
}

#[inline(always)]
fn block<T: Number>(x: &[T], y: &[T], f: impl Fn(T, T) -> T + Copy) -> T {
    let lanes = lanes::<T, LANES>(x, y, f);
    let eight: [T; 8] = std::array::from_fn(|l| lanes[l].plus(lanes[l + 8]));
    let four: [T; 4] = std::array::from_fn(|l| eight[l].plus(eight[l + 4]));
    four[0].plus(four[2]).plus(four[1].plus(four[3]))
}

/// Sums of every N-th term.
#[inline(always)]
fn lanes<T: Number, const N: usize>(x: &[T], y: &[T], f: impl Fn(T, T) -> T + Copy) -> [T; N] {
    let mut lanes = [T::ZERO; N];
    let (x_chunks, y_chunks) = (x.chunks_exact(N), y.chunks_exact(N));
    let (x_rest, y_rest) = (x_chunks.remainder(), y_chunks.remainder());
    for (x, y) in x_chunks.zip(y_chunks) {
        for l in 0..N {
            lanes[l] = lanes[l].plus(f(x[l], y[l]));
        }
    }
    for (lane, (&a, &b)) in lanes.iter_mut().zip(x_rest.iter().zip(y_rest)) {
        *lane = lane.plus(f(a, b));
    }
    lanes
}

/// A running sum; for float64 with the rounding errors collected apart (Neumaier 1974, by Knuth's branch-free two-sum).
#[derive(Clone, Copy)]
struct Accumulator<T: Number> {
    sum: T::Wide,
    lost: T::Wide,
}

impl<T: Number> Accumulator<T> {
    #[inline(always)]
    fn new() -> Self {
        Accumulator { sum: T::Wide::ZERO, lost: T::Wide::ZERO }
    }

    #[inline(always)]
    fn add(&mut self, value: T::Wide) {
        accumulate::<T>(&mut self.sum, &mut self.lost, value);
    }

    fn finish(self) -> T {
        finish::<T>(self.sum, self.lost)
    }
}

#[inline(always)]
fn accumulate<T: Number>(sum: &mut T::Wide, lost: &mut T::Wide, value: T::Wide) {
    let new = sum.plus(value);
    if T::COMPENSATED {
        let part = new.minus(*sum);
        *lost = lost.plus(sum.minus(new.minus(part)).plus(value.minus(part)));
    }
    *sum = new;
}

#[inline(always)]
fn finish<T: Number>(sum: T::Wide, lost: T::Wide) -> T {
    // An infinite sum makes the correction NaN (infinity minus infinity); the sum itself is then right.
    let usable = T::COMPENSATED && lost.partial_cmp(&lost).is_some();
    T::narrow(if usable { sum.plus(lost) } else { sum })
}

/// Accumulators of one tile of columns.
struct Columns<T: Number> {
    sums: [T::Wide; TILE],
    lost: [T::Wide; TILE],
}

impl<T: Number> Columns<T> {
    fn new() -> Self {
        Columns { sums: [T::Wide::ZERO; TILE], lost: [T::Wide::ZERO; TILE] }
    }

    /// The first `width` accumulators, at 0.
    fn cleared(&mut self, width: usize) -> (&mut [T::Wide], &mut [T::Wide]) {
        let (sums, lost) = (&mut self.sums[..width], &mut self.lost[..width]);
        sums.fill(T::Wide::ZERO);
        lost.fill(T::Wide::ZERO);
        (sums, lost)
    }

    /// One [r, inner] matrix, by tiles of columns.
    fn sum(&mut self, x: &[T], r: usize, inner: usize, out: &mut [T]) {
        let group = row_group(r, inner);
        if group > 1 {
            let (rows, width) = (r / group, group * inner);
            let (sums, lost) = self.cleared(width);
            accumulate_rows::<T>(x, rows, width, sums, lost);
            accumulate_rows::<T>(&x[rows * width..], r % group, inner, &mut sums[..inner], &mut lost[..inner]);
            for (i, out) in out.iter_mut().enumerate() {
                let mut all = Accumulator::<T>::new();
                for at in (i..width).step_by(inner) {
                    all.add(sums[at]);
                    all.lost = all.lost.plus(lost[at]);
                }
                *out = all.finish();
            }
            return;
        }
        for (tile, out) in out.chunks_mut(TILE).enumerate() {
            let (sums, lost) = self.cleared(out.len());
            accumulate_rows::<T>(&x[tile * TILE..], r, inner, sums, lost);
            for (out, (&sum, &lost)) in out.iter_mut().zip(sums.iter().zip(lost.iter())) {
                *out = finish::<T>(sum, lost);
            }
        }
    }
}

/// Adds rows, `stride` elements apart, to the wide accumulators of a tile of columns.
fn accumulate_rows<T: Number>(x: &[T], rows: usize, stride: usize, sums: &mut [T::Wide], lost: &mut [T::Wide]) {
    let width = sums.len();
    let lost = &mut lost[..width];
    add_rows(x, rows, stride, width, |i, value| accumulate::<T>(&mut sums[i], &mut lost[i], value.widen()));
}

/// Calls `add(column, value)` with the sums of ROWS rows at a time, then with the rows left over.
#[inline(always)]
fn add_rows<T: Number>(x: &[T], rows: usize, stride: usize, width: usize, mut add: impl FnMut(usize, T)) {
    let row = |k: usize| &x[k * stride..][..width];
    let mut k = 0;
    while k + ROWS <= rows {
        let (a, b, c, d) = (row(k), row(k + 1), row(k + 2), row(k + 3));
        let (e, f, g, h) = (row(k + 4), row(k + 5), row(k + 6), row(k + 7));
        for i in 0..width {
            let low = a[i].plus(b[i]).plus(c[i].plus(d[i]));
            let high = e[i].plus(f[i]).plus(g[i].plus(h[i]));
            add(i, low.plus(high));
        }
        k += ROWS;
    }
    for k in k..rows {
        for (i, &value) in row(k).iter().enumerate() {
            add(i, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::number::Float;

    /// Multiples of 2^-24 in [0, 1): exact in float32, and their sums are exact in float64.
    fn noise(i: usize) -> f64 {
        ((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1u64 << 24) as f64
    }

    fn check<T: Float>(outer: usize, r: usize, inner: usize, tolerance: f64)
    where
        f64: From<T>,
    {
        let x: Vec<T> = (0..outer * r * inner).map(|i| T::from_f64(noise(i) - 0.25)).collect();
        let mut out = vec![T::from_f64(7.0); outer * inner];
        sum(&x, outer, r, inner, &mut out);
        for o in 0..outer {
            for i in 0..inner {
                let terms = (0..r).map(|k| f64::from(x[(o * r + k) * inner + i]));
                let scale: f64 = terms.clone().map(f64::abs).sum::<f64>() + 1e-300;
                let expected: f64 = terms.sum();
                let error = (f64::from(out[o * inner + i]) - expected).abs() / scale;
                assert!(error <= tolerance, "{outer} {r} {inner}: relative error {error}");
            }
        }
    }

    #[test]
    fn sums_of_all_shapes() {
        for r in [0, 1, 2, 7, 8, 15, 16, 17, 24, 63, 64, 65, 127, 128, 129, 1000] {
            for inner in [0, 1, 2, 3, 5, 31, 32, 33, 100, 255, 256, 257, 600] {
                for outer in [0, 1, 3] {
                    check::<f32>(outer, r, inner, 8e-7);
                    check::<f64>(outer, r, inner, 2e-15);
                }
            }
        }
        check::<f32>(1, 100_000, 3, 8e-7);
    }

    #[test]
    fn ten_million_float32_sum_to_1e_6() {
        let n = 10_000_000;
        let x: Vec<f32> = (0..n).map(|i| noise(i) as f32).collect();
        let exact: f64 = x.iter().map(|&v| v as f64).sum();
        let mut out = [0f32];
        sum(&x, 1, n, 1, &mut out);
        assert!((out[0] as f64 / exact - 1.0).abs() < 1.5e-7, "{} {exact}", out[0]);
        sum(&vec![0.1f32; n], 1, n, 1, &mut out);
        assert!((out[0] as f64 / (n as f64 * 0.1f32 as f64) - 1.0).abs() < 1e-6);
        // The same down the columns of a matrix.
        let mut columns = [0f32; 4];
        sum(&x, 1, n / 4, 4, &mut columns);
        let joined: f64 = columns.iter().map(|&v| v as f64).sum();
        assert!((joined / exact - 1.0).abs() < 1.5e-7);
        assert!((total_of(&x) as f64 / exact - 1.0).abs() < 1.5e-7);
    }

    #[test]
    fn float64_block_sums_are_compensated() {
        // Blocks that sum to 1e16 and to 1: a plain running sum would lose every 1.
        let mut x = vec![0f64; 4096];
        (x[0], x[1024], x[2048], x[3072]) = (1e16, 1.0, 1.0, -1e16);
        let mut out = [0f64];
        sum(&x, 1, x.len(), 1, &mut out);
        assert_eq!(out[0], 2.0);
        let columns: Vec<f64> = x.iter().flat_map(|&v| [v, 2.0 * v]).collect();
        let mut out = [0f64; 2];
        sum(&columns, 1, x.len(), 2, &mut out);
        assert_eq!(out, [2.0, 4.0]);
    }

    #[test]
    fn infinities_and_nan_come_through() {
        for r in [3, 20, 300] {
            for inner in [1, 2, 300] {
                for (special, expected) in [(f64::INFINITY, f64::INFINITY), (f64::NEG_INFINITY, f64::NEG_INFINITY), (f64::NAN, f64::NAN)] {
                    let mut x = vec![1f64; r * inner];
                    x[(r / 2) * inner] = special;
                    let mut out = vec![0f64; inner];
                    sum(&x, 1, r, inner, &mut out);
                    assert!(out[0] == expected || (out[0].is_nan() && expected.is_nan()), "{r} {inner} {special}");
                    let x: Vec<f32> = x.iter().map(|&v| v as f32).collect();
                    let mut out = vec![0f32; inner];
                    sum(&x, 1, r, inner, &mut out);
                    assert_eq!(out[0].is_nan(), expected.is_nan());
                    assert!(expected.is_nan() || out[0] as f64 == expected);
                    assert!(inner == 1 || out[1] == r as f32);
                }
                let mut x = vec![0f64; r * inner];
                (x[0], x[inner]) = (f64::INFINITY, f64::NEG_INFINITY);
                let mut out = vec![0f64; inner];
                sum(&x, 1, r, inner, &mut out);
                assert!(out[0].is_nan());
            }
        }
    }

    #[test]
    fn integers_wrap() {
        let mut out = [0i32];
        sum(&[i32::MAX, 1, 5], 1, 3, 1, &mut out);
        assert_eq!(out[0], i32::MIN + 5);
        let x: Vec<i32> = (0..3000).collect();
        let mut out = [0i32; 3];
        sum(&x, 1, 1000, 3, &mut out);
        assert_eq!(out, [1_498_500, 1_499_500, 1_500_500]);
        assert_eq!(total_of(&[2, 3]), 5);
        assert_eq!(total_of::<f32>(&[]), 0.0);
    }
}
