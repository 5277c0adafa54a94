//! The one place where views are read and written: any strides, including negative ones and 0 for broadcasting.
//! Views become contiguous here so that no other kernel has to know what a stride is.

/// Every dimension left after collapsing is at least 2, so more than this many cannot be addressed.
const MAX_RANK: usize = usize::BITS as usize;

/// Edge of the square blocks a transposition works in: 16 float32 fill one cache line.
const TILE: usize = 16;

/// One dimension of a copy: extent, and how far source and destination move, in elements.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Axis {
    extent: usize,
    from: isize,
    to: isize,
}

/// Copies a strided view into a contiguous row-major buffer.
///
/// # Safety
/// Every element of the view lies in memory readable through `src`; `out` has room for the product of `dims`; the two do
/// not overlap.
pub unsafe fn gather_view<T: Copy>(dims: &[usize], strides: &[isize], src: *const T, out: *mut T) {
    let mut axes = [Axis { extent: 1, from: 0, to: 0 }; MAX_RANK];
    let Some(rank) = collapse(dims, strides, true, &mut axes) else { return };
    copy(&axes[..rank], src, out);
}

/// Copies a contiguous row-major buffer into a strided view. Where strides of 0 make elements coincide, one of them wins.
///
/// # Safety
/// As `gather_view`, with the parts of `src` and `dst` exchanged.
pub unsafe fn scatter_view<T: Copy>(dims: &[usize], strides: &[isize], src: *const T, dst: *mut T) {
    let mut axes = [Axis { extent: 1, from: 0, to: 0 }; MAX_RANK];
    let Some(rank) = collapse(dims, strides, false, &mut axes) else { return };
    copy(&axes[..rank], src, dst);
}

/// Adds a contiguous row-major buffer to a strided view whose elements are distinct.
///
/// # Safety
/// As `scatter_view`.
pub unsafe fn accumulate_view<T: Copy + std::ops::Add<Output = T>>(dims: &[usize], strides: &[isize], src: *const T, dst: *mut T) {
    let mut axes = [Axis { extent: 1, from: 0, to: 0 }; MAX_RANK];
    let Some(rank) = collapse(dims, strides, false, &mut axes) else { return };
    let (inner, outer) = match axes[..rank].split_last() {
        Some((&inner, outer)) => (inner, outer),
        None => (Axis { extent: 1, from: 1, to: 1 }, &axes[..0]),
    };
    walk(outer, src, dst, |src, dst| {
        for i in 0..inner.extent as isize {
            let sum = dst.offset(i * inner.to);
            *sum = *sum + *src.offset(i * inner.from);
        }
    });
}

/// Drops dimensions of extent 1 and merges neighbours that one stride describes. None when the view is empty.
/// Axes come out outermost first.
fn collapse(dims: &[usize], strides: &[isize], gathering: bool, axes: &mut [Axis; MAX_RANK]) -> Option<usize> {
    debug_assert_eq!(dims.len(), strides.len());
    if dims.contains(&0) {
        return None;
    }
    let (mut rank, mut step) = (0, 1isize);
    // Innermost first, so that the contiguous side's stride is known.
    for (&extent, &stride) in dims.iter().zip(strides).rev() {
        if extent == 1 {
            continue;
        }
        let axis = if gathering { Axis { extent, from: stride, to: step } } else { Axis { extent, from: step, to: stride } };
        step *= extent as isize;
        if rank > 0 {
            let inner = &mut axes[rank - 1];
            let reach = inner.extent as isize;
            if axis.from == inner.from * reach && axis.to == inner.to * reach {
                inner.extent *= extent;
                continue;
            }
        }
        axes[rank] = axis;
        rank += 1;
    }
    axes[..rank].reverse();
    Some(rank)
}

