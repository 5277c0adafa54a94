//! softmax, log-softmax and log-sum-exp of [outer, r, inner] along r. All three subtract the maximum first, so that no
//! exponential overflows and at least one of them is 1:
//!   softmax_k = e_k / s,   logSoftmax_k = (x_k - m) - log s,   logsumexp = m + log s,   e_k = exp(x_k - m),  s = sum of e_k.
//! Where one element is far above the others s is nearly 1, and its logarithm is that of 1 + (s - 1): the others are added up without
//! the maximum's own 1, so that they keep their digits, however small.
//! The exponentials run over small blocks on the stack, several short rows at a time.

use super::number::{Float, Number};
use super::reduce;
use super::unary::EXP;

/// Elements per call of the vector exponential; also the width of a tile of columns.
const BLOCK: usize = 256;

/// A floating-point type with exponential and logarithm.
pub trait Exponential: Float {
    /// out_i = exp(x_i)
    fn exponentials(x: &[Self], out: &mut [Self]);
    /// log(1 + self)
    fn logarithm_of_one_plus(self) -> Self;
}

impl Exponential for f32 {
    fn exponentials(x: &[f32], out: &mut [f32]) {
        (EXP.f32)(x, out);
    }

    fn logarithm_of_one_plus(self) -> f32 {
        libm::log1pf(self)
    }
}

impl Exponential for f64 {
    fn exponentials(x: &[f64], out: &mut [f64]) {
        (EXP.f64)(x, out);
    }

    fn logarithm_of_one_plus(self) -> f64 {
        libm::log1p(self)
    }
}

/// exp(x_k) / sum of exp(x_j)
pub fn softmax<T: Exponential>(x: &[T], outer: usize, r: usize, inner: usize, out: &mut [T]) {
    debug_assert!(x.len() == outer * r * inner && out.len() == x.len());
    if x.is_empty() {
        return;
    }
    if inner == 1 && r <= BLOCK {
        let mut rows = Rows::new();
        for (x, out) in x.chunks(rows.size(r)).zip(out.chunks_mut(rows.size(r))) {
            rows.read(x, r);
            for (i, out) in out.chunks_exact_mut(r).enumerate() {
                scale(&rows.exponentials[i * r..][..r], rows.sums[i], out);
            }
        }
    } else if inner == 1 {
        for (x, out) in x.chunks_exact(r).zip(out.chunks_exact_mut(r)) {
            long_row(x, highest_of(x), Some(out));
            let sum = reduce::total_of(out);
            out.iter_mut().for_each(|v| *v = *v / sum);
        }
    } else {
        let mut tile = Tile::new();
        for (x, out) in x.chunks_exact(r * inner).zip(out.chunks_exact_mut(r * inner)) {
            for start in (0..inner).step_by(BLOCK) {
                let width = BLOCK.min(inner - start);
                tile.read(x, inner, start, width, Some(out));
                let others = &tile.others[..width];
                for row in out.chunks_exact_mut(inner) {
                    for (v, &others) in row[start..start + width].iter_mut().zip(others) {
                        *v = *v / (T::ONE + others);
                    }
                }
            }
        }
    }
}

fn is_number<T: Number>(v: T) -> bool {
    v.partial_cmp(&v).is_some()
}

/// The slopes of logsumexp: softmax with its limits. Nothing counts where every element is -Infinity; Infinities share.
pub fn weights<T: Exponential>(x: &[T], outer: usize, r: usize, inner: usize, out: &mut [T]) {
    softmax(x, outer, r, inner, out);
    at_infinity(x, r, inner, out, |n| Some((if n > 0 { T::from_f64(1.0 / n as f64) } else { T::ZERO }, T::ZERO)));
}

/// Replaces the NaN that an infinite maximum left by limits: what `limit` gives for an Infinity and for the other elements, from the
/// number of Infinities. A NaN among the elements stays.
fn at_infinity<T: Number>(x: &[T], r: usize, inner: usize, out: &mut [T], limit: impl Fn(usize) -> Option<(T, T)>) {
    if x.is_empty() {
        return;
    }
    for (x, out) in x.chunks_exact(r * inner).zip(out.chunks_exact_mut(r * inner)) {
        for column in 0..inner {
            // An infinite maximum leaves NaN everywhere, as a NaN among the elements does.
            if is_number(out[column]) {
                continue;
            }
            let elements = || x[column..].iter().step_by(inner);
            if !elements().all(|&v| is_number(v)) {
                continue;
            }
            if let Some((infinite, other)) = limit(elements().filter(|&&v| v == T::HIGHEST).count()) {
                for (out, &v) in out[column..].iter_mut().step_by(inner).zip(elements()) {
                    *out = if v == T::HIGHEST { infinite } else { other };
                }
            }
        }
    }
}

