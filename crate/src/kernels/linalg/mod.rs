//! Factorisations of one matrix, row-major. The recursive ones halve their problem, so that nearly all of the work is in matrix products
//! (Toledo, 1997; Elmroth and Gustavson, 2000).

pub mod cholesky;
pub mod cofactor;
pub mod exponential;
pub mod lu;
pub mod orthogonal;
pub mod singular;
pub mod symmetric;
pub mod triangular;

use super::gemm::{gemm_f32, gemm_f64, AllocError};
use super::number::{Float, Number};

/// Below this the plain loops are faster.
const SMALL: usize = 16;

#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    Memory,
    /// The pivot of this row is 0, or not positive where it must be.
    Pivot(usize),
}

impl From<AllocError> for Failure {
    fn from(_: AllocError) -> Failure {
        Failure::Memory
    }
}

/// float32 or float64, with its matrix product.
pub trait Real: Float {
    /// C[m, n] += A[m, k] B[k, n].
    ///
    /// # Safety
    /// As the products of `gemm`.
    unsafe fn multiply(sizes: [usize; 3], a: Block<Self>, b: Block<Self>, c: Block<Self>) -> Result<(), AllocError>;

    fn magnitude(self) -> Self {
        if self < Self::ZERO {
            -self
        } else {
            self
        }
    }
}

macro_rules! real {
    ($type:ty, $gemm:ident) => {
        impl Real for $type {
            unsafe fn multiply([m, k, n]: [usize; 3], a: Block<$type>, b: Block<$type>, c: Block<$type>) -> Result<(), AllocError> {
                debug_assert_eq!(c.column, 1);
                $gemm(m, n, k, a.pointer, a.row, a.column, b.pointer, b.row, b.column, c.pointer, c.row as usize, true)
            }
        }
    };
}

real!(f32, gemm_f32);
real!(f64, gemm_f64);

/// A part of a matrix: element (i, j) stands at `pointer + i·row + j·column`. Parts of one matrix alias, so they are pointers.
#[derive(Clone, Copy)]
pub struct Block<T> {
    pub pointer: *mut T,
    pub row: isize,
    pub column: isize,
}

impl<T: Real> Block<T> {
    /// All of a row-major matrix with `columns` columns.
    pub fn of(matrix: &mut [T], columns: usize) -> Block<T> {
        Block { pointer: matrix.as_mut_ptr(), row: columns as isize, column: 1 }
    }

    pub fn transposed(self) -> Block<T> {
        Block { row: self.column, column: self.row, ..self }
    }

    /// # Safety
    /// (i, j) is inside, here and below.
    unsafe fn at(self, i: usize, j: usize) -> *mut T {
        self.pointer.offset(i as isize * self.row + j as isize * self.column)
    }

    /// The part that begins at (i, j).
    unsafe fn from(self, i: usize, j: usize) -> Block<T> {
        Block { pointer: self.at(i, j), ..self }
    }

    /// `length` elements of row i, which lie in order.
    unsafe fn row_of<'a>(self, i: usize, length: usize) -> &'a mut [T] {
        debug_assert_eq!(self.column, 1);
        std::slice::from_raw_parts_mut(self.at(i, 0), length)
    }
}

/// y -= factor x
#[inline(never)]
fn subtract<T: Real>(y: &mut [T], factor: T, x: &[T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = *y - factor * x;
    }
}

/// C[m, n] -= A[m, k] B[k, n]; `scratch` has room for B.
///
/// # Safety
/// The blocks are valid, C lies by rows and overlaps neither A nor B.
unsafe fn subtract_product<T: Real>(
    [m, k, n]: [usize; 3],
    a: Block<T>,
    b: Block<T>,
    c: Block<T>,
    scratch: &mut [T],
) -> Result<(), AllocError> {
    let negated = &mut scratch[..k * n];
    for i in 0..k {
        for j in 0..n {
            negated[i * n + j] = -*b.at(i, j);
        }
    }
    T::multiply([m, k, n], a, Block::of(negated, n), c)
}

// Not inlined, here and below: what calls them is large as it is.

/// Σ x y, in four sums so that they run side by side.
#[inline(never)]
fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (xs, ys) = (x.chunks_exact(4), y.chunks_exact(4));
    let rest: f64 = xs.remainder().iter().zip(ys.remainder()).map(|(a, b)| a * b).sum();
    for (x, y) in xs.zip(ys) {
        for lane in 0..4 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// The places of values in ascending order: few enough to be inserted one by one.
#[inline(never)]
fn ascending(values: &[f64], order: &mut [i32]) {
    for place in 0..order.len() {
        let mut to = place;
        while to > 0 && values[order[to - 1] as usize] > values[place] {
            order[to] = order[to - 1];
            to -= 1;
        }
        order[to] = place as i32;
    }
}

/// Divides by the largest magnitude, so that squares neither overflow nor vanish; gives it. None where a number is not finite.
#[inline(never)]
fn scale(matrix: &mut [f64]) -> Option<f64> {
    if matrix.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let largest = matrix.iter().fold(0.0f64, |largest, v| largest.larger(v.abs()));
    if largest > 0.0 {
        matrix.iter_mut().for_each(|v| *v /= largest);
    }
    Some(largest)
}

#[cfg(test)]
pub(crate) mod tests {
    /// Numbers between -1 and 1 (a linear congruence).
    pub fn numbers(count: usize, seed: u64) -> Vec<f64> {
        let mut state = seed.wrapping_mul(2862933555777941757).wrapping_add(3037000493);
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    /// A[m, k] B[k, n]
    pub fn product([m, k, n]: [usize; 3], a: &[f64], b: &[f64]) -> Vec<f64> {
        (0..m * n).map(|at| (0..k).map(|p| a[at / n * k + p] * b[p * n + at % n]).sum()).collect()
    }

    pub fn transposed(rows: usize, columns: usize, a: &[f64]) -> Vec<f64> {
        (0..rows * columns).map(|at| a[at % rows * columns + at / rows]).collect()
    }

    pub fn close(a: &[f64], b: &[f64], tolerance: f64) {
        assert_eq!(a.len(), b.len());
        for (at, (a, b)) in a.iter().zip(b).enumerate() {
            assert!((a - b).abs() <= tolerance, "element {at}: {a} and {b}");
        }
    }

    pub fn identity(n: usize) -> Vec<f64> {
        (0..n * n).map(|at| if at / n == at % n { 1.0 } else { 0.0 }).collect()
    }
}