/// # Safety
/// All addresses the axes reach are valid, and source and destination do not overlap.
unsafe fn copy<T: Copy>(axes: &[Axis], src: *const T, dst: *mut T) {
    let Some((&inner, outer)) = axes.split_last() else {
        *dst = *src;
        return;
    };
    // A dimension that is contiguous where the innermost is not: those two are a matrix to transpose.
    let partner = outer.iter().rposition(|a| {
        (inner.to == 1 && inner.from != 1 && inner.from != 0 && a.from == 1) || (inner.from == 1 && inner.to != 1 && a.to == 1)
    });
    match partner {
        Some(at) => {
            let other = outer[at];
            let mut rest = [Axis { extent: 1, from: 0, to: 0 }; MAX_RANK];
            rest[..at].copy_from_slice(&outer[..at]);
            rest[at..outer.len() - 1].copy_from_slice(&outer[at + 1..]);
            let (rows, columns) = if inner.to == 1 { (other, inner) } else { (inner, other) };
            walk(&rest[..outer.len() - 1], src, dst, |src, dst| transpose(rows, columns, src, dst));
        }
        None if inner.from == 1 && inner.to == 1 => walk(outer, src, dst, |src, dst| copy_row(src, dst, inner.extent)),
        None if inner.from == 0 && inner.to == 1 => walk(outer, src, dst, |src, dst| {
            std::slice::from_raw_parts_mut(dst as *mut std::mem::MaybeUninit<T>, inner.extent).fill(std::mem::MaybeUninit::new(*src));
        }),
        None => walk(outer, src, dst, |src, dst| {
            for i in 0..inner.extent as isize {
                *dst.offset(i * inner.to) = *src.offset(i * inner.from);
            }
        }),
    }
}

/// Calls `row` at every place the axes lead to, in row-major order.
///
/// # Safety
/// As `copy`.
#[inline(always)]
unsafe fn walk<T: Copy>(axes: &[Axis], src: *const T, dst: *mut T, mut row: impl FnMut(*const T, *mut T)) {
    // The last axis is a plain loop, so the counters below are touched once per row of rows.
    let (axes, last) = match axes.split_last() {
        Some((&last, axes)) => (axes, last),
        None => return row(src, dst),
    };
    let mut counters = [0usize; MAX_RANK];
    let (mut from, mut to) = (0isize, 0isize);
    loop {
        let (mut inner_from, mut inner_to) = (from, to);
        for _ in 0..last.extent {
            row(src.offset(inner_from), dst.offset(inner_to));
            inner_from += last.from;
            inner_to += last.to;
        }
        let mut axis = axes.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            let Axis { extent, from: step_from, to: step_to } = axes[axis];
            counters[axis] += 1;
            from += step_from;
            to += step_to;
            if counters[axis] < extent {
                break;
            }
            counters[axis] = 0;
            from -= step_from * extent as isize;
            to -= step_to * extent as isize;
        }
    }
}

/// A copy that is also quick when it is short.
///
/// # Safety
/// `count` elements lie behind both pointers and do not overlap.
#[inline(always)]
pub(super) unsafe fn copy_row<T: Copy>(src: *const T, dst: *mut T, count: usize) {
    // `memory.copy` leaves compiled code for a library call; short rows are quicker by hand, in fixed pieces that the
    // compiler does not turn back into that call.
    if count * size_of::<T>() >= 128 {
        std::ptr::copy_nonoverlapping(src, dst, count);
        return;
    }
    let mut i = 0;
    while i + 4 <= count {
        (dst.add(i) as *mut [T; 4]).write(*(src.add(i) as *const [T; 4]));
        i += 4;
    }
    while i < count {
        *dst.add(i) = *src.add(i);
        i += 1;
    }
}

/// dst[i, j] = src[i, j], where `rows` (i) is contiguous in the source and `columns` (j) in the destination.
///
/// # Safety
/// As `copy`.
unsafe fn transpose<T: Copy>(rows: Axis, columns: Axis, src: *const T, dst: *mut T) {
    let mut i = 0;
    while i < rows.extent {
        let height = TILE.min(rows.extent - i);
        let mut j = 0;
        while j < columns.extent {
            let width = TILE.min(columns.extent - j);
            let from = src.offset(i as isize + j as isize * columns.from);
            let to = dst.offset(i as isize * rows.to + j as isize);
            transpose_tile(height, width, from, columns.from, to, rows.to);
            j += TILE;
        }
        i += TILE;
    }
}