/// x_k - log(sum of exp(x_j)). Beside an Infinity the limit, 0 there and -Infinity elsewhere; several share.
pub fn log_softmax<T: Exponential>(x: &[T], outer: usize, r: usize, inner: usize, out: &mut [T]) {
    finite_log_softmax(x, outer, r, inner, out);
    at_infinity(x, r, inner, out, |n| (n > 0).then(|| (T::from_f64(0.0 - (n as f64).ln()), T::LOWEST)));
}

fn finite_log_softmax<T: Exponential>(x: &[T], outer: usize, r: usize, inner: usize, out: &mut [T]) {
    debug_assert!(x.len() == outer * r * inner && out.len() == x.len());
    if x.is_empty() {
        return;
    }
    if inner == 1 && r <= BLOCK {
        let mut rows = Rows::new();
        for (x, out) in x.chunks(rows.size(r)).zip(out.chunks_mut(rows.size(r))) {
            rows.read(x, r);
            for (i, (x, out)) in x.chunks_exact(r).zip(out.chunks_exact_mut(r)).enumerate() {
                shift(x, rows.highest[i], rows.others(i, r).logarithm_of_one_plus(), out);
            }
        }
    } else if inner == 1 {
        for (x, out) in x.chunks_exact(r).zip(out.chunks_exact_mut(r)) {
            let highest = highest_of(x);
            shift(x, highest, long_row(x, highest, None).logarithm_of_one_plus(), out);
        }
    } else {
        let mut tile = Tile::new();
        for (x, out) in x.chunks_exact(r * inner).zip(out.chunks_exact_mut(r * inner)) {
            for start in (0..inner).step_by(BLOCK) {
                let width = BLOCK.min(inner - start);
                tile.read(x, inner, start, width, None);
                tile.others[..width].iter_mut().for_each(|others| *others = others.logarithm_of_one_plus());
                let (highest, logs) = (&tile.highest[..width], &tile.others[..width]);
                for (x, out) in x.chunks_exact(inner).zip(out.chunks_exact_mut(inner)) {
                    let (x, out) = (&x[start..][..width], &mut out[start..][..width]);
                    for i in 0..width {
                        out[i] = x[i] - highest[i] - logs[i];
                    }
                }
            }
        }
    }
}

/// log(sum of exp(x_k)); -Infinity where r = 0 or every element is -Infinity, +Infinity where one is.
pub fn logsumexp<T: Exponential>(x: &[T], outer: usize, r: usize, inner: usize, out: &mut [T]) {
    debug_assert!(x.len() == outer * r * inner && out.len() == outer * inner);
    if r == 0 {
        out.fill(T::LOWEST);
    } else if inner == 1 && r <= BLOCK {
        let mut rows = Rows::new();
        for (x, out) in x.chunks(rows.size(r)).zip(out.chunks_mut(rows.size(r) / r)) {
            rows.read(x, r);
            for (i, out) in out.iter_mut().enumerate() {
                *out = join(rows.highest[i], rows.others(i, r));
            }
        }
    } else if inner == 1 {
        for (x, out) in x.chunks_exact(r).zip(out) {
            let highest = highest_of(x);
            *out = join(highest, long_row(x, highest, None));
        }
    } else if inner > 0 {
        let mut tile = Tile::new();
        for (x, out) in x.chunks_exact(r * inner).zip(out.chunks_exact_mut(inner)) {
            for (at, out) in out.chunks_mut(BLOCK).enumerate() {
                tile.read(x, inner, at * BLOCK, out.len(), None);
                for (out, (&highest, &others)) in out.iter_mut().zip(tile.highest.iter().zip(&tile.others)) {
                    *out = join(highest, others);
                }
            }
        }
    }
}

/// m + log s with s = 1 + others; an infinite maximum stands for itself, since x - m is NaN there.
#[inline(always)]
fn join<T: Exponential>(highest: T, others: T) -> T {
    if highest == T::LOWEST || highest == T::HIGHEST {
        highest
    } else {
        highest + others.logarithm_of_one_plus()
    }
}

/// The sum of exponentials, among which is the maximum's 1, without that 1.
#[inline(always)]
fn others<T: Exponential>(exponentials: &[T], sum: T) -> T {
    if sum < T::from_f64(1.5) {
        // Only one of them is 1.
        let rest = exponentials.iter().fold(T::Wide::ZERO, |rest, &v| rest.plus(if v == T::ONE { T::ZERO } else { v }.widen()));
        T::narrow(rest)
    } else {
        sum - T::ONE
    }
}

