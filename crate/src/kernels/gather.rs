//! Reading and adding at indices along one axis of contiguous arrays. Indices are valid here: `normalise_indices` has
//! counted negative ones from the end and found the bad ones.

use super::number::Number;
use super::strided::copy_row;

/// Indices in 0 .. size, negative ones counted from the end. Else the first bad position and its value.
pub fn normalise_indices(indices: &[i32], size: usize, out: &mut [i32]) -> Result<(), (usize, i32)> {
    const CHUNK: usize = 256;
    debug_assert_eq!(indices.len(), out.len());
    // No axis is longer than 2^29, so the size fits and the sum below does not wrap to a valid index.
    let size = size as i32;
    for (at, (indices, out)) in indices.chunks(CHUNK).zip(out.chunks_mut(CHUNK)).enumerate() {
        let mut bad = false;
        for (out, &index) in out.iter_mut().zip(indices) {
            let from_start = index.wrapping_add(if index < 0 { size } else { 0 });
            bad |= (from_start < 0) | (from_start >= size);
            *out = from_start;
        }
        if bad {
            let valid = |&i: &i32| i >= 0 && i < size;
            let position = out.iter().position(|i| !valid(i)).unwrap_or(0);
            return Err((at * CHUNK + position, indices[position]));
        }
    }
    Ok(())
}

/// `out[o, j, i] = x[o, indices[j], i]`, with x [outer, size, inner] and out [outer, indices.len(), inner].
pub fn take<T: Copy>(x: &[T], outer: usize, size: usize, inner: usize, indices: &[i32], out: &mut [T]) {
    debug_assert!(x.len() == outer * size * inner && out.len() == outer * indices.len() * inner);
    if out.is_empty() {
        return;
    }
    for (x, out) in x.chunks_exact(size * inner).zip(out.chunks_exact_mut(indices.len() * inner)) {
        if inner == 1 {
            for (out, &index) in out.iter_mut().zip(indices) {
                *out = x[index as usize];
            }
        } else {
            for (out, &index) in out.chunks_exact_mut(inner).zip(indices) {
                let row = &x[index as usize * inner..][..inner];
                // SAFETY: both slices have `inner` elements, and a mutable one overlaps no other.
                unsafe { copy_row(row.as_ptr(), out.as_mut_ptr(), inner) };
            }
        }
    }
}

/// `out[o, indices[j], i] += src[o, j, i]`, with src [outer, indices.len(), inner] and out [outer, size, inner].
pub fn index_add<T: Number>(indices: &[i32], src: &[T], outer: usize, size: usize, inner: usize, out: &mut [T]) {
    debug_assert!(src.len() == outer * indices.len() * inner && out.len() == outer * size * inner);
    if src.is_empty() {
        return;
    }
    for (src, out) in src.chunks_exact(indices.len() * inner).zip(out.chunks_exact_mut(size * inner)) {
        if inner == 1 {
            for (&value, &index) in src.iter().zip(indices) {
                let out = &mut out[index as usize];
                *out = out.plus(value);
            }
        } else {
            for (src, &index) in src.chunks_exact(inner).zip(indices) {
                for (out, &value) in out[index as usize * inner..][..inner].iter_mut().zip(src) {
                    *out = out.plus(value);
                }
            }
        }
    }
}

/// out[o, j, i] = x[o, indices[o, j, i], i], with x [outer, size, inner], indices and out [outer, n, inner].
pub fn gather<T: Copy>(x: &[T], outer: usize, size: usize, inner: usize, n: usize, indices: &[i32], out: &mut [T]) {
    debug_assert!(x.len() == outer * size * inner && indices.len() == outer * n * inner && out.len() == indices.len());
    if out.is_empty() {
        return;
    }
    let slices = x.chunks_exact(size * inner).zip(indices.chunks_exact(n * inner)).zip(out.chunks_exact_mut(n * inner));
    for ((x, indices), out) in slices {
        if inner == 1 {
            for (out, &index) in out.iter_mut().zip(indices) {
                *out = x[index as usize];
            }
        } else {
            for (out, indices) in out.chunks_exact_mut(inner).zip(indices.chunks_exact(inner)) {
                for (i, (out, &index)) in out.iter_mut().zip(indices).enumerate() {
                    *out = x[index as usize * inner + i];
                }
            }
        }
    }
}

