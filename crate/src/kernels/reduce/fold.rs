//! Reductions whose order does not matter (max, min, any, all), products, and the positions of extrema.

use super::{row_group, TILE};
use crate::kernels::number::Number;

const LANES: usize = 16;

/// The largest element; NaN if there is one. The lowest number of the type where r = 0.
pub fn max<T: Number>(x: &[T], outer: usize, r: usize, inner: usize, out: &mut [T]) {
    fold(x, outer, r, inner, T::LOWEST, T::larger, out);
}

/// The smallest element; NaN if there is one. The highest number of the type where r = 0.
pub fn min<T: Number>(x: &[T], outer: usize, r: usize, inner: usize, out: &mut [T]) {
    fold(x, outer, r, inner, T::HIGHEST, T::smaller, out);
}

/// 1 where an element is not 0.
pub fn any(x: &[u8], outer: usize, r: usize, inner: usize, out: &mut [u8]) {
    fold(x, outer, r, inner, 0, |a, b| a | (b != 0) as u8, out);
}

/// 1 where no element is 0.
pub fn all(x: &[u8], outer: usize, r: usize, inner: usize, out: &mut [u8]) {
    fold(x, outer, r, inner, 1, |a, b| a & (b != 0) as u8, out);
}

/// Whether `candidate` replaces `best` as the maximum: larger, or the first NaN.
#[inline(always)]
#[allow(clippy::neg_cmp_op_on_partial_ord, clippy::eq_op)] // the negation is what lets NaN through
fn exceeds<T: Number>(candidate: T, best: T) -> bool {
    !(candidate <= best) & (best == best)
}

#[inline(always)]
#[allow(clippy::neg_cmp_op_on_partial_ord, clippy::eq_op)]
fn falls_below<T: Number>(candidate: T, best: T) -> bool {
    !(candidate >= best) & (best == best)
}

/// Joins along r by an operation whose order does not matter, starting from its neutral element.
#[inline(always)]
fn fold<T: Copy>(x: &[T], outer: usize, r: usize, inner: usize, neutral: T, op: impl Fn(T, T) -> T + Copy, out: &mut [T]) {
    debug_assert!(x.len() == outer * r * inner && out.len() == outer * inner);
    if r == 0 {
        out.fill(neutral);
    } else if inner == 1 {
        for (row, out) in x.chunks_exact(r).zip(out) {
            *out = fold_row(row, neutral, op);
        }
    } else if inner > 0 {
        for (rows, out) in x.chunks_exact(r * inner).zip(out.chunks_exact_mut(inner)) {
            fold_columns(rows, r, inner, neutral, op, out);
        }
    }
}

#[inline(always)]
fn fold_row<T: Copy>(x: &[T], neutral: T, op: impl Fn(T, T) -> T + Copy) -> T {
    if x.len() < LANES {
        fold_lanes::<T, 4>(x, neutral, op)
    } else {
        fold_lanes::<T, LANES>(x, neutral, op)
    }
}

#[inline(always)]
fn fold_lanes<T: Copy, const LANES: usize>(x: &[T], neutral: T, op: impl Fn(T, T) -> T + Copy) -> T {
    let mut lanes = [neutral; LANES];
    let chunks = x.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for l in 0..LANES {
            lanes[l] = op(lanes[l], chunk[l]);
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane = op(*lane, value);
    }
    lanes.iter().fold(neutral, |a, &b| op(a, b))
}

#[inline(always)]
fn fold_columns<T: Copy>(x: &[T], r: usize, inner: usize, neutral: T, op: impl Fn(T, T) -> T + Copy, out: &mut [T]) {
    let group = row_group(r, inner);
    if group > 1 {
        let width = group * inner;
        let mut wide = [neutral; TILE];
        let wide = &mut wide[..width];
        for row in x.chunks(width) {
            join_row(wide, row, op);
        }
        out.fill(neutral);
        for part in wide.chunks_exact(inner) {
            join_row(out, part, op);
        }
        return;
    }
    out.copy_from_slice(&x[..inner]);
    for row in x[inner..].chunks_exact(inner) {
        join_row(out, row, op);
    }
}

#[inline(always)]
fn join_row<T: Copy>(into: &mut [T], row: &[T], op: impl Fn(T, T) -> T) {
    for (into, &value) in into.iter_mut().zip(row) {
        *into = op(*into, value);
    }
}

/// The product; 1 where r = 0. Neighbours are multiplied first, four stretches of a row at a time: a reordering by
/// lanes could overflow where the product as written does not.
pub fn prod<T: Number>(x: &[T], outer: usize, r: usize, inner: usize, out: &mut [T]) {
    debug_assert!(x.len() == outer * r * inner && out.len() == outer * inner);
    out.fill(T::ONE);
    if r == 0 || inner == 0 {
        return;
    }
    if inner > 1 {
        for (rows, out) in x.chunks_exact(r * inner).zip(out.chunks_exact_mut(inner)) {
            for row in rows.chunks_exact(inner) {
                join_row(out, row, T::times);
            }
        }
        return;
    }
    for (row, out) in x.chunks_exact(r).zip(out) {
        let quarter = r / 4;
        let (ab, cd) = row.split_at(2 * quarter);
        let ((a, b), (c, d)) = (ab.split_at(quarter), cd.split_at(quarter));
        let mut parts = [T::ONE; 4];
        for i in 0..quarter {
            parts = [parts[0].times(a[i]), parts[1].times(b[i]), parts[2].times(c[i]), parts[3].times(d[i])];
        }
        let rest = d[quarter..].iter().fold(parts[3], |p, &v| p.times(v));
        *out = parts[0].times(parts[1]).times(parts[2].times(rest));
    }
}

