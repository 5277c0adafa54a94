//! Matrix products: C = A·B for any strides, after Goto and van de Geijn ("Anatomy of high-performance matrix
//! multiplication", ACM TOMS 34, 2008), cut to what one core and 128-bit vectors need.
//!
//! The register tile is 4 rows by two vectors: 8 accumulators, and few enough live values for x86's 16 registers. B is
//! packed into panels as wide as the tile, a block of `KC` rows at a time, so that a panel stays in L1 while all rows of A
//! pass by it; A is read where it lies, four rows at once, each element splat. Matrices with few rows skip the packing
//! when B's rows are contiguous. One row or one column is a matrix-vector product of its own.

mod matvec;
mod strong;
mod vector;

use matvec::matrix_vector;
use std::cell::RefCell;
pub use strong::mend;
pub use vector::{Vector, F32, F64};

/// No memory for the packed panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllocError;

/// Rows of the register tile.
const MR: usize = 4;
/// Rows of B in a packed block: a panel of 8 floats by 256 is 8 KB, a quarter of the smallest L1.
const KC: usize = 256;
/// Columns of B in a packed block: 256 by 1024 floats is 1 MB, an L2.
const NC: usize = 1024;
/// With fewer rows than this, packing B costs more than it saves when B's rows are contiguous already; and so it does in products of so few
/// multiply-adds, whose B stays in the caches as it is.
const PACK_FROM: usize = 12;
const PACK_FROM_PRODUCT: usize = 1 << 18;

/// A strided matrix: element (i, j) stands at `pointer + i·row + j·column`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<T> {
    pub pointer: *const T,
    pub row: isize,
    pub column: isize,
}

impl<T> Matrix<T> {
    #[inline(always)]
    unsafe fn at(self, i: usize, j: usize) -> *const T {
        self.pointer.offset(i as isize * self.row + j as isize * self.column)
    }

    fn transposed(self) -> Self {
        Matrix { pointer: self.pointer, row: self.column, column: self.row }
    }
}

/// A tile of C: `ROWS` by two vectors, over `k` steps. B's rows are `b_row` apart, its columns contiguous.
///
/// # Safety: A has ROWS × k elements, B k × 2·LANES, C ROWS × 2·LANES.
#[inline(always)]
unsafe fn tile<V: Vector, const ROWS: usize>(
    k: usize,
    a: Matrix<V::Element>,
    b: *const V::Element,
    b_row: usize,
    c: *mut V::Element,
    ldc: usize,
    accumulate: bool,
) {
    tile_rows::<V, ROWS>(k, std::array::from_fn(|i| a.at(i, 0)), a.column, b, b_row, c, ldc, accumulate);
}

/// The same for rows of A that begin anywhere; their elements are `column` apart.
#[inline(always)]
unsafe fn tile_rows<V: Vector, const ROWS: usize>(
    k: usize,
    rows: [*const V::Element; ROWS],
    column: isize,
    b: *const V::Element,
    b_row: usize,
    c: *mut V::Element,
    ldc: usize,
    accumulate: bool,
) {
    let zero = V::splat(V::Element::default());
    let mut sums = [[zero; 2]; ROWS];
    let (mut b, mut rows) = (b, rows);
    for _ in 0..k {
        let (b0, b1) = (V::load(b), V::load(b.add(V::LANES)));
        for i in 0..ROWS {
            let x = V::splat(*rows[i]);
            sums[i][0] = sums[i][0].multiply_add(x, b0);
            sums[i][1] = sums[i][1].multiply_add(x, b1);
            rows[i] = rows[i].offset(column);
        }
        b = b.add(b_row);
    }
    for (i, [mut s0, mut s1]) in sums.into_iter().enumerate() {
        let to = c.add(i * ldc);
        if accumulate {
            s0 = s0.add(V::load(to));
            s1 = s1.add(V::load(to.add(V::LANES)));
        }
        s0.store(to);
        s1.store(to.add(V::LANES));
    }
}

/// The tile kernel for `rows` remaining rows: edges have kernels of their own.
#[inline(always)]
unsafe fn tile_of<V: Vector>(
    rows: usize,
    k: usize,
    a: Matrix<V::Element>,
    b: *const V::Element,
    b_row: usize,
    c: *mut V::Element,
    ldc: usize,
    accumulate: bool,
) {
    match rows {
        1 => tile::<V, 1>(k, a, b, b_row, c, ldc, accumulate),
        2 => tile::<V, 2>(k, a, b, b_row, c, ldc, accumulate),
        3 => tile::<V, 3>(k, a, b, b_row, c, ldc, accumulate),
        _ => tile::<V, MR>(k, a, b, b_row, c, ldc, accumulate),
    }
}