#[inline(never)]
fn highest_of<T: Number>(x: &[T]) -> T {
    let mut highest = [T::LOWEST];
    reduce::max(x, 1, x.len(), 1, &mut highest);
    highest[0]
}

#[inline(always)]
fn scale<T: Float>(x: &[T], divisor: T, out: &mut [T]) {
    for (out, &v) in out.iter_mut().zip(x) {
        *out = v / divisor;
    }
}

#[inline(always)]
fn shift<T: Float>(x: &[T], highest: T, log: T, out: &mut [T]) {
    for (out, &v) in out.iter_mut().zip(x) {
        *out = v - highest - log;
    }
}

// Each of the following is there once for a type: with closures they would be there for each of their users, and take a fifth of the kernels' size.

/// Rows of at most BLOCK elements, as many at a time as fit a block: their maxima, exponentials, and the sums of these.
struct Rows<T: Exponential> {
    shifted: [T; BLOCK],
    exponentials: [T; BLOCK],
    highest: [T; BLOCK],
    sums: [T; BLOCK],
}

impl<T: Exponential> Rows<T> {
    fn new() -> Self {
        Rows { shifted: [T::ZERO; BLOCK], exponentials: [T::ZERO; BLOCK], highest: [T::ZERO; BLOCK], sums: [T::ZERO; BLOCK] }
    }

    /// Elements of so many rows of r as fit.
    fn size(&self, r: usize) -> usize {
        BLOCK / r * r
    }

    #[inline(never)]
    fn read(&mut self, x: &[T], r: usize) {
        for ((x, shifted), highest) in x.chunks_exact(r).zip(self.shifted.chunks_exact_mut(r)).zip(&mut self.highest) {
            *highest = highest_of(x);
            for (shifted, &v) in shifted.iter_mut().zip(x) {
                *shifted = v - *highest;
            }
        }
        T::exponentials(&self.shifted[..x.len()], &mut self.exponentials[..x.len()]);
        for (exponentials, sum) in self.exponentials[..x.len()].chunks_exact(r).zip(&mut self.sums) {
            *sum = reduce::total_of(exponentials);
        }
    }

    /// The sum of a row without the maximum's 1.
    #[inline(always)]
    fn others(&self, row: usize, r: usize) -> T {
        others(&self.exponentials[row * r..][..r], self.sums[row])
    }
}

/// One row of any length, block by block; the exponentials go to `out` if there is one, the sum of them without the maximum's 1 comes back.
#[inline(never)]
fn long_row<T: Exponential>(x: &[T], highest: T, mut out: Option<&mut [T]>) -> T {
    let (mut shifted, mut exponentials) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK]);
    let mut rest = T::Wide::ZERO;
    let mut met = false;
    for (at, x) in x.chunks(BLOCK).enumerate() {
        let (shifted, exponentials) = (&mut shifted[..x.len()], &mut exponentials[..x.len()]);
        for (shifted, &v) in shifted.iter_mut().zip(x) {
            *shifted = v - highest;
        }
        T::exponentials(shifted, exponentials);
        let sum = reduce::total_of(exponentials);
        let has_maximum = !met && sum >= T::ONE;
        met |= has_maximum;
        rest = rest.plus(if has_maximum { others(exponentials, sum) } else { sum }.widen());
        if let Some(out) = &mut out {
            out[at * BLOCK..][..x.len()].copy_from_slice(exponentials);
        }
    }
    T::narrow(rest)
}

/// Maxima of up to BLOCK neighbouring columns, and the sums of their exponentials without the maximum's 1.
struct Tile<T: Exponential> {
    highest: [T; BLOCK],
    others: [T; BLOCK],
    /// How many exponentials are 1, and the sum of the rest.
    ones: [T::Wide; BLOCK],
    rest: [T::Wide; BLOCK],
    shifted: [T; BLOCK],
    exponentials: [T; BLOCK],
}

impl<T: Exponential> Tile<T> {
    fn new() -> Self {
        Tile {
            highest: [T::ZERO; BLOCK],
            others: [T::ZERO; BLOCK],
            ones: [T::Wide::ZERO; BLOCK],
            rest: [T::Wide::ZERO; BLOCK],
            shifted: [T::ZERO; BLOCK],
            exponentials: [T::ZERO; BLOCK],
        }
    }

