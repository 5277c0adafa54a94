//! Matrix-vector products, bound by reading the matrix once: dot products when its rows are contiguous, sums of scaled
//! columns when its columns are.

use super::{Matrix, Vector};

/// y_i = Σ_p a(i, p) x_p for `rows` rows, y `y_step` apart.
///
/// # Safety: as `gemm_f32`.
pub unsafe fn matrix_vector<V: Vector>(
    rows: usize,
    k: usize,
    a: Matrix<V::Element>,
    x: *const V::Element,
    x_step: isize,
    y: *mut V::Element,
    y_step: usize,
    accumulate: bool,
) {
    if a.column == 1 && x_step == 1 {
        for i in 0..rows {
            put(y.add(i * y_step), dot::<V>(k, a.at(i, 0), x), accumulate);
        }
    } else if a.row == 1 && rows >= V::LANES {
        columns::<V>(rows, k, a, x, x_step, y, y_step, accumulate);
    } else {
        for i in 0..rows {
            put(y.add(i * y_step), strided_dot::<V>(k, a.at(i, 0), a.column, x, x_step), accumulate);
        }
    }
}

#[inline(always)]
unsafe fn put<T: Copy + std::ops::Add<Output = T>>(place: *mut T, value: T, accumulate: bool) {
    *place = if accumulate { *place + value } else { value };
}

/// Four vectors of partial sums hide the latency of the additions.
#[inline(always)]
unsafe fn dot<V: Vector>(k: usize, a: *const V::Element, x: *const V::Element) -> V::Element {
    let mut sums = [V::splat(V::Element::default()); 4];
    let step = 4 * V::LANES;
    let mut p = 0;
    while p + step <= k {
        for (q, sum) in sums.iter_mut().enumerate() {
            let at = p + q * V::LANES;
            *sum = sum.multiply_add(V::load(a.add(at)), V::load(x.add(at)));
        }
        p += step;
    }
    while p + V::LANES <= k {
        sums[0] = sums[0].multiply_add(V::load(a.add(p)), V::load(x.add(p)));
        p += V::LANES;
    }
    let mut total = sums[0].add(sums[1]).add(sums[2].add(sums[3])).sum();
    while p < k {
        total = total + *a.add(p) * *x.add(p);
        p += 1;
    }
    total
}

unsafe fn strided_dot<V: Vector>(k: usize, a: *const V::Element, a_step: isize, x: *const V::Element, x_step: isize) -> V::Element {
    let mut total = V::Element::default();
    for p in 0..k as isize {
        total = total + *a.offset(p * a_step) * *x.offset(p * x_step);
    }
    total
}

/// Columns are contiguous: eight vectors of rows at a time, each column scaled and added.
unsafe fn columns<V: Vector>(
    rows: usize,
    k: usize,
    a: Matrix<V::Element>,
    x: *const V::Element,
    x_step: isize,
    y: *mut V::Element,
    y_step: usize,
    accumulate: bool,
) {
    let mut i = 0;
    while i < rows {
        let left = rows - i;
        i += if left >= 8 * V::LANES {
            column_block::<V, 8>(k, a, i, x, x_step, y, y_step, accumulate)
        } else if left >= V::LANES {
            column_block::<V, 1>(k, a, i, x, x_step, y, y_step, accumulate)
        } else {
            for r in i..rows {
                put(y.add(r * y_step), strided_dot::<V>(k, a.at(r, 0), a.column, x, x_step), accumulate);
            }
            left
        };
    }
}

#[inline(always)]
unsafe fn column_block<V: Vector, const BLOCK: usize>(
    k: usize,
    a: Matrix<V::Element>,
    i: usize,
    x: *const V::Element,
    x_step: isize,
    y: *mut V::Element,
    y_step: usize,
    accumulate: bool,
) -> usize {
    let mut sums = [V::splat(V::Element::default()); BLOCK];
    for p in 0..k {
        let scale = V::splat(*x.offset(p as isize * x_step));
        let column = a.at(i, p);
        for (q, sum) in sums.iter_mut().enumerate() {
            *sum = sum.multiply_add(scale, V::load(column.add(q * V::LANES)));
        }
    }
    for (q, sum) in sums.into_iter().enumerate() {
        // 2·4 is the widest vector there is.
        let mut lanes = [V::Element::default(); 8];
        sum.store(lanes.as_mut_ptr());
        for (lane, &value) in lanes.iter().take(V::LANES).enumerate() {
            put(y.add((i + q * V::LANES + lane) * y_step), value, accumulate);
        }
    }
    BLOCK * V::LANES
}
