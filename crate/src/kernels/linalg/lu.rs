//! P A = L U with row exchanges, in place, by halves of the columns.

use super::triangular::{self, Triangle};
use super::{subtract, subtract_product, Block, Real, SMALL};
use crate::kernels::gemm::AllocError;

const UNIT_LOWER: Triangle = Triangle { lower: true, unit: true };

/// What a factored matrix tells.
pub struct Factored {
    /// Whether an odd number of rows was exchanged.
    pub odd: bool,
    /// The first pivot that is 0.
    pub singular: Option<usize>,
}

/// Factors `a` [n, n]: below the diagonal L, whose diagonal is 1, above it U. `exchanged[i]` is the row that row i was exchanged with in step i.
/// `scratch` has room for n² / 2 + n elements.
#[inline(never)]
pub fn factor<T: Real>(n: usize, a: &mut [T], exchanged: &mut [i32], scratch: &mut [T]) -> Result<Factored, AllocError> {
    // SAFETY: the block is all of the matrix.
    unsafe { columns(n, n, Block::of(a, n), exchanged, scratch)? };
    Ok(Factored {
        odd: exchanged.iter().enumerate().filter(|&(i, &with)| with as usize != i).count() % 2 == 1,
        singular: (0..n).find(|&i| a[i * n + i] == T::ZERO),
    })
}

/// The first n columns of a block with m >= n rows.
unsafe fn columns<T: Real>(m: usize, n: usize, a: Block<T>, exchanged: &mut [i32], scratch: &mut [T]) -> Result<(), AllocError> {
    if n <= SMALL {
        for (j, exchanged) in exchanged[..n].iter_mut().enumerate() {
            let mut pivot = j;
            for i in j + 1..m {
                // A NaN is no pivot, and comes into the result all the same.
                if (*a.at(i, j)).magnitude() > (*a.at(pivot, j)).magnitude() {
                    pivot = i;
                }
            }
            *exchanged = pivot as i32;
            exchange(a, n, j, pivot);
            let value = *a.at(j, j);
            if value == T::ZERO {
                continue;
            }
            let right = a.from(0, j + 1);
            for i in j + 1..m {
                let factor = *a.at(i, j) / value;
                *a.at(i, j) = factor;
                subtract(right.row_of(i, n - j - 1), factor, right.row_of(j, n - j - 1));
            }
        }
        return Ok(());
    }
    let half = n / 2;
    let (right, below) = (a.from(0, half), a.from(half, half));
    columns(m, half, a, &mut exchanged[..half], scratch)?;
    for (i, &with) in exchanged[..half].iter().enumerate() {
        exchange(right, n - half, i, with as usize);
    }
    triangular::solve(half, n - half, a, UNIT_LOWER, right, scratch)?;
    subtract_product([m - half, half, n - half], a.from(half, 0), right, below, scratch)?;
    columns(m - half, n - half, below, &mut exchanged[half..n], scratch)?;
    for (i, with) in exchanged[half..n].iter_mut().enumerate() {
        *with += half as i32;
        exchange(a, half, half + i, *with as usize);
    }
    Ok(())
}

unsafe fn exchange<T: Real>(a: Block<T>, columns: usize, i: usize, j: usize) {
    if i != j {
        a.row_of(i, columns).swap_with_slice(a.row_of(j, columns));
    }
}

/// B := A⁻¹ B [n, m] from the factors; `scratch` as `triangular::solve` wants it.
#[inline(never)]
pub fn solve<T: Real>(n: usize, m: usize, factors: &mut [T], exchanged: &[i32], b: &mut [T], scratch: &mut [T]) -> Result<(), AllocError> {
    let (a, b) = (Block::of(factors, n), Block::of(b, m));
    // SAFETY: both are whole matrices.
    unsafe {
        for (i, &with) in exchanged.iter().enumerate() {
            exchange(b, m, i, with as usize);
        }
        triangular::solve(n, m, a, UNIT_LOWER, b, scratch)?;
        triangular::solve(n, m, a, Triangle { lower: false, unit: false }, b, scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, numbers, product};
    use super::*;

    #[test]
    fn solves_systems_of_many_sizes() {
        for n in [1, 2, 16, 17, 40, 77] {
            let m = 5;
            let (a, x) = (numbers(n * n, 3 + n as u64), numbers(n * m, 5));
            let mut b = product([n, n, m], &a, &x);
            let (mut factors, mut exchanged, mut room) = (a.clone(), vec![0; n], vec![0.0; n * n + n * m]);
            let factored = factor(n, &mut factors, &mut exchanged, &mut room).unwrap();
            assert_eq!(factored.singular, None);
            solve(n, m, &mut factors, &exchanged, &mut b, &mut room).unwrap();
            close(&b, &x, 1e-9);
        }
    }

    #[test]
    fn names_the_first_zero_pivot() {
        let mut a = vec![1.0, 2.0, 3.0, 2.0, 4.0, 6.0, 1.0, 0.0, 1.0];
        let factored = factor(3, &mut a, &mut [0; 3], &mut [0.0; 16]).unwrap();
        assert_eq!(factored.singular, Some(2));
    }
}
