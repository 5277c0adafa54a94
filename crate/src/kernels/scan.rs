//! Recurrences along r of [outer, r, inner]: cumulative sums, first-order linear recurrences.

use super::number::Number;

/// Columns whose states are kept on the stack together.
const TILE: usize = 256;
/// Rows that advance together, to hide the latency of a step behind the others'.
const ROWS: usize = 4;

/// out_k = x_0 + ... + x_k, with `reverse` x_k + ... + x_{r-1}. float32 is summed in float64.
pub fn cumsum<T: Number>(x: &[T], outer: usize, r: usize, inner: usize, reverse: bool, out: &mut [T]) {
    debug_assert!(x.len() == outer * r * inner && out.len() == x.len());
    if inner == 1 && r > 0 {
        for (x, out) in x.chunks_exact(r).zip(out.chunks_exact_mut(r)) {
            if reverse {
                sum_backwards(x, out);
            } else {
                sum_forwards(x, out);
            }
        }
        return;
    }
    scan(x, x, outer, r, inner, reverse, |x, _| x.widen(), |sum, x, _| sum.plus(x.widen()), T::narrow, out);
}

/// z_k = a_k z_{k-1} + b_k with z_{-1} = 0; with `reverse` z_k = a_k z_{k+1} + b_k with z_r = 0. With `strong` a product is 0 where
/// a factor is, even if the other is infinite or NaN.
#[allow(clippy::too_many_arguments)]
pub fn linear_scan<T: Number>(a: &[T], b: &[T], outer: usize, r: usize, inner: usize, reverse: bool, strong: bool, out: &mut [T]) {
    let strong_product = |a: T, z: T| if (a == T::ZERO) | (z == T::ZERO) { T::ZERO } else { a.times(z) };
    // The first step does not read a: 0 * Infinity or 0 * NaN must not reach the result.
    if strong {
        scan(a, b, outer, r, inner, reverse, |_, b| b, |z: T, a, b| strong_product(a, z).plus(b), |z| z, out);
    } else {
        scan(a, b, outer, r, inner, reverse, |_, b| b, |z: T, a, b| a.times(z).plus(b), |z| z, out);
    }
}

/// out_k is the position of the largest (with `least` the smallest) of x_0 .. x_k, the first among equal ones; with `reverse` of
/// x_k .. x_{r-1}, the last. A NaN stays once it was met.
pub fn running_extreme<T: Number>(x: &[T], outer: usize, r: usize, inner: usize, reverse: bool, least: bool, out: &mut [i32]) {
    debug_assert!(x.len() == outer * r * inner && out.len() == x.len());
    let is_nan = |v: T| v.partial_cmp(&v).is_none();
    for column in 0..outer * inner {
        let start = column / inner * r * inner + column % inner;
        let place = |k: usize| start + k * inner;
        let mut best = if reverse { r.saturating_sub(1) } else { 0 };
        for step in 0..r {
            let k = if reverse { r - 1 - step } else { step };
            let (v, extreme) = (x[place(k)], x[place(best)]);
            if !is_nan(extreme) && (is_nan(v) || if least { v < extreme } else { v > extreme }) {
                best = k;
            }
            out[place(k)] = best as i32;
        }
    }
}

/// Four elements at a time, so that the chain from one element to the next is one addition in four.
fn sum_forwards<T: Number>(x: &[T], out: &mut [T]) {
    let mut carry = T::Wide::ZERO;
    let mut chunks = out.chunks_exact_mut(4);
    for (out, x) in (&mut chunks).zip(x.chunks_exact(4)) {
        let (a, c) = (x[0].widen(), x[2].widen());
        let b = a.plus(x[1].widen());
        let d = c.plus(x[3].widen());
        (out[0], out[1]) = (T::narrow(carry.plus(a)), T::narrow(carry.plus(b)));
        (out[2], out[3]) = (T::narrow(carry.plus(b.plus(c))), T::narrow(carry.plus(b.plus(d))));
        carry = carry.plus(b.plus(d));
    }
    for (out, &x) in chunks.into_remainder().iter_mut().zip(x.chunks_exact(4).remainder()) {
        carry = carry.plus(x.widen());
        *out = T::narrow(carry);
    }
}

fn sum_backwards<T: Number>(x: &[T], out: &mut [T]) {
    let mut carry = T::Wide::ZERO;
    let mut chunks = out.rchunks_exact_mut(4);
    for (out, x) in (&mut chunks).zip(x.rchunks_exact(4)) {
        let (a, c) = (x[3].widen(), x[1].widen());
        let b = a.plus(x[2].widen());
        let d = c.plus(x[0].widen());
        (out[3], out[2]) = (T::narrow(carry.plus(a)), T::narrow(carry.plus(b)));
        (out[1], out[0]) = (T::narrow(carry.plus(b.plus(c))), T::narrow(carry.plus(b.plus(d))));
        carry = carry.plus(b.plus(d));
    }
    for (out, &x) in chunks.into_remainder().iter_mut().zip(x.rchunks_exact(4).remainder()).rev() {
        carry = carry.plus(x.widen());
        *out = T::narrow(carry);
    }
}

