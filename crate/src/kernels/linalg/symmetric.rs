//! Eigenvalues and eigenvectors of a symmetric matrix: reflections to tridiagonal form, then the implicit QL iteration (Golub and Van Loan,
//! Matrix Computations, 8.3; Dubrulle, Martin and Wilkinson, 1968).

use super::orthogonal::{reflect, reflection};
use super::{ascending, dot, scale, subtract};

/// Steps for one eigenvalue: three are common.
const STEPS: usize = 60;

/// Of the symmetric `a` [n, n], which is lost: `values` ascending, and `vectors` [n, n] with an eigenvector in each *row*, not yet in order; the order is
/// in `order`. `work` has room for 3 n.
#[inline(never)]
pub fn decompose(n: usize, a: &mut [f64], values: &mut [f64], vectors: &mut [f64], order: &mut [i32], work: &mut [f64]) {
    let Some(size) = scale(a) else {
        values.fill(f64::NAN);
        vectors.fill(f64::NAN);
        return ascending(values, order);
    };
    let (beside, work) = work.split_at_mut(n);
    tridiagonal(n, a, values, beside, vectors, work);
    implicit_ql(n, values, beside, vectors);
    values.iter_mut().for_each(|v| *v *= size);
    ascending(values, order);
}

/// A = Q T Qᵀ: the diagonal of T, what stands beside it, and `q` = Qᵀ.
fn tridiagonal(n: usize, a: &mut [f64], diagonal: &mut [f64], beside: &mut [f64], q: &mut [f64], work: &mut [f64]) {
    let (factors, w) = work.split_at_mut(n);
    beside.fill(0.0);
    for k in 0..n.saturating_sub(1) {
        // The column below the diagonal lies in row k too; the reflection's vector takes its place there.
        let (above, below) = a.split_at_mut((k + 1) * n);
        let v = &mut above[k * n + k + 1..];
        let (value, factor) = reflection(v);
        (beside[k], factors[k]) = (value, factor);
        if factor == 0.0 {
            continue;
        }
        // B := H B H = B - v wᵀ - w vᵀ,  w = p - (factor/2 pᵀv) v,  p = factor B v.
        let w = &mut w[..v.len()];
        for (w, row) in w.iter_mut().zip(below.chunks_exact(n)) {
            *w = factor * dot(&row[k + 1..], v);
        }
        let along = 0.5 * factor * dot(w, v);
        subtract(w, along, v);
        for (i, row) in below.chunks_exact_mut(n).enumerate() {
            subtract(&mut row[k + 1..], v[i], w);
            subtract(&mut row[k + 1..], w[i], v);
        }
    }
    for i in 0..n {
        diagonal[i] = a[i * n + i];
    }
    // Qᵀ = H_last ... H_0, multiplied from the right; rows and columns up to k are still those of the identity.
    q.fill(0.0);
    (0..n).for_each(|i| q[i * n + i] = 1.0);
    for k in (0..n.saturating_sub(1)).rev() {
        let v = &a[k * n + k + 1..(k + 1) * n];
        for row in q[(k + 1) * n..].chunks_exact_mut(n) {
            reflect(&mut row[k + 1..], v, factors[k]);
        }
    }
}

/// Rotations that make T diagonal, applied to the rows of `q` too.
fn implicit_ql(n: usize, d: &mut [f64], e: &mut [f64], q: &mut [f64]) {
    for l in 0..n {
        for _ in 0..STEPS {
            // The block from l on ends where what stands beside the diagonal no longer counts.
            let end = (l..n - 1).find(|&m| e[m].abs() <= f64::EPSILON * (d[m].abs() + d[m + 1].abs())).unwrap_or(n - 1);
            if end == l {
                break;
            }
            // Wilkinson's shift.
            let g = (d[l + 1] - d[l]) / (2.0 * e[l]);
            let mut g = d[end] - d[l] + e[l] / (g + libm::hypot(g, 1.0).copysign(g));
            let (mut sine, mut cosine, mut shift) = (1.0, 1.0, 0.0);
            let mut vanished = false;
            for i in (l..end).rev() {
                let (f, b) = (sine * e[i], cosine * e[i]);
                let r = libm::hypot(f, g);
                e[i + 1] = r;
                if r == 0.0 {
                    d[i + 1] -= shift;
                    e[end] = 0.0;
                    vanished = true;
                    break;
                }
                (sine, cosine) = (f / r, g / r);
                g = d[i + 1] - shift;
                let r = (d[i] - g) * sine + 2.0 * cosine * b;
                shift = sine * r;
                d[i + 1] = g + shift;
                g = cosine * r - b;
                let (upper, lower) = q.split_at_mut((i + 1) * n);
                rotate(&mut upper[i * n..], &mut lower[..n], cosine, sine);
            }
            if !vanished {
                d[l] -= shift;
                e[l] = g;
                e[end] = 0.0;
            }
        }
    }
}

/// x := c x - s y, y := s x + c y
#[inline(never)]
pub(super) fn rotate(x: &mut [f64], y: &mut [f64], cosine: f64, sine: f64) {
    for (x, y) in x.iter_mut().zip(y) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, identity, numbers, product, transposed};
    use super::*;

    fn check(n: usize, a: &[f64]) {
        let (mut values, mut vectors, mut order) = (vec![0.0; n], vec![0.0; n * n], vec![0; n]);
        decompose(n, &mut a.to_vec(), &mut values, &mut vectors, &mut order, &mut vec![0.0; 3 * n]);
        close(&product([n, n, n], &vectors, &transposed(n, n, &vectors)), &identity(n), 1e-13 * n as f64);
        let scaled: Vec<f64> = vectors.iter().enumerate().map(|(at, v)| v * values[at / n]).collect();
        close(&product([n, n, n], &transposed(n, n, &vectors), &scaled), a, 1e-13 * n as f64);
        assert!(order.windows(2).all(|pair| values[pair[0] as usize] <= values[pair[1] as usize]));
    }

    #[test]
    fn vectors_and_values_give_the_matrix_back() {
        for n in [1, 2, 3, 10, 60] {
            let g = numbers(n * n, n as u64);
            let a: Vec<f64> = (0..n * n).map(|at| g[at] + g[at % n * n + at / n]).collect();
            check(n, &a);
            check(n, &identity(n));
            check(n, &vec![0.0; n * n]);
            check(n, &vec![1.0; n * n]);
        }
    }
}