/// Of the first `count` of some rows.
///
/// # Safety: as `tile`.
#[inline(always)]
pub(crate) unsafe fn tile_of_rows<V: Vector>(
    count: usize,
    k: usize,
    rows: [*const V::Element; MR],
    column: isize,
    b: *const V::Element,
    b_row: usize,
    c: *mut V::Element,
    ldc: usize,
    accumulate: bool,
) {
    match count {
        1 => tile_rows::<V, 1>(k, [rows[0]], column, b, b_row, c, ldc, accumulate),
        2 => tile_rows::<V, 2>(k, [rows[0], rows[1]], column, b, b_row, c, ldc, accumulate),
        3 => tile_rows::<V, 3>(k, [rows[0], rows[1], rows[2]], column, b, b_row, c, ldc, accumulate),
        _ => tile_rows::<V, MR>(k, rows, column, b, b_row, c, ldc, accumulate),
    }
}

/// One panel of columns against all rows of A. A panel narrower than the tile goes through a small buffer.
#[inline(always)]
pub(crate) unsafe fn panel<V: Vector>(
    m: usize,
    width: usize,
    k: usize,
    a: Matrix<V::Element>,
    b: *const V::Element,
    b_row: usize,
    c: *mut V::Element,
    ldc: usize,
    accumulate: bool,
) {
    let nr = 2 * V::LANES;
    let mut i = 0;
    while i < m {
        let rows = (m - i).min(MR);
        let from = Matrix { pointer: a.at(i, 0), ..a };
        let to = c.add(i * ldc);
        if width == nr {
            tile_of::<V>(rows, k, from, b, b_row, to, ldc, accumulate);
        } else {
            // 2·LANES is at most 8.
            let mut buffer = [V::Element::default(); MR * 8];
            tile_of::<V>(rows, k, from, b, b_row, buffer.as_mut_ptr(), nr, false);
            for r in 0..rows {
                for j in 0..width {
                    let value = buffer[r * nr + j];
                    let place = to.add(r * ldc + j);
                    *place = if accumulate { *place + value } else { value };
                }
            }
        }
        i += rows;
    }
}

/// Copies a block of B into panels of the tile's width, rows contiguous, the last panel filled up with zeros.
unsafe fn pack<V: Vector>(k: usize, n: usize, b: Matrix<V::Element>, out: *mut V::Element) {
    let nr = 2 * V::LANES;
    let mut out = out;
    let mut j = 0;
    while j < n {
        let width = (n - j).min(nr);
        if width == nr && b.column == 1 {
            for p in 0..k {
                let from = b.at(p, j);
                V::load(from).store(out);
                V::load(from.add(V::LANES)).store(out.add(V::LANES));
                out = out.add(nr);
            }
        } else if width == nr {
            // Of a transposed matrix, as a layer's weight is, squares of vectors.
            let in_squares = if b.row == 1 { k - k % V::LANES } else { 0 };
            for p in (0..in_squares).step_by(V::LANES) {
                for q in (0..nr).step_by(V::LANES) {
                    V::transpose(b.at(p, j + q), b.column, out.add(q), nr);
                }
                out = out.add(V::LANES * nr);
            }
            for p in in_squares..k {
                let from = b.at(p, j);
                for q in 0..nr {
                    *out.add(q) = *from.offset(q as isize * b.column);
                }
                out = out.add(nr);
            }
        } else {
            for p in 0..k {
                for q in 0..nr {
                    *out.add(q) = if q < width { *b.at(p, j + q) } else { V::Element::default() };
                }
                out = out.add(nr);
            }
        }
        j += nr;
    }
}