/// # Safety
/// As `copy`.
#[inline(always)]
unsafe fn transpose_tile<T: Copy>(height: usize, width: usize, src: *const T, from: isize, dst: *mut T, to: isize) {
    let (whole_height, whole_width) = (height & !3, width & !3);
    for i in (0..whole_height).step_by(4) {
        for j in (0..whole_width).step_by(4) {
            transpose_4x4(src.offset(i as isize + j as isize * from), from, dst.offset(i as isize * to + j as isize), to);
        }
    }
    for i in 0..height {
        let start = if i < whole_height { whole_width } else { 0 };
        for j in start..width {
            *dst.offset(i as isize * to + j as isize) = *src.offset(i as isize + j as isize * from);
        }
    }
}

/// # Safety
/// As `copy`.
#[inline(always)]
unsafe fn transpose_4x4<T: Copy>(src: *const T, from: isize, dst: *mut T, to: isize) {
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    if size_of::<T>() == 4 {
        use std::arch::wasm32::{i32x4_shuffle, v128_load, v128_store};
        let row = |j: isize| v128_load(src.offset(j * from) as *const _);
        let (a, b, c, d) = (row(0), row(1), row(2), row(3));
        // Interleave rows 0 with 2 and 1 with 3, then the results with each other.
        let (ac_low, ac_high) = (i32x4_shuffle::<0, 4, 1, 5>(a, c), i32x4_shuffle::<2, 6, 3, 7>(a, c));
        let (bd_low, bd_high) = (i32x4_shuffle::<0, 4, 1, 5>(b, d), i32x4_shuffle::<2, 6, 3, 7>(b, d));
        let put = |i: isize, value| v128_store(dst.offset(i * to) as *mut _, value);
        put(0, i32x4_shuffle::<0, 4, 1, 5>(ac_low, bd_low));
        put(1, i32x4_shuffle::<2, 6, 3, 7>(ac_low, bd_low));
        put(2, i32x4_shuffle::<0, 4, 1, 5>(ac_high, bd_high));
        put(3, i32x4_shuffle::<2, 6, 3, 7>(ac_high, bd_high));
        return;
    }
    let [a, b, c, d] = [0, 1, 2, 3].map(|j| *(src.offset(j * from) as *const [T; 4]));
    for i in 0..4 {
        (dst.offset(i as isize * to) as *mut [T; 4]).write([a[i], b[i], c[i], d[i]]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All views of `dims` under several permutations, flips, steps and broadcasts, checked against index arithmetic.
    fn naive<T: Copy>(dims: &[usize], strides: &[isize], src: &[T], start: isize) -> Vec<T> {
        let count: usize = dims.iter().product();
        (0..count)
            .map(|mut flat| {
                let mut at = start;
                for (&d, &s) in dims.iter().zip(strides).rev() {
                    at += (flat % d) as isize * s;
                    flat /= d;
                }
                src[at as usize]
            })
            .collect()
    }

    fn check<T: Copy + PartialEq + std::fmt::Debug>(dims: &[usize], strides: &[isize], make: impl Fn(usize) -> T) {
        let low: isize = dims.iter().zip(strides).map(|(&d, &s)| if s < 0 { s * (d.max(1) as isize - 1) } else { 0 }).sum();
        let high: isize = dims.iter().zip(strides).map(|(&d, &s)| if s > 0 { s * (d.max(1) as isize - 1) } else { 0 }).sum();
        let src: Vec<T> = (0..(high - low + 1) as usize).map(&make).collect();
        let expected = naive(dims, strides, &src, -low);
        let mut out = vec![make(251); expected.len()];
        unsafe { gather_view(dims, strides, src.as_ptr().offset(-low), out.as_mut_ptr()) };
        assert_eq!(out, expected, "gather {dims:?} {strides:?}");
        if !strides.contains(&0) {
            let mut back = vec![make(250); src.len()];
            unsafe { scatter_view(dims, strides, out.as_ptr(), back.as_mut_ptr().offset(-low)) };
            assert_eq!(naive(dims, strides, &back, -low), expected, "scatter {dims:?} {strides:?}");
            // What the view does not reach stays untouched.
            let untouched = back.iter().filter(|&&v| v == make(250)).count();
            assert!(untouched >= src.len().saturating_sub(expected.len()));
        }
    }

    fn check_all(dims: &[usize], strides: &[isize]) {
        check(dims, strides, |i| i as f64);
        check(dims, strides, |i| i as i32);
        check(dims, strides, |i| (i % 249) as u8);
    }

    #[test]
    fn views_are_read_and_written() {
        check_all(&[], &[]);
        check_all(&[5], &[1]);
        check_all(&[5], &[-1]);
        check_all(&[5], &[0]);
        check_all(&[5], &[3]);
        check_all(&[2, 3, 4], &[12, 4, 1]);
        check_all(&[2, 1, 3, 4], &[12, 99, 4, 1]);
        check_all(&[3, 4, 2], &[4, 1, 12]);
        check_all(&[4, 3, 2], &[1, 4, 12]);
        check_all(&[4, 3], &[0, 1]);
        check_all(&[4, 3], &[1, 0]);
        check_all(&[4, 3], &[0, 0]);
        check_all(&[2, 3, 4], &[24, 8, 2]);
        check_all(&[2, 3, 4], &[-12, 4, -1]);
        check_all(&[2, 3, 2, 3, 2], &[1, 40, 2, 120, 4]);
        check_all(&[3, 70], &[100, 1]);
    }

    #[test]
    fn transposes_of_every_remainder() {
        for rows in [1, 2, 3, 4, 5, 15, 16, 17, 33] {
            for columns in [1, 2, 3, 4, 7, 16, 18, 35] {
                check_all(&[rows, columns], &[1, rows as isize]);
                check_all(&[rows, columns], &[1, rows as isize + 3]);
                check_all(&[2, rows, columns], &[(rows * columns) as isize, 1, rows as isize]);
                check_all(&[rows, 2, columns], &[1, (rows * columns) as isize, rows as isize]);
            }
        }
    }

    #[test]
    fn empty_views_touch_nothing() {
        let empty: [f32; 0] = [];
        for (dims, strides) in [(vec![0], vec![1]), (vec![3, 0], vec![0, 1]), (vec![0, 4], vec![4, 1]), (vec![2, 0, 3], vec![1, 7, 2])] {
            unsafe {
                gather_view(&dims, &strides, empty.as_ptr(), std::ptr::NonNull::<f32>::dangling().as_ptr());
                scatter_view(&dims, &strides, empty.as_ptr(), std::ptr::NonNull::<f32>::dangling().as_ptr());
            }
        }
    }

    #[test]
    fn neighbouring_dimensions_collapse() {
        let mut axes = [Axis { extent: 1, from: 0, to: 0 }; MAX_RANK];
        assert_eq!(collapse(&[2, 3, 1, 4], &[12, 4, 5, 1], true, &mut axes), Some(1));
        assert_eq!(axes[0], Axis { extent: 24, from: 1, to: 1 });
        assert_eq!(collapse(&[2, 3, 4], &[0, 4, 1], true, &mut axes), Some(2));
        assert_eq!(collapse(&[2, 3, 4], &[0, 0, 0], true, &mut axes), Some(1));
        assert_eq!(collapse(&[2, 0], &[1, 1], true, &mut axes), None);
        assert_eq!(collapse(&[1; 100], &[7; 100], true, &mut axes), Some(0));
    }
}
