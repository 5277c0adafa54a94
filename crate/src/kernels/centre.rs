//! The two linear maps that softmax differentiates to, of [outer, r, inner] along r, for weights p that sum to 1:
//!   centred:  v_k - Σ_j p_j v_j;       its transpose, spread:  c_k - p_k Σ_j c_j.
//! Where one weight is nearly 1 both would cancel to nothing. So values are taken relative to the value at the largest
//! weight, which changes no difference, and the element of a weight above 1/2 is minus the sum of the others. A weight or
//! value of 0 wins against an infinity, as everywhere in derivatives.

use super::number::{Float, Number};
use super::reduce;

/// Columns that are worked on together.
const TILE: usize = 64;

#[inline(always)]
fn strong<T: Float>(a: T, b: T) -> T {
    if a == T::ZERO || b == T::ZERO {
        T::ZERO
    } else {
        a * b
    }
}

/// What `centred` and `spread` know of each column before they write.
struct Tile<T: Float> {
    highest: [T; TILE],
    /// Where the largest weight is.
    peak: [usize; TILE],
    sums: [T::Wide; TILE],
}

impl<T: Float> Tile<T> {
    fn new() -> Self {
        Tile { highest: [T::ZERO; TILE], peak: [0; TILE], sums: [T::Wide::ZERO; TILE] }
    }

    fn find_peaks(&mut self, p: &[T], inner: usize, start: usize, width: usize) {
        self.highest[..width].copy_from_slice(&p[start..start + width]);
        self.peak[..width].fill(0);
        for (k, row) in p.chunks_exact(inner).enumerate().skip(1) {
            for (c, &weight) in row[start..start + width].iter().enumerate() {
                if weight > self.highest[c] {
                    (self.highest[c], self.peak[c]) = (weight, k);
                }
            }
        }
        self.sums[..width].fill(T::Wide::ZERO);
    }
}

/// Calls `f(tile, p, x, out, start, width)` for every group of neighbouring columns of every [r, inner].
fn tiles<T: Float>(p: &[T], x: &[T], r: usize, inner: usize, out: &mut [T], f: impl Fn(&mut Tile<T>, &[T], &[T], &mut [T], usize, usize)) {
    debug_assert!(p.len() == x.len() && out.len() == x.len());
    if x.is_empty() {
        return;
    }
    let mut tile = Tile::new();
    for ((p, x), out) in p.chunks_exact(r * inner).zip(x.chunks_exact(r * inner)).zip(out.chunks_exact_mut(r * inner)) {
        for start in (0..inner).step_by(TILE) {
            let width = TILE.min(inner - start);
            tile.find_peaks(p, inner, start, width);
            f(&mut tile, p, x, out, start, width);
        }
    }
}

/// The largest weight of a row and its place.
fn peak_of<T: Float>(p: &[T]) -> (T, usize) {
    let mut highest = [T::ZERO];
    reduce::max(p, 1, p.len(), 1, &mut highest);
    (highest[0], p.iter().position(|&weight| weight == highest[0]).unwrap_or(0))
}

/// Calls `f(p, x, out)` for every row, which has an element at least.
fn rows<T: Float>(p: &[T], x: &[T], r: usize, out: &mut [T], f: impl Fn(&[T], &[T], &mut [T])) {
    if r > 0 {
        for ((p, x), out) in p.chunks_exact(r).zip(x.chunks_exact(r)).zip(out.chunks_exact_mut(r)) {
            f(p, x, out);
        }
    }
}