unsafe fn multiply<V: Vector>(
    m: usize,
    n: usize,
    k: usize,
    a: Matrix<V::Element>,
    b: Matrix<V::Element>,
    c: *mut V::Element,
    ldc: usize,
    accumulate: bool,
    workspace: &mut Vec<V::Element>,
) -> Result<(), AllocError> {
    if m == 0 || n == 0 {
        return Ok(());
    }
    if k == 0 {
        if !accumulate {
            for i in 0..m {
                std::slice::from_raw_parts_mut(c.add(i * ldc), n).fill(V::Element::default());
            }
        }
        return Ok(());
    }
    if n == 1 {
        matrix_vector::<V>(m, k, a, b.pointer, b.row, c, ldc, accumulate);
        return Ok(());
    }
    if m == 1 {
        // cᵀ = Bᵀ aᵀ
        matrix_vector::<V>(n, k, b.transposed(), a.pointer, a.column, c, 1, accumulate);
        return Ok(());
    }
    let nr = 2 * V::LANES;
    let small = m < PACK_FROM || k <= KC && m * n * k <= PACK_FROM_PRODUCT;
    if small && b.column == 1 && n >= nr && b.row >= 0 {
        // Whole panels straight from B; the columns left over are packed below.
        let whole = n - n % nr;
        for j in (0..whole).step_by(nr) {
            panel::<V>(m, nr, k, a, b.at(0, j), b.row as usize, c.add(j), ldc, accumulate);
        }
        if whole < n {
            let rest = Matrix { pointer: b.at(0, whole), ..b };
            return packed::<V>(m, n - whole, k, a, rest, c.add(whole), ldc, accumulate, workspace);
        }
        return Ok(());
    }
    packed::<V>(m, n, k, a, b, c, ldc, accumulate, workspace)
}

unsafe fn packed<V: Vector>(
    m: usize,
    n: usize,
    k: usize,
    a: Matrix<V::Element>,
    b: Matrix<V::Element>,
    c: *mut V::Element,
    ldc: usize,
    accumulate: bool,
    workspace: &mut Vec<V::Element>,
) -> Result<(), AllocError> {
    let nr = 2 * V::LANES;
    let need = k.min(KC) * n.min(NC).next_multiple_of(nr);
    if workspace.len() < need {
        workspace.try_reserve_exact(need - workspace.len()).map_err(|_| AllocError)?;
        workspace.resize(need, V::Element::default());
    }
    let block = workspace.as_mut_ptr();
    for jc in (0..n).step_by(NC) {
        let columns = (n - jc).min(NC);
        for pc in (0..k).step_by(KC) {
            let depth = (k - pc).min(KC);
            pack::<V>(depth, columns, Matrix { pointer: b.at(pc, jc), ..b }, block);
            let a = Matrix { pointer: a.at(0, pc), ..a };
            // 64 rows of A at a time stay in L2 while the panels pass.
            for ic in (0..m).step_by(64) {
                let rows = (m - ic).min(64);
                let a = Matrix { pointer: a.at(ic, 0), ..a };
                for j in (0..columns).step_by(nr) {
                    let width = (columns - j).min(nr);
                    let to = c.add(ic * ldc + jc + j);
                    panel::<V>(rows, width, depth, a, block.add(j * depth), nr, to, ldc, accumulate || pc > 0);
                }
            }
        }
    }
    Ok(())
}

macro_rules! gemm {
    ($name:ident, $element:ty, $vector:ty) => {
        /// C[m, n] (row-major, leading dimension ldc) = A·B, or += when `accumulate`. Strides in elements, of any sign.
        ///
        /// # Safety
        /// The pointers are valid for what the sizes and strides describe; C overlaps neither A nor B.
        #[allow(clippy::too_many_arguments)]
        pub unsafe fn $name(
            m: usize,
            n: usize,
            k: usize,
            a: *const $element,
            a_row: isize,
            a_column: isize,
            b: *const $element,
            b_row: isize,
            b_column: isize,
            c: *mut $element,
            ldc: usize,
            accumulate: bool,
        ) -> Result<(), AllocError> {
            thread_local! {
                static WORKSPACE: RefCell<Vec<$element>> = const { RefCell::new(Vec::new()) };
            }
            let (a, b) = (Matrix { pointer: a, row: a_row, column: a_column }, Matrix { pointer: b, row: b_row, column: b_column });
            WORKSPACE.with(|w| multiply::<$vector>(m, n, k, a, b, c, ldc, accumulate, &mut w.borrow_mut()))
        }
    };
}

gemm!(gemm_f32, f32, F32);
gemm!(gemm_f64, f64, F64);