/// out[o, indices[o, j, i], i] += src[o, j, i], with indices and src [outer, n, inner] and out [outer, size, inner].
pub fn scatter_add<T: Number>(indices: &[i32], src: &[T], outer: usize, n: usize, size: usize, inner: usize, out: &mut [T]) {
    debug_assert!(src.len() == outer * n * inner && indices.len() == src.len() && out.len() == outer * size * inner);
    if src.is_empty() {
        return;
    }
    let slices = src.chunks_exact(n * inner).zip(indices.chunks_exact(n * inner)).zip(out.chunks_exact_mut(size * inner));
    for ((src, indices), out) in slices {
        for (src, indices) in src.chunks_exact(inner).zip(indices.chunks_exact(inner)) {
            for (i, (&value, &index)) in src.iter().zip(indices).enumerate() {
                let out = &mut out[index as usize * inner + i];
                *out = out.plus(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `check(outer, n, size, inner)` over small shapes; where there are no rows there can be no indices.
    fn shapes(mut check: impl FnMut(usize, usize, usize, usize)) {
        for outer in [0, 1, 3] {
            for n in [0, 1, 4, 9] {
                for size in [0, 1, 5, 7] {
                    for inner in [0, 1, 2, 33] {
                        if size > 0 || n == 0 {
                            check(outer, n, size, inner);
                        }
                    }
                }
            }
        }
    }

    fn indices(count: usize, size: usize) -> Vec<i32> {
        (0..count).map(|i| ((i * 13 + i / 5) % size.max(1)) as i32).collect()
    }

    #[test]
    fn take_and_index_add_match_naive_loops() {
        shapes(|outer, n, size, inner| {
            let idx = indices(n, size);
            let x: Vec<f64> = (0..outer * size * inner).map(|i| i as f64).collect();
            let mut out = vec![-1.0; outer * n * inner];
            take(&x, outer, size, inner, &idx, &mut out);
            let mut sums = vec![0.5; x.len()];
            index_add(&idx, &out, outer, size, inner, &mut sums);
            let mut expected = vec![0.5; x.len()];
            for o in 0..outer {
                for (j, &index) in idx.iter().enumerate() {
                    for i in 0..inner {
                        let (from, to) = ((o * size + index as usize) * inner + i, (o * n + j) * inner + i);
                        assert_eq!(out[to], x[from]);
                        expected[from] += x[from];
                    }
                }
            }
            assert_eq!(sums, expected);
        });
    }

    #[test]
    fn gather_and_scatter_add_match_naive_loops() {
        shapes(|outer, n, size, inner| {
            let idx = indices(outer * n * inner, size);
            let x: Vec<i32> = (0..(outer * size * inner) as i32).collect();
            let mut out = vec![-1; idx.len()];
            gather(&x, outer, size, inner, n, &idx, &mut out);
            let mut sums = vec![1; x.len()];
            scatter_add(&idx, &out, outer, n, size, inner, &mut sums);
            let mut expected = vec![1; x.len()];
            for o in 0..outer {
                for j in 0..n {
                    for i in 0..inner {
                        let at = (o * n + j) * inner + i;
                        let from = (o * size + idx[at] as usize) * inner + i;
                        assert_eq!(out[at], x[from]);
                        expected[from] += x[from];
                    }
                }
            }
            assert_eq!(sums, expected);
        });
    }

    #[test]
    fn negative_indices_count_from_the_end_and_bad_ones_are_named() {
        let mut out = [9; 4];
        assert_eq!(normalise_indices(&[0, -1, 4, -5], 5, &mut out), Ok(()));
        assert_eq!(out, [0, 4, 4, 0]);
        assert_eq!(normalise_indices(&[0, 5, -6, 1], 5, &mut out), Err((1, 5)));
        assert_eq!(normalise_indices(&[0, 1, -6, 9], 5, &mut out), Err((2, -6)));
        assert_eq!(normalise_indices(&[0, 1, i32::MIN, i32::MAX], 5, &mut out), Err((2, i32::MIN)));
        assert_eq!(normalise_indices(&[0], 0, &mut out[..1]), Err((0, 0)));
        assert_eq!(normalise_indices(&[-1], 0, &mut out[..1]), Err((0, -1)));
        assert_eq!(normalise_indices(&[], 0, &mut []), Ok(()));
        let mut many = vec![3; 1000];
        many[700] = 8;
        assert_eq!(normalise_indices(&many, 8, &mut vec![0; 1000]), Err((700, 8)));
    }
}