/// state = begin(a, b) at the first place, step(state, a, b) at the others, out = show(state); in the order of k or against it.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn scan<T: Copy, Z: Copy>(
    a: &[T],
    b: &[T],
    outer: usize,
    r: usize,
    inner: usize,
    reverse: bool,
    begin: impl Fn(T, T) -> Z + Copy,
    step: impl Fn(Z, T, T) -> Z + Copy,
    show: impl Fn(Z) -> T + Copy,
    out: &mut [T],
) {
    debug_assert!(a.len() == outer * r * inner && b.len() == a.len() && out.len() == a.len());
    if out.is_empty() {
        return;
    }
    let place = |k: usize| if reverse { r - 1 - k } else { k };
    if inner == 1 {
        for ((a, b), out) in a.chunks(ROWS * r).zip(b.chunks(ROWS * r)).zip(out.chunks_mut(ROWS * r)) {
            if out.len() == ROWS * r {
                let mut states: [Z; ROWS] = std::array::from_fn(|row| {
                    let at = row * r + place(0);
                    begin(a[at], b[at])
                });
                for k in 0..r {
                    for (row, state) in states.iter_mut().enumerate() {
                        let at = row * r + place(k);
                        if k > 0 {
                            *state = step(*state, a[at], b[at]);
                        }
                        out[at] = show(*state);
                    }
                }
                continue;
            }
            for ((a, b), out) in a.chunks_exact(r).zip(b.chunks_exact(r)).zip(out.chunks_exact_mut(r)) {
                let mut state = begin(a[place(0)], b[place(0)]);
                out[place(0)] = show(state);
                for at in (1..r).map(place) {
                    state = step(state, a[at], b[at]);
                    out[at] = show(state);
                }
            }
        }
        return;
    }
    let matrix = r * inner;
    for ((a, b), out) in a.chunks_exact(matrix).zip(b.chunks_exact(matrix)).zip(out.chunks_exact_mut(matrix)) {
        for first in (0..inner).step_by(TILE) {
            let width = TILE.min(inner - first);
            let mut states = [begin(a[first], b[first]); TILE];
            for k in 0..r {
                let from = place(k) * inner + first;
                let (a, b, out) = (&a[from..][..width], &b[from..][..width], &mut out[from..][..width]);
                for (((state, &a), &b), out) in states.iter_mut().zip(a).zip(b).zip(out) {
                    *state = if k > 0 { step(*state, a, b) } else { begin(a, b) };
                    *out = show(*state);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(mut check: impl FnMut(usize, usize, usize, bool)) {
        for outer in [0, 1, 3, 4, 5, 9] {
            for r in [0, 1, 2, 3, 4, 5, 8, 23] {
                for inner in [0, 1, 2, 5, 256, 300] {
                    check(outer, r, inner, false);
                    check(outer, r, inner, true);
                }
            }
        }
    }

    /// Walks every column in order and compares with a plain recurrence.
    fn compare(outer: usize, r: usize, inner: usize, reverse: bool, out: &[f64], start: f64, step: impl Fn(f64, usize) -> f64) {
        for column in 0..outer * inner {
            let mut z = start;
            for k in 0..r {
                let k = if reverse { r - 1 - k } else { k };
                let at = (column / inner * r + k) * inner + column % inner;
                z = step(z, at);
                assert!((out[at] - z).abs() <= 1e-12 * (1.0 + z.abs()), "{outer} {r} {inner} {reverse}: {} {z}", out[at]);
            }
        }
    }

    #[test]
    fn recurrences_match_naive_loops() {
        shapes(|outer, r, inner, reverse| {
            let n = outer * r * inner;
            let a: Vec<f64> = (0..n).map(|i| ((i * 37) % 19) as f64 / 10.0 - 0.9).collect();
            let b: Vec<f64> = (0..n).map(|i| ((i * 53) % 29) as f64 / 10.0 - 1.4).collect();
            let mut out = vec![5.0; n];
            cumsum(&b, outer, r, inner, reverse, &mut out);
            compare(outer, r, inner, reverse, &out, 0.0, |z, i| z + b[i]);
            linear_scan(&a, &b, outer, r, inner, reverse, false, &mut out);
            compare(outer, r, inner, reverse, &out, 0.0, |z, i| a[i] * z + b[i]);
            let integers: Vec<i32> = (0..n as i32).collect();
            let mut sums = vec![5; n];
            cumsum(&integers, outer, r, inner, reverse, &mut sums);
            let sums: Vec<f64> = sums.iter().map(|&v| v as f64).collect();
            compare(outer, r, inner, reverse, &sums, 0.0, |z, i| z + integers[i] as f64);
        });
    }

    #[test]
    fn long_float32_sums_keep_their_digits() {
        let n = 1_000_000;
        let x = vec![0.1f32; n];
        let mut out = vec![0f32; n];
        for inner in [1, 4] {
            cumsum(&x, 1, n / inner, inner, false, &mut out);
            let exact = 0.1f32 as f64 * (n / inner) as f64;
            assert!((out[n - 1] as f64 / exact - 1.0).abs() < 1e-7);
        }
    }

    #[test]
    fn special_values() {
        let mut out = [0f32; 4];
        cumsum(&[1.0, f32::INFINITY, f32::NEG_INFINITY, 1.0], 1, 4, 1, false, &mut out);
        assert_eq!(out[..2], [1.0, f32::INFINITY]);
        assert!(out[2].is_nan() && out[3].is_nan());
        cumsum(&[f32::NAN, 1.0, 2.0, 4.0], 1, 4, 1, true, &mut out);
        assert_eq!(out[1..], [7.0, 6.0, 4.0]);
        assert!(out[0].is_nan());
        // The coefficient of the state before the first is never read.
        linear_scan(&[f32::NAN, 2.0, 0.0, 1.0], &[1.0, 1.0, 1.0, 1.0], 1, 4, 1, false, false, &mut out);
        assert_eq!(out, [1.0, 3.0, 1.0, 2.0]);
        // Where asked to, 0 wins against an infinite state or coefficient.
        linear_scan(&[1.0, 0.0, f32::INFINITY, 2.0], &[f32::INFINITY, 0.0, 1.0, 1.0], 1, 4, 1, false, true, &mut out);
        assert_eq!(out, [f32::INFINITY, 0.0, 1.0, 3.0]);
    }
}