/// The position of the first maximum, or of the first NaN; 0 where r = 0.
pub fn argmax<T: Number>(x: &[T], outer: usize, r: usize, inner: usize, out: &mut [i32]) {
    position(x, outer, r, inner, T::LOWEST, exceeds, T::larger, out);
}

/// The position of the first minimum, or of the first NaN; 0 where r = 0.
pub fn argmin<T: Number>(x: &[T], outer: usize, r: usize, inner: usize, out: &mut [i32]) {
    position(x, outer, r, inner, T::HIGHEST, falls_below, T::smaller, out);
}

#[inline(always)]
fn position<T: Number>(
    x: &[T],
    outer: usize,
    r: usize,
    inner: usize,
    neutral: T,
    wins: impl Fn(T, T) -> bool + Copy,
    winner: impl Fn(T, T) -> T + Copy,
    out: &mut [i32],
) {
    debug_assert!(x.len() == outer * r * inner && out.len() == outer * inner);
    out.fill(0);
    if r == 0 || inner == 0 {
        return;
    }
    if inner == 1 {
        for (row, out) in x.chunks_exact(r).zip(out) {
            if r < LANES {
                let (mut best, mut at) = (row[0], 0);
                for (k, &value) in row.iter().enumerate() {
                    (best, at) = (winner(best, value), if wins(value, best) { k as i32 } else { at });
                }
                *out = at;
            } else {
                let best = fold_row(row, neutral, winner);
                *out = first_equal(row, best) as i32;
            }
        }
        return;
    }
    for (rows, out) in x.chunks_exact(r * inner).zip(out.chunks_exact_mut(inner)) {
        for (tile, out) in out.chunks_mut(TILE).enumerate() {
            let mut best = [neutral; TILE];
            let best = &mut best[..out.len()];
            let start = tile * TILE;
            best.copy_from_slice(&rows[start..][..out.len()]);
            for (k, row) in rows.chunks_exact(inner).enumerate().skip(1) {
                let row = &row[start..][..out.len()];
                for ((out, best), &value) in out.iter_mut().zip(best.iter_mut()).zip(row) {
                    let better = wins(value, *best);
                    *best = winner(*best, value);
                    *out = if better { k as i32 } else { *out };
                }
            }
        }
    }
}

