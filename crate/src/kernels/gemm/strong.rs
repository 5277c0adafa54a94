//! The product in which 0 wins against an infinity or NaN, for tangents and cotangents. It differs from the plain one only in
//! entries that are NaN there, so it is the plain one with those entries done again.

use super::Matrix;
use crate::kernels::number::Number;

/// How many numbers are looked at before asking whether a NaN was among them: without an early exit the loop runs in vectors.
const CHUNK: usize = 64;

/// Does the NaN entries of C = A·B, just computed, again, leaving out the terms with a factor 0.
///
/// # Safety
/// As `gemm_f32`.
#[allow(clippy::too_many_arguments)]
pub unsafe fn mend<T: Number>(
    m: usize,
    n: usize,
    k: usize,
    a: *const T,
    a_row: isize,
    a_column: isize,
    b: *const T,
    b_row: isize,
    b_column: isize,
    c: *mut T,
    ldc: usize,
) {
    let (a, b) = (Matrix { pointer: a, row: a_row, column: a_column }, Matrix { pointer: b, row: b_row, column: b_column });
    for i in 0..m {
        let row = std::slice::from_raw_parts_mut(c.add(i * ldc), n);
        for (at, chunk) in row.chunks_mut(CHUNK).enumerate() {
            if !chunk.iter().fold(false, |found, &v| found | is_nan(v)) {
                continue;
            }
            for (j, entry) in chunk.iter_mut().enumerate().filter(|(_, entry)| is_nan(**entry)) {
                *entry = entry_of(a, b, i, at * CHUNK + j, k);
            }
        }
    }
}

#[inline(always)]
#[allow(clippy::eq_op)]
fn is_nan<T: Number>(v: T) -> bool {
    v != v
}

/// Σ a_ip b_pj over the terms without a factor 0; NaN as soon as it is.
unsafe fn entry_of<T: Number>(a: Matrix<T>, b: Matrix<T>, i: usize, j: usize, k: usize) -> T {
    let mut sum = T::ZERO;
    for p in 0..k {
        let (x, y) = (*a.at(i, p), *b.at(p, j));
        if x != T::ZERO && y != T::ZERO {
            sum = sum.plus(x.times(y));
            if is_nan(sum) {
                break;
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::gemm_f64;
    use super::*;

    #[test]
    fn zero_wins_on_either_side_and_other_nan_stay() {
        const INF: f64 = f64::INFINITY;
        // Rows: an infinity against 0, against a number; a NaN against 0, against a number; both signs of infinity.
        let a = [[INF, 1.0], [INF, 1.0], [f64::NAN, 1.0], [INF, 1.0]];
        let b = [[0.0, 2.0, 1.0], [3.0, 0.0, -INF]];
        let mut c = [[0.0; 3]; 4];
        let (pa, pb, pc) = (a.as_ptr() as *const f64, b.as_ptr() as *const f64, c.as_mut_ptr() as *mut f64);
        // SAFETY: the pointers are those of the arrays above, whose sizes are given.
        unsafe {
            gemm_f64(4, 3, 2, pa, 2, 1, pb, 3, 1, pc, 3, false).unwrap();
            mend(4, 3, 2, pa, 2, 1, pb, 3, 1, pc, 3);
        }
        assert_eq!(c[0][..2], [3.0, INF]);
        assert!(c[0][2].is_nan(), "Infinity - Infinity");
        assert_eq!(c[2][0], 3.0);
        assert!(c[2][1].is_nan() && c[2][2].is_nan());
        assert_eq!(c[3][..2], [3.0, INF]);
    }

    #[test]
    fn mends_behind_the_first_chunk() {
        let n = 3 * CHUNK + 5;
        let a = [f64::INFINITY, 1.0];
        let b: Vec<f64> = (0..2 * n).map(|i| if i < n { 0.0 } else { i as f64 }).collect();
        let mut c = vec![0.0; n];
        // SAFETY: as above.
        unsafe {
            gemm_f64(1, n, 2, a.as_ptr(), 2, 1, b.as_ptr(), n as isize, 1, c.as_mut_ptr(), n, false).unwrap();
            mend(1, n, 2, a.as_ptr(), 2, 1, b.as_ptr(), n as isize, 1, c.as_mut_ptr(), n);
        }
        assert_eq!(c, b[n..]);
    }
}