/// Σ a_j b_j in several sums, so that one addition need not wait for the one before.
fn strong_sum<T: Float>(a: &[T], b: &[T]) -> T {
    const LANES: usize = 8;
    let mut sums = [T::Wide::ZERO; LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        for (sum, (&a, &b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum = sum.plus(strong(a, b).widen());
        }
    }
    T::narrow(sums.into_iter().fold(T::Wide::ZERO, |total, sum| total.plus(sum)))
}

/// v_k - Σ_j p_j v_j
pub fn centred<T: Float>(p: &[T], v: &[T], r: usize, inner: usize, out: &mut [T]) {
    if inner == 1 {
        return rows(p, v, r, out, |p, v, out| {
            let reference = v[peak_of(p).1];
            out.iter_mut().zip(v).for_each(|(out, &v)| *out = v - reference);
            let mean = strong_sum(p, out);
            out.iter_mut().for_each(|out| *out = *out - mean);
            if overflowed(mean) {
                around_poles(p, v, out, 1, 0, false);
            }
        });
    }
    tiles(p, v, r, inner, out, |tile, p, v, out, start, width| {
        let mut reference = [T::ZERO; TILE];
        for c in 0..width {
            reference[c] = v[tile.peak[c] * inner + start + c];
        }
        for ((p, v), out) in p.chunks_exact(inner).zip(v.chunks_exact(inner)).zip(out.chunks_exact_mut(inner)) {
            let (p, v, out) = (&p[start..start + width], &v[start..start + width], &mut out[start..start + width]);
            for c in 0..width {
                out[c] = v[c] - reference[c];
                tile.sums[c] = tile.sums[c].plus(strong(p[c], out[c]).widen());
            }
        }
        for out in out.chunks_exact_mut(inner) {
            for c in 0..width {
                out[start + c] = out[start + c] - T::narrow(tile.sums[c]);
            }
        }
        for c in (0..width).filter(|&c| overflowed(tile.sums[c])) {
            around_poles(p, v, out, inner, start + c, false);
        }
    });
}

/// c_k - p_k Σ_j c_j
pub fn spread<T: Float>(p: &[T], x: &[T], r: usize, inner: usize, out: &mut [T]) {
    if inner == 1 {
        return rows(p, x, r, out, |p, x, out| {
            let sum = reduce::total_of(x);
            out.iter_mut().zip(p.iter().zip(x)).for_each(|(out, (&p, &x))| *out = x - strong(p, sum));
            let (highest, peak) = peak_of(p);
            if highest > T::from_f64(0.5) {
                out[peak] = T::ZERO;
                out[peak] = -reduce::total_of(out);
            }
            if overflowed(sum) {
                around_poles(p, x, out, 1, 0, true);
            }
        });
    }
    tiles(p, x, r, inner, out, |tile, p, x, out, start, width| {
        for x in x.chunks_exact(inner) {
            for c in 0..width {
                tile.sums[c] = tile.sums[c].plus(x[start + c].widen());
            }
        }
        let mut others = [T::Wide::ZERO; TILE];
        for (k, ((p, x), out)) in p.chunks_exact(inner).zip(x.chunks_exact(inner)).zip(out.chunks_exact_mut(inner)).enumerate() {
            let (p, x, out) = (&p[start..start + width], &x[start..start + width], &mut out[start..start + width]);
            for c in 0..width {
                out[c] = x[c] - strong(p[c], T::narrow(tile.sums[c]));
                if k != tile.peak[c] {
                    others[c] = others[c].plus(out[c].widen());
                }
            }
        }
        for c in 0..width {
            if tile.highest[c] > T::from_f64(0.5) {
                out[tile.peak[c] * inner + start + c] = -T::narrow(others[c]);
            }
            if overflowed(tile.sums[c]) {
                around_poles(p, x, out, inner, start + c, true);
            }
        }
    });
}

/// Whether a sum is infinite or NaN.
fn overflowed<W: Number>(sum: W) -> bool {
    sum.minus(sum) != W::ZERO
}

/// A column with infinite values, which must not meet themselves: (1 - p_k) v_k - Σ_(j≠k) p_j v_j, or transposed
/// (1 - p_k) c_k - p_k Σ_(j≠k) c_j. The column's first element stands at `at`. What holds a NaN is left as it is.
fn around_poles<T: Float>(p: &[T], v: &[T], out: &mut [T], inner: usize, at: usize, transposed: bool) {
    let term = |j: usize| if transposed { v[j] } else { strong(p[j], v[j]) };
    let (mut finite, mut positive, mut negative) = (T::Wide::ZERO, 0, 0);
    for j in (at..v.len()).step_by(inner) {
        let term = term(j);
        match (term > T::ZERO, overflowed(term)) {
            (_, false) => finite = finite.plus(term.widen()),
            (true, true) => positive += 1,
            (false, true) if term < T::ZERO => negative += 1,
            _ => return,
        }
    }
    for k in (at..v.len()).step_by(inner) {
        let own = term(k);
        let infinite = overflowed(own);
        let mut others = if infinite { T::narrow(finite) } else { T::narrow(finite.minus(own.widen())) };
        if positive > (infinite && own > T::ZERO) as usize {
            others = others + T::HIGHEST;
        }
        if negative > (infinite && own < T::ZERO) as usize {
            others = others + T::LOWEST;
        }
        out[k] = strong(T::ONE - p[k], v[k]) - if transposed { strong(p[k], others) } else { others };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weights that sum to 1 and values, for the columns of [outer, r, inner].
    fn example(outer: usize, r: usize, inner: usize) -> (Vec<f64>, Vec<f64>) {
        let n = outer * r * inner;
        let mut p: Vec<f64> = (0..n).map(|i| ((i * 7919) % 101 + 1) as f64).collect();
        for o in 0..outer {
            for c in 0..inner {
                let place = |k: usize| (o * r + k) * inner + c;
                let sum: f64 = (0..r).map(|k| p[place(k)]).sum();
                (0..r).for_each(|k| p[place(k)] /= sum);
            }
        }
        (p, (0..n).map(|i| ((i * 104_729) % 997) as f64 / 97.0 - 5.0).collect())
    }

    #[test]
    fn every_shape_against_the_formula() {
        for (outer, r, inner) in [(1, 1, 1), (3, 2, 1), (2, 5, 3), (1, 40, 1), (2, 3, 130), (0, 3, 2), (2, 0, 2), (2, 3, 0)] {
            let (p, v) = example(outer, r, inner);
            let (mut first, mut second) = (vec![9.0; v.len()], vec![9.0; v.len()]);
            centred(&p, &v, r, inner, &mut first);
            spread(&p, &v, r, inner, &mut second);
            for i in 0..v.len() {
                let column: Vec<usize> = (0..r).map(|k| (i / (r * inner) * r + k) * inner + i % inner).collect();
                let mean: f64 = column.iter().map(|&j| p[j] * v[j]).sum();
                let sum: f64 = column.iter().map(|&j| v[j]).sum();
                assert!((first[i] - (v[i] - mean)).abs() < 1e-13, "{outer} {r} {inner}");
                assert!((second[i] - (v[i] - p[i] * sum)).abs() < 1e-12, "{outer} {r} {inner}");
            }
        }
    }

    #[test]
    fn saturated_weights_keep_their_digits() {
        let small = f64::EPSILON * f64::EPSILON;
        let p = [1.0, small, 2.0 * small];
        let mut out = [0.0; 3];
        centred(&p, &[1.0, 0.0, 0.0], 3, 1, &mut out);
        assert_eq!(out, [3.0 * small, -1.0, -1.0]);
        spread(&p, &[1.0, 0.0, 0.0], 3, 1, &mut out);
        assert_eq!(out, [3.0 * small, -small, -2.0 * small]);
        // Zero wins against an infinity.
        centred(&[1.0, 0.0, 0.0], &[2.0, f64::INFINITY, 3.0], 3, 1, &mut out);
        assert_eq!(out, [0.0, f64::INFINITY, 1.0]);
    }

    #[test]
    fn an_infinity_does_not_meet_itself() {
        const INF: f64 = f64::INFINITY;
        let mut out = [0.0; 3];
        centred(&[0.5, 0.25, 0.25], &[INF, 4.0, 8.0], 3, 1, &mut out);
        assert_eq!(out, [INF, -INF, -INF]);
        centred(&[0.25, 0.25, 0.5], &[1.0, -INF, 8.0], 3, 1, &mut out);
        assert_eq!(out, [INF, -INF, INF]);
        spread(&[0.5, 0.5, 0.0], &[1.0, INF, 3.0], 3, 1, &mut out);
        assert_eq!(out, [-INF, INF, 3.0]);
        // Two of them do, and NaN is not lost.
        centred(&[0.5, 0.25, 0.25], &[INF, INF, 8.0], 3, 1, &mut out);
        assert!(out[0].is_nan() && out[1].is_nan() && out[2] == -INF);
        centred(&[0.5, 0.25, 0.25], &[INF, f64::NAN, 8.0], 3, 1, &mut out);
        assert!(out.iter().all(|v| v.is_nan()));
    }
}
