//! Derivatives of the determinant that stay what they are where the matrix is singular. From A = U S Vᵀ: det A = det U det V Π s, and with E in the
//! same bases, det(S + E) = Π s + Σ_i e_ii Π_{k≠i} s + Σ_{i<j} (e_ii e_jj - e_ij e_ji) Π_{k≠i,j} s + ...: the sum over all permutations, by how many
//! factors are not of S.

use super::{lu, singular, Failure};
use crate::kernels::number::Number;

/// Scratch that both functions want.
pub fn scratch(n: usize) -> usize {
    singular::scratch(n, n) + 8 * n * n + n
}

/// A⁻¹ and det A of a matrix that is far from singular; None of another one.
pub fn inverse(n: usize, a: &[f64], inverse: &mut [f64], exchanged: &mut [i32], work: &mut [f64]) -> Result<Option<f64>, Failure> {
    const NEAR: f64 = 1e-5;
    let (factors, room) = work.split_at_mut(n * n);
    factors.copy_from_slice(a);
    let factored = lu::factor(n, factors, exchanged, room)?;
    let pivots = || (0..n).map(|i| factors[i * n + i]);
    let (least, most) = pivots().fold((f64::INFINITY, 0.0f64), |(least, most), p| (least.smaller(p.abs()), most.larger(p.abs())));
    if factored.singular.is_some() || least < NEAR * most {
        return Ok(None);
    }
    let det = pivots().product::<f64>() * if factored.odd { -1.0 } else { 1.0 };
    inverse.fill(0.0);
    (0..n).for_each(|i| inverse[i * n + i] = 1.0);
    lu::solve(n, n, factors, exchanged, inverse, room)?;
    Ok(Some(det))
}

/// The determinant of an orthogonal matrix: 1 or -1. The matrix is lost.
fn sign(n: usize, a: &mut [f64], exchanged: &mut [i32], room: &mut [f64]) -> Result<f64, Failure> {
    let odd = lu::factor(n, a, exchanged, room)?.odd;
    Ok((0..n).fold(if odd { -1.0 } else { 1.0 }, |sign, i| sign * a[i * n + i].signum()))
}

/// Π s without those named.
#[inline(never)]
fn others(s: &[f64], named: [usize; 3]) -> f64 {
    s.iter().enumerate().filter(|(k, _)| !named.contains(k)).map(|(_, s)| s).product()
}

/// ∂det/∂A [n, n], or its derivative along a direction, or that along another one.
pub fn cofactors(
    n: usize,
    a: &[f64],
    directions: &[&[f64]],
    out: &mut [f64],
    exchanged: &mut [i32],
    work: &mut [f64],
) -> Result<(), Failure> {
    let (turned, work) = work.split_at_mut(n * n);
    let (x, work) = work.split_at_mut(n * n);
    if let Some(det) = inverse(n, a, x, exchanged, work)? {
        regular(n, det, x, directions, turned, out, work);
        return Ok(());
    }
    let (u, work) = work.split_at_mut(n * n);
    let (vt, work) = work.split_at_mut(n * n);
    let (s, work) = work.split_at_mut(n);
    turned.copy_from_slice(a);
    singular::decompose(n, n, turned, u, s, vt, work, exchanged);
    let (e, rest) = work.split_at_mut(n * n);
    let (f, rest) = rest.split_at_mut(n * n);
    let (inner, rest) = rest.split_at_mut(n * n);
    for (&direction, seen) in directions.iter().zip([&mut *e, &mut *f]) {
        // Uᵀ E V
        transposed(n, u, turned);
        multiply(n, turned, direction, x);
        transposed(n, vt, turned);
        multiply(n, x, turned, seen);
    }
    for (at, inner) in inner.iter_mut().enumerate() {
        let (i, j) = (at / n, at % n);
        *inner = match directions.len() {
            0 if i == j => others(s, [i; 3]),
            0 => 0.0,
            1 if i == j => (0..n).filter(|&p| p != i).map(|p| e[p * n + p] * others(s, [i, p, p])).sum(),
            1 => -e[j * n + i] * others(s, [i, j, j]),
            _ => second(n, s, e, f, i, j),
        };
    }
    // det U det V · U inner Vᵀ
    multiply(n, u, inner, turned);
    multiply(n, turned, vt, out);
    let both = sign(n, u, exchanged, rest)? * sign(n, vt, exchanged, rest)?;
    out.iter_mut().for_each(|v| *v *= both);
    Ok(())
}

/// Of a diagonal matrix: what stands beside g_ij where two other factors are of E and F. On the diagonal two fixed points or an exchange beside it;
/// elsewhere the exchange of i and j beside a fixed point, or a cycle of three.
#[inline(never)]
fn second(n: usize, s: &[f64], e: &[f64], f: &[f64], i: usize, j: usize) -> f64 {
    let mut sum = 0.0;
    for p in (0..n).filter(|&p| p != i && p != j) {
        if i == j {
            for q in (0..n).filter(|&q| q != i && q != p) {
                sum += (e[p * n + p] * f[q * n + q] - e[p * n + q] * f[q * n + p]) * others(s, [i, p, q]);
            }
        } else {
            let exchange = e[j * n + i] * f[p * n + p] + f[j * n + i] * e[p * n + p];
            let cycle = e[j * n + p] * f[p * n + i] + f[j * n + p] * e[p * n + i];
            sum += (cycle - exchange) * others(s, [i, j, p]);
        }
    }
    sum
}

