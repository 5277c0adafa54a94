//! A = L Lᵀ in place, by halves.

use super::triangular::{self, Triangle};
use super::{subtract_product, Block, Failure, Real, SMALL};

/// Columns of the trailing part that are updated at once: only what is below the diagonal need be right.
const STRIP: usize = 64;

/// Factors the lower triangle of `a` [n, n] and clears the upper one. `scratch` has room for n (n + 64) elements.
pub fn factor<T: Real>(n: usize, a: &mut [T], scratch: &mut [T]) -> Result<(), Failure> {
    // SAFETY: the block is all of the matrix.
    unsafe { lower(n, Block::of(a, n), scratch)? };
    for i in 0..n {
        a[i * n + i + 1..(i + 1) * n].fill(T::ZERO);
    }
    Ok(())
}

unsafe fn lower<T: Real>(n: usize, a: Block<T>, scratch: &mut [T]) -> Result<(), Failure> {
    if n <= SMALL {
        for i in 0..n {
            for j in 0..=i {
                let mut value = *a.at(i, j);
                for p in 0..j {
                    value = value - *a.at(i, p) * *a.at(j, p);
                }
                if i > j {
                    *a.at(i, j) = value / *a.at(j, j);
                    continue;
                }
                // A NaN goes on: it is in the input, and will be in the result.
                if value <= T::ZERO {
                    return Err(Failure::Pivot(i));
                }
                *a.at(i, i) = value.square_root();
            }
        }
        return Ok(());
    }
    let half = n / 2;
    let rest = n - half;
    lower(half, a, scratch)?;
    // L21 = A21 L11⁻ᵀ, as the rows of L21ᵀ = L11⁻¹ A21ᵀ.
    let (panel, room) = scratch.split_at_mut(half * rest);
    let (below, turned) = (a.from(half, 0), Block::of(panel, rest));
    for i in 0..rest {
        for j in 0..half {
            *turned.at(j, i) = *below.at(i, j);
        }
    }
    triangular::solve(half, rest, a, Triangle { lower: true, unit: false }, turned, room)?;
    for i in 0..rest {
        for j in 0..half {
            *below.at(i, j) = *turned.at(j, i);
        }
    }
    for from in (0..rest).step_by(STRIP) {
        let sizes = [rest - from, half, STRIP.min(rest - from)];
        let columns = turned.from(0, from);
        subtract_product(sizes, columns.transposed(), columns, a.from(half + from, half + from), room)?;
    }
    lower(rest, a.from(half, half), scratch).map_err(|failure| match failure {
        Failure::Pivot(i) => Failure::Pivot(half + i),
        Failure::Memory => Failure::Memory,
    })
}

/// Elements of scratch that `factor` wants.
pub fn scratch(n: usize) -> usize {
    n * (n + STRIP)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, numbers, product, transposed};
    use super::*;

    #[test]
    fn factors_give_the_matrix_back() {
        for n in [1, 3, 16, 17, 33, 90, 150] {
            let g = numbers(n * n, n as u64);
            let mut a = product([n, n, n], &g, &transposed(n, n, &g));
            (0..n).for_each(|i| a[i * n + i] += 1.0);
            let mut l = a.clone();
            factor(n, &mut l, &mut vec![0.0; scratch(n)]).unwrap();
            close(&product([n, n, n], &l, &transposed(n, n, &l)), &a, 1e-11 * n as f64);
        }
    }

    #[test]
    fn names_the_pivot_that_is_not_positive() {
        let n = 40;
        let mut a = super::super::tests::identity(n);
        a[30 * n + 30] = -1.0;
        assert_eq!(factor(n, &mut a, &mut vec![0.0; scratch(n)]), Err(Failure::Pivot(30)));
    }
}
