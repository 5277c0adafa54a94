//! Singular values by Jacobi's one-sided rotations (Hestenes, 1958; Demmel and Veselić, 1992): small ones have relative accuracy too. A tall matrix is
//! brought to a square one by reflections first.

use super::symmetric::rotate;
use super::{ascending, dot, orthogonal, scale};

/// Rounds over all pairs of columns: ten are many.
const ROUNDS: usize = 60;

/// Scratch in float64 that `decompose` wants.
pub fn scratch(m: usize, n: usize) -> usize {
    2 * m * n + 3 * n * n + n
}

/// Of `a` [m, n] with m >= n, which is lost: u [m, n] and v [n, n] with orthonormal columns, `values` descending, A = U S Vᵀ. `v` is given transposed.
#[inline(never)]
pub fn decompose(
    m: usize,
    n: usize,
    a: &mut [f64],
    u: &mut [f64],
    values: &mut [f64],
    vt: &mut [f64],
    work: &mut [f64],
    order: &mut [i32],
) {
    let Some(size) = scale(a) else {
        u.fill(f64::NAN);
        values.fill(f64::NAN);
        vt.fill(f64::NAN);
        return;
    };
    let (q, work) = work.split_at_mut(m * n);
    let (columns, work) = work.split_at_mut(m * n);
    let (r, work) = work.split_at_mut(n * n);
    let (w, work) = work.split_at_mut(n * n);
    let (v, factors) = work.split_at_mut(n * n);
    orthogonal::factor(m, n, a, q, r, columns, factors);
    // Row j of w is column j of R, row j of v that of the identity; both are rotated until the rows of w are orthogonal.
    for j in 0..n {
        for i in 0..n {
            w[j * n + i] = r[i * n + j];
            v[j * n + i] = if i == j { 1.0 } else { 0.0 };
        }
    }
    for _ in 0..ROUNDS {
        let mut turned = false;
        for i in 0..n {
            for j in i + 1..n {
                turned |= make_orthogonal(n, w, v, i, j);
            }
        }
        if !turned {
            break;
        }
    }
    let factors = &mut factors[..n];
    for (j, factor) in factors.iter_mut().enumerate() {
        *factor = dot(&w[j * n..(j + 1) * n], &w[j * n..(j + 1) * n]).sqrt();
    }
    ascending(factors, order);
    order.reverse();
    // R's left vectors, in order, in the rows of r.
    for (place, &j) in order.iter().enumerate() {
        let (j, value) = (j as usize, factors[j as usize]);
        values[place] = value * size;
        vt[place * n..(place + 1) * n].copy_from_slice(&v[j * n..(j + 1) * n]);
        let (before, rest) = r.split_at_mut(place * n);
        if value > 0.0 {
            rest[..n].iter_mut().zip(&w[j * n..]).for_each(|(r, w)| *r = w / value);
        } else {
            complete(n, before, &mut rest[..n]);
        }
    }
    for i in 0..m {
        for j in 0..n {
            u[i * n + j] = dot(&q[i * n..(i + 1) * n], &r[j * n..(j + 1) * n]);
        }
    }
}

/// Rotates two rows, unless they are orthogonal already.
fn make_orthogonal(n: usize, w: &mut [f64], v: &mut [f64], i: usize, j: usize) -> bool {
    let (upper, lower) = w.split_at_mut(j * n);
    let (x, y) = (&mut upper[i * n..(i + 1) * n], &mut lower[..n]);
    let (xx, yy, xy) = (dot(x, x), dot(y, y), dot(x, y));
    // Also where both sides are 0.
    if xy.abs() <= f64::EPSILON * (xx.sqrt() * yy.sqrt()) {
        return false;
    }
    let ratio = (yy - xx) / (2.0 * xy);
    let tangent = 1.0f64.copysign(ratio) / (ratio.abs() + libm::hypot(1.0, ratio));
    let cosine = 1.0 / libm::hypot(1.0, tangent);
    rotate(x, y, cosine, cosine * tangent);
    let (upper, lower) = v.split_at_mut(j * n);
    rotate(&mut upper[i * n..(i + 1) * n], &mut lower[..n], cosine, cosine * tangent);
    true
}

/// A unit vector orthogonal to the orthonormal rows before it: the most independent of the axes, made orthogonal twice.
fn complete(n: usize, before: &[f64], x: &mut [f64]) {
    let covered = |i: usize| before.chunks_exact(n).map(|row| row[i] * row[i]).sum::<f64>();
    let axis = (0..n).min_by(|&i, &j| covered(i).total_cmp(&covered(j))).unwrap_or(0);
    x.fill(0.0);
    x[axis] = 1.0;
    for _ in 0..2 {
        for row in before.chunks_exact(n) {
            let along = dot(row, x);
            super::subtract(x, along, row);
        }
        let norm = dot(x, x).sqrt();
        x.iter_mut().for_each(|v| *v /= norm);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, identity, numbers, product, transposed};
    use super::*;

    #[test]
    fn factors_give_the_matrix_back() {
        for (m, n) in [(1, 1), (3, 3), (9, 4), (40, 40)] {
            let full = numbers(m * n, m as u64);
            let rank_one: Vec<f64> = (0..m * n).map(|at| full[at / n * n] * full[at % n]).collect();
            for a in [full, rank_one, vec![0.0; m * n]] {
                let (mut u, mut s, mut vt) = (vec![0.0; m * n], vec![0.0; n], vec![0.0; n * n]);
                decompose(m, n, &mut a.clone(), &mut u, &mut s, &mut vt, &mut vec![0.0; scratch(m, n)], &mut vec![0; n]);
                let scaled: Vec<f64> = u.iter().enumerate().map(|(at, u)| u * s[at % n]).collect();
                close(&product([m, n, n], &scaled, &vt), &a, 1e-13 * m as f64);
                close(&product([n, m, n], &transposed(m, n, &u), &u), &identity(n), 1e-12 * m as f64);
                close(&product([n, n, n], &vt, &transposed(n, n, &vt)), &identity(n), 1e-12 * m as f64);
                assert!(s.windows(2).all(|pair| pair[0] >= pair[1]) && s.iter().all(|&s| s >= 0.0));
            }
        }
    }
}