    /// Reads columns start .. start + width of the matrix [r, inner]; the exponentials go to their places in `out`, if there is one.
    #[inline(never)]
    fn read(&mut self, x: &[T], inner: usize, start: usize, width: usize, mut out: Option<&mut [T]>) {
        let (highest, ones, rest) = (&mut self.highest[..width], &mut self.ones[..width], &mut self.rest[..width]);
        if width == inner {
            reduce::max(x, 1, x.len() / inner, inner, highest);
        } else {
            highest.fill(T::LOWEST);
            for row in x.chunks_exact(inner) {
                highest.iter_mut().zip(&row[start..]).for_each(|(best, &v)| *best = best.larger(v));
            }
        }
        ones.fill(T::Wide::ZERO);
        rest.fill(T::Wide::ZERO);
        // Narrow matrices give several whole rows per block.
        let rows = if width == inner { BLOCK / width } else { 1 };
        for (at, x) in x.chunks(rows * inner).enumerate() {
            let x = if width == inner { x } else { &x[start..start + width] };
            let (shifted, exponentials) = (&mut self.shifted[..x.len()], &mut self.exponentials[..x.len()]);
            for (x, shifted) in x.chunks_exact(width).zip(shifted.chunks_exact_mut(width)) {
                for ((shifted, &v), &highest) in shifted.iter_mut().zip(x).zip(highest.iter()) {
                    *shifted = v - highest;
                }
            }
            T::exponentials(shifted, exponentials);
            for row in exponentials.chunks_exact(width) {
                for ((ones, rest), &v) in ones.iter_mut().zip(rest.iter_mut()).zip(row) {
                    let (one, other) = if v == T::ONE { (v, T::ZERO) } else { (T::ZERO, v) };
                    *ones = ones.plus(one.widen());
                    *rest = rest.plus(other.widen());
                }
            }
            if let Some(out) = &mut out {
                out[at * rows * inner + start..][..exponentials.len()].copy_from_slice(exponentials);
            }
        }
        for (others, (&ones, &rest)) in self.others.iter_mut().zip(ones.iter().zip(rest.iter())) {
            *others = T::narrow(ones.minus(T::Wide::ONE).plus(rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEGATIVE: f64 = f64::NEG_INFINITY;

    fn columns(x: &[f64], outer: usize, r: usize, inner: usize) -> Vec<Vec<f64>> {
        (0..outer * inner).map(|c| (0..r).map(|k| x[(c / inner * r + k) * inner + c % inner]).collect()).collect()
    }

    fn close(a: f64, b: f64, tolerance: f64) -> bool {
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * (1.0 + b.abs())
    }

    fn check(x: &[f64], outer: usize, r: usize, inner: usize) {
        let x32: Vec<f32> = x.iter().map(|&v| v as f32).collect();
        let (mut soft, mut log, mut lse) = (vec![9.0; x.len()], vec![9.0; x.len()], vec![9.0; outer * inner]);
        let (mut soft32, mut log32, mut lse32) = (vec![9f32; x.len()], vec![9f32; x.len()], vec![9f32; outer * inner]);
        softmax(x, outer, r, inner, &mut soft);
        log_softmax(x, outer, r, inner, &mut log);
        logsumexp(x, outer, r, inner, &mut lse);
        softmax(&x32, outer, r, inner, &mut soft32);
        log_softmax(&x32, outer, r, inner, &mut log32);
        logsumexp(&x32, outer, r, inner, &mut lse32);
        let (soft, log) = (columns(&soft, outer, r, inner), columns(&log, outer, r, inner));
        let wide = |x: Vec<f32>| columns(&x.iter().map(|&v| v as f64).collect::<Vec<_>>(), outer, r, inner);
        let (soft32, log32) = (wide(soft32), wide(log32));
        for (c, column) in columns(x, outer, r, inner).iter().enumerate() {
            let m = column.iter().fold(NEGATIVE, |a, &b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) });
            let s: f64 = column.iter().map(|&v| (v - m).exp()).sum();
            let expected = if m.is_infinite() { m } else { m + s.ln() };
            assert!(close(lse[c], expected, 1e-14), "{outer} {r} {inner}: {} {expected}", lse[c]);
            assert!(close(lse32[c] as f64, expected, 3e-7), "{outer} {r} {inner}: {} {expected}", lse32[c]);
            for (k, &v) in column.iter().enumerate() {
                assert!(close(soft[c][k], (v - m).exp() / s, 1e-14), "{outer} {r} {inner}");
                let n = column.iter().filter(|&&v| v == f64::INFINITY).count() as f64;
                let expected = if m != f64::INFINITY {
                    v - m - s.ln()
                } else if v == m {
                    -n.ln()
                } else {
                    NEGATIVE
                };
                assert!(close(log[c][k], expected, 1e-14));
                assert!(close(soft32[c][k], (v - m).exp() / s, 3e-7), "{outer} {r} {inner}");
                assert!(close(log32[c][k], expected, 3e-7), "{} {expected}", log32[c][k]);
            }
        }
    }

    /// log(1 + e^-40) next to 0, in every arrangement: the small summand is all that is left.
    #[test]
    fn what_little_the_others_add() {
        let tiny = (-40f64).exp().ln_1p();
        for (outer, r, inner) in [(1, 2, 1), (3, 37, 1), (1, 300, 1), (2, 700, 1), (1, 2, 2), (1, 5, 600), (2, 300, 3)] {
            for peak in [0, r / 2, r - 1] {
                let low = (peak + 1) % r;
                let x: Vec<f64> = (0..outer * r * inner)
                    .map(|i| i / inner % r)
                    .map(|k| {
                        if k == peak {
                            0.0
                        } else if k == low {
                            -40.0
                        } else {
                            -900.0
                        }
                    })
                    .collect();
                let (mut log, mut lse) = (vec![9.0; x.len()], vec![9.0; outer * inner]);
                log_softmax(&x, outer, r, inner, &mut log);
                logsumexp(&x, outer, r, inner, &mut lse);
                assert!(lse.iter().all(|v| (v / tiny - 1.0).abs() < 1e-14), "{outer} {r} {inner}: {lse:?}");
                for (log, &x) in log.iter().zip(&x) {
                    assert!(x < 0.0 || (log / -tiny - 1.0).abs() < 1e-14, "{outer} {r} {inner}: {log}");
                }
                let x32: Vec<f32> = x.iter().map(|&v| v as f32).collect();
                let mut lse32 = vec![9f32; outer * inner];
                logsumexp(&x32, outer, r, inner, &mut lse32);
                assert!(lse32.iter().all(|&v| (v as f64 / tiny - 1.0).abs() < 1e-6), "{outer} {r} {inner}: {lse32:?}");
            }
        }
    }

    #[test]
    fn all_shapes() {
        for r in [0, 1, 2, 10, 37, 255, 256, 257, 700] {
            for inner in [0, 1, 2, 3, 100, 129, 256, 257, 600] {
                for outer in [0, 1, 3, 30] {
                    if outer * r * inner > 300_000 {
                        continue;
                    }
                    // A multiple of 1/64, so that float32 holds the same inputs.
                    let x: Vec<f64> = (0..outer * r * inner).map(|i| ((i * 7919) % 1283) as f64 / 64.0 - 10.0).collect();
                    check(&x, outer, r, inner);
                }
            }
        }
    }

    #[test]
    fn weights_at_infinity() {
        let infinite = f64::INFINITY;
        let mut out = [9.0; 6];
        weights(&[infinite, NEGATIVE, infinite, NEGATIVE, 0.0, NEGATIVE], 1, 3, 2, &mut out);
        assert_eq!(out, [0.5, 0.0, 0.5, 0.0, 0.0, 0.0]);
        weights(&[0.0, f64::NAN, NEGATIVE, 1000.0, 1000.0, NEGATIVE], 2, 3, 1, &mut out);
        assert!(out[..3].iter().all(|v| v.is_nan()));
        assert_eq!(out[3..], [0.5, 0.5, 0.0]);
        weights::<f64>(&[], 0, 3, 1, &mut []);
    }

    #[test]
    fn large_infinite_and_missing_values() {
        for (inner, repeat) in [(1, 1), (1, 300), (2, 1), (300, 1)] {
            for pattern in [
                [1000.0, 1000.0, 999.0],
                [-1000.0, -1000.0, -1001.0],
                [NEGATIVE, NEGATIVE, NEGATIVE],
                [NEGATIVE, 0.0, 0.0],
                [f64::INFINITY, 0.0, 1.0],
                [f64::INFINITY, f64::NAN, NEGATIVE],
                [f64::NAN, 0.0, 1.0],
            ] {
                let column: Vec<f64> = pattern.iter().copied().cycle().take(3 * repeat).collect();
                let x: Vec<f64> = column.iter().flat_map(|&v| std::iter::repeat_n(v, inner)).collect();
                check(&x, 1, 3 * repeat, inner);
            }
        }
        let mut out = [0f64];
        logsumexp(&[], 1, 0, 1, &mut out);
        assert_eq!(out[0], NEGATIVE);
        logsumexp(&[1000.0, 1000.0], 1, 2, 1, &mut out);
        assert_eq!(out[0], 1000.6931471805599);
    }
}