/// The same for int32, wrapping. Rare enough for a plain loop, in the order that reads B by rows.
///
/// # Safety
/// As `gemm_f32`.
#[allow(clippy::too_many_arguments)]
pub unsafe fn gemm_i32(
    m: usize,
    n: usize,
    k: usize,
    a: *const i32,
    a_row: isize,
    a_column: isize,
    b: *const i32,
    b_row: isize,
    b_column: isize,
    c: *mut i32,
    ldc: usize,
    accumulate: bool,
) -> Result<(), AllocError> {
    let (a, b) = (Matrix { pointer: a, row: a_row, column: a_column }, Matrix { pointer: b, row: b_row, column: b_column });
    for i in 0..m {
        if !accumulate {
            std::slice::from_raw_parts_mut(c.add(i * ldc), n).fill(0);
        }
        for p in 0..k {
            let x = *a.at(i, p);
            for j in 0..n {
                let place = c.add(i * ldc + j);
                *place = (*place).wrapping_add(x.wrapping_mul(*b.at(p, j)));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u32) -> Vec<f64> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(1664525).wrapping_add(1013904223);
                (state >> 8) as f64 / (1 << 23) as f64 - 1.0
            })
            .collect()
    }

    /// Layouts of a matrix in a larger buffer: (offset, row, column).
    fn layouts(rows: usize, columns: usize) -> Vec<(usize, isize, isize)> {
        let (r, c) = (rows.max(1) as isize, columns.max(1) as isize);
        vec![
            (0, c, 1),
            (0, 1, r),
            (3, c + 2, 1),
            (0, 2 * c, 2),
            (((r - 1) * c) as usize, -c, 1),
            ((c - 1) as usize, c, -1),
            (0, 0, 1),
            (0, 1, 0),
        ]
    }

    macro_rules! against_triple_loop {
        ($test:ident, $gemm:ident, $T:ty, $tolerance:expr) => {
            #[test]
            fn $test() {
                let sizes = [
                    (1, 1, 1),
                    (4, 8, 5),
                    (5, 9, 3),
                    (3, 17, 20),
                    (13, 7, 19),
                    (16, 1, 33),
                    (1, 16, 33),
                    (20, 20, 20),
                    (2, 3, 0),
                    (0, 3, 2),
                    (67, 35, 300),
                    (12, 1030, 4),
                ];
                for (case, &(m, n, k)) in sizes.iter().enumerate() {
                    for &(a_off, a_row, a_column) in &layouts(m, k) {
                        for &(b_off, b_row, b_column) in &layouts(k, n) {
                            let room = |r: usize, c: usize| 4 * (r + 2) * (c + 4) + 8;
                            let a: Vec<$T> = numbers(room(m, k), case as u32).iter().map(|&v| v as $T).collect();
                            let b: Vec<$T> = numbers(room(k, n), 99 + case as u32).iter().map(|&v| v as $T).collect();
                            for accumulate in [false, true] {
                                let ldc = n + 1;
                                let mut c: Vec<$T> = vec![7 as $T; m * ldc + 1];
                                unsafe {
                                    $gemm(
                                        m,
                                        n,
                                        k,
                                        a.as_ptr().add(a_off),
                                        a_row,
                                        a_column,
                                        b.as_ptr().add(b_off),
                                        b_row,
                                        b_column,
                                        c.as_mut_ptr(),
                                        ldc,
                                        accumulate,
                                    )
                                    .unwrap();
                                }
                                for i in 0..m {
                                    for j in 0..n {
                                        let mut expected = if accumulate { 7.0 } else { 0.0 };
                                        for p in 0..k {
                                            let x = a[(a_off as isize + i as isize * a_row + p as isize * a_column) as usize] as f64;
                                            let y = b[(b_off as isize + p as isize * b_row + j as isize * b_column) as usize] as f64;
                                            expected += x * y;
                                        }
                                        let got = c[i * ldc + j] as f64;
                                        assert!(
                                            (got - expected).abs() <= 8.0 * $tolerance * (1.0 + k as f64),
                                            "{m}x{n}x{k} at {i},{j}: {got} instead of {expected}"
                                        );
                                    }
                                    assert_eq!(c[i * ldc + n], 7 as $T, "wrote behind a row");
                                }
                            }
                        }
                    }
                }
            }
        };
    }
    against_triple_loop!(f32_agrees_with_a_triple_loop, gemm_f32, f32, 1e-6);
    against_triple_loop!(f64_agrees_with_a_triple_loop, gemm_f64, f64, 1e-15);

    #[test]
    fn nan_and_infinity_pass_through() {
        let a = [1.0f32, f32::NAN, f32::INFINITY, 2.0];
        let b = [1.0f32, 0.0, 0.0, 1.0];
        let mut c = [0.0f32; 4];
        unsafe { gemm_f32(2, 2, 2, a.as_ptr(), 2, 1, b.as_ptr(), 2, 1, c.as_mut_ptr(), 2, false).unwrap() };
        assert!(c[0].is_nan() && c[1].is_nan() && c[2] == f32::INFINITY && c[3].is_nan());
    }
}