/// With X = A⁻¹, P = X E, Q = X F:   det Xᵀ;   det ((tr P - P) X)ᵀ;   det ((tr P tr Q - tr PQ - tr P Q - tr Q P + PQ + QP) X)ᵀ
#[inline(never)]
fn regular(n: usize, det: f64, x: &[f64], directions: &[&[f64]], turned: &mut [f64], out: &mut [f64], work: &mut [f64]) {
    let (p, work) = work.split_at_mut(n * n);
    let (q, inner) = work.split_at_mut(n * n);
    let trace = |a: &[f64]| (0..n).map(|i| a[i * n + i]).sum::<f64>();
    let of_pairs = |a: &[f64], b: &[f64], at: usize| (0..n).map(|k| a[at / n * n + k] * b[k * n + at % n]).sum::<f64>();
    for (&direction, product) in directions.iter().zip([&mut *p, &mut *q]) {
        multiply(n, x, direction, product);
    }
    let inner = &mut inner[..n * n];
    let number = match directions.len() {
        0 => 1.0,
        1 => trace(p),
        _ => trace(p) * trace(q) - (0..n).map(|i| of_pairs(p, q, i * n + i)).sum::<f64>(),
    };
    for (at, inner) in inner.iter_mut().enumerate() {
        *inner = if at / n == at % n { number } else { 0.0 };
        *inner += match directions.len() {
            0 => 0.0,
            1 => -p[at],
            _ => of_pairs(p, q, at) + of_pairs(q, p, at) - trace(p) * q[at] - trace(q) * p[at],
        };
    }
    multiply(n, inner, x, turned);
    (0..n * n).for_each(|at| out[at] = det * turned[at % n * n + at / n]);
}

#[inline(never)]
fn transposed(n: usize, a: &[f64], out: &mut [f64]) {
    (0..n * n).for_each(|at| out[at] = a[at % n * n + at / n]);
}

/// c := a b, for matrices as small as determinants are taken of.
#[inline(never)]
fn multiply(n: usize, a: &[f64], b: &[f64], c: &mut [f64]) {
    for (row, c) in a.chunks_exact(n).zip(c.chunks_exact_mut(n)) {
        c.fill(0.0);
        for (&factor, b) in row.iter().zip(b.chunks_exact(n)) {
            super::subtract(c, -factor, b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::close;
    use super::*;

    fn of(n: usize, a: &[f64], directions: &[&[f64]]) -> Vec<f64> {
        let mut out = vec![0.0; n * n];
        cofactors(n, a, directions, &mut out, &mut vec![0; n], &mut vec![0.0; scratch(n)]).unwrap();
        out
    }

    /// Of a matrix of three rows, written out.
    fn minors(a: &[f64]) -> Vec<f64> {
        let at = |i: usize, j: usize| a[i % 3 * 3 + j % 3];
        (0..9).map(|k| (k / 3, k % 3)).map(|(i, j)| at(i + 1, j + 1) * at(i + 2, j + 2) - at(i + 1, j + 2) * at(i + 2, j + 1)).collect()
    }

    #[test]
    fn of_regular_and_singular_matrices() {
        let regular = [2.0, 1.0, 0.5, -1.0, 3.0, 0.2, 0.7, 0.1, 1.5];
        let rank_two = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        let rank_one = [1.0, 2.0, 3.0, 2.0, 4.0, 6.0, 3.0, 6.0, 9.0];
        let e = [0.3, -0.2, 0.5, 0.1, 0.9, -0.4, 0.6, 0.2, -0.7];
        let f = [0.1, 0.8, -0.3, 0.4, -0.6, 0.2, 0.9, -0.5, 0.7];
        for a in [regular, rank_two, rank_one, [0.0; 9]] {
            close(&of(3, &a, &[]), &minors(&a), 1e-12);
            // Minors are quadratic, so that differences are exact.
            let moved = |h: f64, g: f64| -> Vec<f64> { minors(&(0..9).map(|at| a[at] + h * e[at] + g * f[at]).collect::<Vec<f64>>()) };
            let first: Vec<f64> = moved(0.5, 0.0).iter().zip(moved(-0.5, 0.0)).map(|(a, b)| a - b).collect();
            close(&of(3, &a, &[&e]), &first, 1e-12);
            let [both, one, other, none] = [moved(1.0, 1.0), moved(1.0, 0.0), moved(0.0, 1.0), moved(0.0, 0.0)];
            let mixed: Vec<f64> = (0..9).map(|at| both[at] - one[at] - other[at] + none[at]).collect();
            close(&of(3, &a, &[&e, &f]), &mixed, 1e-11);
        }
        close(&of(1, &[0.0], &[]), &[1.0], 0.0);
        close(&of(1, &[5.0], &[&[1.0]]), &[0.0], 1e-15);
    }

    #[test]
    fn both_ways_agree() {
        // Nearly singular, of four rows: the same by the inverse of a matrix that is moved a little.
        let n = 4;
        let mut a = super::super::tests::numbers(n * n, 5);
        let (e, f) = (super::super::tests::numbers(n * n, 6), super::super::tests::numbers(n * n, 7));
        let regular = of(n, &a, &[&e, &f]);
        // A row that is nearly a multiple of another, then moved back by what is linear in it.
        let row: Vec<f64> = a[n..2 * n].to_vec();
        a.copy_within(0..n, n);
        let singular = of(n, &a, &[&e, &f]);
        // The second derivative is linear in each row of A: half way is the mean.
        (0..n).for_each(|j| a[n + j] = 0.5 * (a[n + j] + row[j]));
        let between = of(n, &a, &[&e, &f]);
        let mean: Vec<f64> = regular.iter().zip(&singular).map(|(a, b)| 0.5 * (a + b)).collect();
        close(&between, &mean, 1e-11);
    }
}