/// The position of the first element equal to `value`, where NaN equals NaN.
#[inline(always)]
#[allow(clippy::eq_op)]
fn first_equal<T: Number>(x: &[T], value: T) -> usize {
    const CHUNK: usize = 64;
    let equal = |v: T| (v == value) | ((v != v) & (value != value));
    for (at, chunk) in x.chunks(CHUNK).enumerate() {
        // Whole chunks first: without an early exit the comparison runs in vectors.
        if chunk.iter().fold(false, |found, &v| found | equal(v)) {
            return at * CHUNK + chunk.iter().position(|&v| equal(v)).unwrap_or(0);
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [usize; 9] = [0, 1, 2, 5, 16, 17, 65, 130, 300];

    /// Runs `check(outer, r, inner)` over shapes with tails of every kind.
    fn shapes(mut check: impl FnMut(usize, usize, usize)) {
        for r in SHAPES {
            for inner in SHAPES {
                for outer in [0, 1, 2] {
                    check(outer, r, inner);
                }
            }
        }
    }

    fn columns<T: Copy>(x: &[T], outer: usize, r: usize, inner: usize) -> Vec<Vec<T>> {
        let mut all = Vec::new();
        for o in 0..outer {
            for i in 0..inner {
                all.push((0..r).map(|k| x[(o * r + k) * inner + i]).collect());
            }
        }
        all
    }

    /// Values from a few, so that ties are many; every `nan`-th is NaN (0: none).
    fn values(count: usize, nan: usize) -> Vec<f32> {
        (0..count).map(|i| if nan > 0 && i % nan == nan - 1 { f32::NAN } else { ((i * 7919) % 23) as f32 - 11.0 }).collect()
    }

    fn naive_position(column: &[f32], beats: impl Fn(f32, f32) -> bool) -> i32 {
        let mut best = 0;
        for (k, &v) in column.iter().enumerate() {
            if v.is_nan() {
                return k as i32;
            }
            if beats(v, column[best]) {
                best = k;
            }
        }
        best as i32
    }

    fn same(a: f32, b: f32) -> bool {
        a == b || (a.is_nan() && b.is_nan())
    }

    #[test]
    fn extrema_and_positions_match_naive_loops() {
        for nan in [0, 3, 97] {
            shapes(|outer, r, inner| {
                let x = values(outer * r * inner, nan);
                let (mut high, mut low) = (vec![5f32; outer * inner], vec![5f32; outer * inner]);
                let (mut at_high, mut at_low) = (vec![5i32; outer * inner], vec![5i32; outer * inner]);
                max(&x, outer, r, inner, &mut high);
                min(&x, outer, r, inner, &mut low);
                argmax(&x, outer, r, inner, &mut at_high);
                argmin(&x, outer, r, inner, &mut at_low);
                for (c, column) in columns(&x, outer, r, inner).iter().enumerate() {
                    let has_nan = column.iter().any(|v| v.is_nan());
                    let expect =
                        |start: f32, op: fn(f32, f32) -> f32| if has_nan { f32::NAN } else { column.iter().fold(start, |a, &b| op(a, b)) };
                    assert!(same(high[c], expect(f32::NEG_INFINITY, f32::max)), "{outer} {r} {inner}");
                    assert!(same(low[c], expect(f32::INFINITY, f32::min)));
                    assert_eq!(at_high[c], naive_position(column, |a, b| a > b));
                    assert_eq!(at_low[c], naive_position(column, |a, b| a < b));
                }
            });
        }
    }

    #[test]
    fn infinities_are_ordinary_extrema() {
        let x = [f64::NEG_INFINITY, f64::NEG_INFINITY, f64::INFINITY, 0.0];
        let (mut value, mut at) = ([0f64; 2], [9i32; 2]);
        max(&x, 2, 2, 1, &mut value);
        argmax(&x, 2, 2, 1, &mut at);
        assert_eq!((value, at), ([f64::NEG_INFINITY, f64::INFINITY], [0, 0]));
        min(&x, 2, 2, 1, &mut value);
        argmin(&x, 2, 2, 1, &mut at);
        assert_eq!((value, at), ([f64::NEG_INFINITY, 0.0], [0, 1]));
    }

    #[test]
    fn integers_and_bools_have_extrema_too() {
        shapes(|outer, r, inner| {
            let x: Vec<i32> = (0..outer * r * inner).map(|i| (i as i32).wrapping_mul(0x3504_f335)).collect();
            let bytes: Vec<u8> = x.iter().map(|&v| (v > 1 << 30) as u8).collect();
            let (mut high, mut at) = (vec![0; outer * inner], vec![0; outer * inner]);
            max(&x, outer, r, inner, &mut high);
            argmin(&x, outer, r, inner, &mut at);
            let (mut some, mut every, mut byte) = (vec![7; outer * inner], vec![7; outer * inner], vec![7; outer * inner]);
            any(&bytes, outer, r, inner, &mut some);
            all(&bytes, outer, r, inner, &mut every);
            max(&bytes, outer, r, inner, &mut byte);
            for (c, column) in columns(&x, outer, r, inner).iter().enumerate() {
                assert_eq!(high[c], column.iter().copied().max().unwrap_or(i32::MIN));
                let lowest = column.iter().copied().min().unwrap_or(0);
                assert_eq!(at[c], column.iter().position(|&v| v == lowest).unwrap_or(0) as i32);
            }
            for (c, column) in columns(&bytes, outer, r, inner).iter().enumerate() {
                assert_eq!(some[c], column.contains(&1) as u8);
                assert_eq!(every[c], !column.contains(&0) as u8);
                assert_eq!(byte[c], column.contains(&1) as u8);
            }
        });
    }

    #[test]
    fn products_match_naive_loops() {
        shapes(|outer, r, inner| {
            let x: Vec<f64> = (0..outer * r * inner).map(|i| 1.0 + ((i * 31) % 17) as f64 / 100.0 - 0.08).collect();
            let integers: Vec<i32> = (0..x.len()).map(|i| (i as i32 % 11) * 2 + 1).collect();
            let mut out = vec![0f64; outer * inner];
            let mut wrapped = vec![0i32; outer * inner];
            prod(&x, outer, r, inner, &mut out);
            prod(&integers, outer, r, inner, &mut wrapped);
            for (c, column) in columns(&x, outer, r, inner).iter().enumerate() {
                let expected: f64 = column.iter().product();
                assert!((out[c] / expected - 1.0).abs() < 1e-13, "{outer} {r} {inner}");
            }
            for (c, column) in columns(&integers, outer, r, inner).iter().enumerate() {
                assert_eq!(wrapped[c], column.iter().fold(1i32, |a, &b| a.wrapping_mul(b)));
            }
        });
        // Large and small factors in turn: the product is 1, and no order of evaluation may overflow.
        let turns: Vec<f32> = (0..64).map(|i| if i % 2 == 0 { 1e30 } else { 1e-30 }).collect();
        let mut out = [0f32];
        prod(&turns, 1, 64, 1, &mut out);
        assert!((out[0] - 1.0).abs() < 1e-4);
        prod(&[2.0, f32::NAN, 0.0, 1.0, 1.0], 1, 5, 1, &mut out);
        assert!(out[0].is_nan());
    }
}
