//! Triangular systems, by halves: the lower half of the unknowns follows from the upper one by a matrix product.

use super::{subtract, subtract_product, Block, Real, SMALL};
use crate::kernels::gemm::AllocError;

/// Which triangle of the matrix is read.
#[derive(Clone, Copy)]
pub struct Triangle {
    pub lower: bool,
    /// Its diagonal is taken to be 1.
    pub unit: bool,
}

/// B := A⁻¹ B, with A [n, n] and B [n, m]; `scratch` has room for n m / 2 + m elements.
///
/// # Safety
/// The blocks are valid and do not overlap; B lies by rows.
pub unsafe fn solve<T: Real>(
    n: usize,
    m: usize,
    a: Block<T>,
    triangle: Triangle,
    b: Block<T>,
    scratch: &mut [T],
) -> Result<(), AllocError> {
    if n <= SMALL {
        for step in 0..n {
            let i = if triangle.lower { step } else { n - 1 - step };
            let known = if triangle.lower { 0..i } else { i + 1..n };
            for p in known {
                subtract(b.row_of(i, m), *a.at(i, p), b.row_of(p, m));
            }
            if !triangle.unit {
                let pivot = *a.at(i, i);
                b.row_of(i, m).iter_mut().for_each(|v| *v = *v / pivot);
            }
        }
        return Ok(());
    }
    let half = n / 2;
    let (upper, lower) = (b, b.from(half, 0));
    if triangle.lower {
        solve(half, m, a, triangle, upper, scratch)?;
        subtract_product([n - half, half, m], a.from(half, 0), upper, lower, scratch)?;
        return solve(n - half, m, a.from(half, half), triangle, lower, scratch);
    }
    solve(n - half, m, a.from(half, half), triangle, lower, scratch)?;
    subtract_product([half, n - half, m], a.from(0, half), lower, upper, scratch)?;
    solve(half, m, a, triangle, upper, scratch)
}

/// Elements of scratch that `solve` wants.
pub fn scratch(n: usize, m: usize) -> usize {
    n.div_ceil(2) * m
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, numbers, product};
    use super::*;

    #[test]
    fn solves_what_was_multiplied() {
        for (n, m) in [(1, 1), (5, 3), (16, 1), (17, 4), (50, 33)] {
            for (lower, unit) in [(true, false), (true, true), (false, false), (false, true)] {
                let mut a = numbers(n * n, n as u64);
                (0..n).for_each(|i| a[i * n + i] += 3.0);
                (0..n * n).filter(|at| at / n != at % n).for_each(|at| a[at] *= 0.2);
                let seen: Vec<f64> = (0..n * n)
                    .map(|at| match (at / n, at % n) {
                        (i, j) if i == j => {
                            if unit {
                                1.0
                            } else {
                                a[at]
                            }
                        }
                        (i, j) if (i > j) == lower => a[at],
                        _ => 0.0,
                    })
                    .collect();
                let x = numbers(n * m, 7);
                let mut b = product([n, n, m], &seen, &x);
                let mut room = vec![0.0; scratch(n, m)];
                unsafe { solve(n, m, Block::of(&mut a, n), Triangle { lower, unit }, Block::of(&mut b, m), &mut room).unwrap() };
                close(&b, &x, 1e-10);
                // The transposed matrix, through its strides.
                let mut b = product([n, n, m], &super::super::tests::transposed(n, n, &seen), &x);
                let turned = Block::of(&mut a, n).transposed();
                unsafe { solve(n, m, turned, Triangle { lower: !lower, unit }, Block::of(&mut b, m), &mut room).unwrap() };
                close(&b, &x, 1e-10);
            }
        }
    }
}
