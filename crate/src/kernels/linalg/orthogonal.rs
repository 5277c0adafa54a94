//! A = Q R by Householder's reflections (Golub and Van Loan, Matrix Computations, 5.2), signs as LAPACK's.

use super::{dot, subtract};
use crate::kernels::number::Number;

/// Of `a` [m, n] with m >= n: q [m, n] with orthonormal columns, r [n, n] upper triangular. `columns` has room for m n, `factors` for n.
#[inline(never)]
pub fn factor(m: usize, n: usize, a: &[f64], q: &mut [f64], r: &mut [f64], columns: &mut [f64], factors: &mut [f64]) {
    // By columns: a reflection reads and changes columns.
    for j in 0..n {
        for i in 0..m {
            columns[j * m + i] = a[i * n + j];
        }
    }
    for k in 0..n {
        let (done, rest) = columns.split_at_mut((k + 1) * m);
        let x = &mut done[k * m + k..];
        let (value, factor) = reflection(x);
        factors[k] = factor;
        for column in rest.chunks_exact_mut(m) {
            reflect(&mut column[k..], x, factor);
        }
        for j in 0..n {
            r[k * n + j] = match j {
                _ if j < k => 0.0,
                _ if j == k => value,
                _ => rest[(j - k - 1) * m + k],
            };
        }
    }
    // Q's columns are those of the identity, reflected from the last reflection to the first.
    for j in (0..n).rev() {
        // Column j of Q takes the reflections up to j; later ones leave it as it is.
        for k in (0..=j).rev() {
            let (vectors, later) = columns.split_at_mut(j * m);
            if k == j {
                let v = &mut later[..m];
                // H e_j = e_j - factor v v_j, with v in this column from row j on.
                let scale = factors[j] * v[j];
                v[..j].fill(0.0);
                v[j..].iter_mut().for_each(|v| *v *= -scale);
                v[j] += 1.0;
            } else {
                reflect(&mut later[k..m], &vectors[k * m + k..(k + 1) * m], factors[k]);
            }
        }
    }
    for j in 0..n {
        for i in 0..m {
            q[i * n + j] = columns[j * m + i];
        }
    }
}

/// Makes of x the vector v, and gives value and factor with (1 - factor v vᵀ) x = value e_0. A factor of 0 is no reflection.
pub(super) fn reflection(x: &mut [f64]) -> (f64, f64) {
    let largest = x.iter().fold(0.0f64, |largest, v| largest.larger(v.abs()));
    let first = x[0];
    if x[1..].iter().all(|&v| v == 0.0) {
        return (first, 0.0);
    }
    let norm = largest * x.iter().map(|v| (v / largest) * (v / largest)).sum::<f64>().sqrt();
    let value = -norm.copysign(first);
    // v = x - value e_0, divided by its first element; factor = 2 / vᵀv.
    let head = first - value;
    x[1..].iter_mut().for_each(|v| *v /= head);
    x[0] = 1.0;
    (value, -head / value)
}

/// x := (1 - factor v vᵀ) x
pub(super) fn reflect(x: &mut [f64], v: &[f64], factor: f64) {
    if factor != 0.0 {
        let along = factor * dot(x, v);
        subtract(x, along, v);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, identity, numbers, product, transposed};
    use super::*;

    #[test]
    fn factors_multiply_to_the_matrix() {
        for (m, n) in [(1, 1), (4, 4), (7, 3), (20, 1), (30, 30)] {
            for zeros in [false, true] {
                let mut a = numbers(m * n, 9 + m as u64);
                if zeros {
                    a.iter_mut().step_by(3).for_each(|v| *v = 0.0);
                    (0..m).for_each(|i| a[i * n] = 0.0);
                }
                let (mut q, mut r) = (vec![0.0; m * n], vec![0.0; n * n]);
                factor(m, n, &a, &mut q, &mut r, &mut vec![0.0; m * n], &mut vec![0.0; n]);
                close(&product([m, n, n], &q, &r), &a, 1e-13 * m as f64);
                close(&product([n, m, n], &transposed(m, n, &q), &q), &identity(n), 1e-13 * m as f64);
            }
        }
    }
}
