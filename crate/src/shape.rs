//! Dimensions, strides, broadcasting and axes. All size arithmetic is checked: on wasm32 `usize` overflows at 2^32.

use crate::error::{Error, Result};
use smallvec::SmallVec;

/// Axes that lie in the list itself; of more it is on the heap. With five a value of the slot map is small enough to be moved by a few
/// instructions (`memory/values.rs`), where a larger one would be a call of the host's `memory.copy`.
const INLINE: usize = 5;

pub type Dims = SmallVec<[usize; INLINE]>;
pub type Strides = SmallVec<[isize; INLINE]>;

/// A list of what there is for each axis. With the few there usually are it is written number by number: copying so many as are there is
/// a call of the host's.
#[inline]
pub fn few<T: Copy + Default>(list: &[T]) -> SmallVec<[T; INLINE]> {
    let zero = T::default();
    let inline = match *list {
        [] => [zero; INLINE],
        [a] => [a, zero, zero, zero, zero],
        [a, b] => [a, b, zero, zero, zero],
        [a, b, c] => [a, b, c, zero, zero],
        [a, b, c, d] => [a, b, c, d, zero],
        [a, b, c, d, e] => [a, b, c, d, e],
        _ => return SmallVec::from_slice(list),
    };
    SmallVec::from_buf_and_len(inline, list.len())
}

/// A copy of such a list, whole: a few words, however many of them are used.
#[inline]
pub fn same<T: Copy + Default>(list: &SmallVec<[T; INLINE]>) -> SmallVec<[T; INLINE]> {
    if list.spilled() {
        return SmallVec::from_slice(list);
    }
    // SAFETY: not on the heap, so its words are all there is of it, and what it holds is `Copy`.
    unsafe { std::ptr::read(list) }
}

/// The largest element count of one tensor: byte sizes (8 bytes an element) must fit the 4 GiB of a wasm memory.
pub const MAX_ELEMENTS: u64 = 1 << 29;

/// The most axes of a tensor, as in NumPy and PyTorch.
pub const MAX_RANK: usize = 64;

/// Shapes as users read them: `[2, 3]`.
pub fn show(dims: &[usize]) -> String {
    let parts: Vec<String> = dims.iter().map(|d| d.to_string()).collect();
    format!("[{}]", parts.join(", "))
}

/// The number of elements of a shape that is known to be allowed. Leaving at a 0 keeps the compiler from making vectors of so few numbers.
#[inline]
pub fn size(dims: &[usize]) -> usize {
    let mut count = 1;
    for &d in dims {
        if d == 0 {
            return 0;
        }
        count *= d;
    }
    count
}

/// The number of elements; a `ShapeError` beyond what a tensor can hold. Whatever makes a new shape asks here.
pub fn element_count(dims: &[usize]) -> Result<usize> {
    if dims.len() > MAX_RANK {
        return Err(Error::shape(format!("{} axes; a tensor has at most {MAX_RANK}, those that vmap adds included", dims.len())));
    }
    if dims.contains(&0) {
        return Ok(0);
    }
    let mut count: u64 = 1;
    for &d in dims {
        // Below 2^30 · 2^29, so the product is exact.
        count *= (d as u64).min(MAX_ELEMENTS + 1);
        if count > MAX_ELEMENTS {
            return Err(too_many(dims));
        }
    }
    Ok(count as usize)
}

#[cold]
fn too_many(dims: &[usize]) -> Error {
    Error::shape(format!("shape {} has more than 2^29 elements, the most one tensor can hold; split it", show(dims)))
}

/// A dimension read from a JavaScript number.
pub fn dim_from(value: f64) -> Result<usize> {
    if value.fract() != 0.0 || !(0.0..4294967296.0).contains(&value) {
        return Err(Error::shape(format!("{value} is not a dimension; expected an integer from 0 to 2^32 - 1")));
    }
    Ok(value as usize)
}

pub fn dims_from(values: &[f64]) -> Result<Dims> {
    values.iter().map(|&v| dim_from(v)).collect()
}

/// Row-major strides, in elements.
pub fn contiguous_strides(dims: &[usize]) -> Strides {
    let fill = |strides: &mut [isize]| {
        let mut step = 1isize;
        for (stride, &d) in strides.iter_mut().zip(dims).rev() {
            *stride = step;
            step = step.wrapping_mul(d.max(1) as isize);
        }
    };
    if dims.len() <= INLINE {
        let mut few = [1; INLINE];
        fill(&mut few[..dims.len()]);
        return Strides::from_buf_and_len(few, dims.len());
    }
    let mut strides: Strides = SmallVec::from_elem(1, dims.len());
    fill(&mut strides);
    strides
}

/// The strides in which an array that does not lie in order is seen with other dims of as many elements; None where that takes a copy. Axes are matched
/// from the front, the fewest of both that hold equally many elements: those of the array must lie in order among themselves.
pub fn restrided(dims: &[usize], strides: &[isize], to: &[usize]) -> Option<Strides> {
    let mut seen = contiguous_strides(to);
    if to.contains(&0) {
        return Some(seen);
    }
    let axes: SmallVec<[(usize, isize); 6]> = dims.iter().copied().zip(strides.iter().copied()).filter(|&(d, _)| d != 1).collect();
    let (mut from, mut at) = (0, 0);
    while from < axes.len() {
        let (first_from, first_at) = (from, at);
        let (mut have, mut want) = (axes[from].0, to[at]);
        (from, at) = (from + 1, at + 1);
        while have != want {
            if want < have {
                want *= to[at];
                at += 1;
            } else {
                have *= axes[from].0;
                from += 1;
            }
        }
        if (first_from + 1..from).any(|k| axes[k - 1].1 != axes[k].1 * axes[k].0 as isize) {
            return None;
        }
        let mut step = axes[from - 1].1;
        for axis in (first_at..at).rev() {
            seen[axis] = step;
            step *= to[axis] as isize;
        }
    }
    Some(seen)
}

/// Whether two shapes are the same: a loop, because the few numbers do not pay for a call to `memcmp`.
#[inline]
pub fn same_dims(a: &[usize], b: &[usize]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x == y)
}

/// NumPy broadcasting: shapes align at the end; 1 stretches.
pub fn broadcast(a: &[usize], b: &[usize]) -> Result<Dims> {
    // Beside a number, by far the most frequent.
    if a.is_empty() || b.is_empty() {
        return Ok(few(if a.is_empty() { b } else { a }));
    }
    let rank = a.len().max(b.len());
    let mut out: Dims = SmallVec::from_elem(1, rank);
    for i in 0..rank {
        let x = if i + a.len() >= rank { a[i + a.len() - rank] } else { 1 };
        let y = if i + b.len() >= rank { b[i + b.len() - rank] } else { 1 };
        out[i] = if x == y || y == 1 {
            x
        } else if x == 1 {
            y
        } else {
            return Err(Error::shape(format!(
                "shapes {} and {} do not broadcast: axis {} has sizes {x} and {y}; sizes must be equal or 1 (reshape or unsqueeze one of them)",
                show(a),
                show(b),
                i as isize - rank as isize
            )));
        };
    }
    Ok(out)
}

/// An axis read from a JavaScript number; negative ones count from the end.
pub fn axis_from(value: f64, rank: usize) -> Result<usize> {
    let r = rank as f64;
    if value.fract() != 0.0 || value < -r || value >= r {
        let range = if rank == 0 {
            "a 0-d tensor has no axes".to_string()
        } else {
            format!("expected an integer from {} to {}", -(rank as i64), rank - 1)
        };
        return Err(Error::index(format!("axis {value} is out of range for a tensor with {rank} axes; {range}")));
    }
    Ok(if value < 0.0 { (value + r) as usize } else { value as usize })
}

/// A list of distinct axes, ascending.
pub fn axes_from(values: &[f64], rank: usize) -> Result<SmallVec<[usize; 6]>> {
    let mut axes: SmallVec<[usize; 6]> = SmallVec::new();
    for &v in values {
        let axis = axis_from(v, rank)?;
        if axes.contains(&axis) {
            return Err(Error::value(format!("axis {v} is named twice; each axis may be reduced once")));
        }
        axes.push(axis);
    }
    axes.sort_unstable();
    Ok(axes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the elements stand, in order.
    fn positions(dims: &[usize], strides: &[isize]) -> Vec<isize> {
        dims.iter()
            .zip(strides)
            .fold(vec![0], |all, (&d, &s)| all.iter().flat_map(|&at| (0..d as isize).map(move |i| at + i * s)).collect())
    }

    #[test]
    fn other_dims_keep_the_order_of_elements() {
        // A (3, 4, 5) array in several orders, parts of it, and what it is stretched to.
        let layouts: [(&[usize], &[isize]); 8] = [
            (&[3, 4, 5], &[20, 5, 1]),
            (&[5, 4, 3], &[1, 5, 20]),
            (&[4, 3, 5], &[5, 20, 1]),
            (&[5, 3, 4], &[1, 20, 5]),
            (&[3, 4, 2], &[20, 5, 2]),
            (&[3, 1, 4, 5], &[20, 7, 5, 1]),
            (&[3, 4, 6], &[20, 5, 0]),
            (&[2, 4, 5], &[-20, 5, 1]),
        ];
        let mut copies = 0;
        for (dims, strides) in layouts {
            let count: usize = dims.iter().product();
            let mut shapes: Vec<Vec<usize>> = vec![vec![count], dims.to_vec(), [&[1], dims].concat(), [dims, &[1]].concat()];
            for a in (1..=count).filter(|a| count.is_multiple_of(*a)) {
                shapes.push(vec![a, count / a]);
                shapes.extend((1..=a).filter(|b| a.is_multiple_of(*b)).map(|b| vec![b, 1, a / b, count / a]));
            }
            for to in shapes {
                match restrided(dims, strides, &to) {
                    Some(seen) => assert_eq!(positions(&to, &seen), positions(dims, strides), "{dims:?} {strides:?} to {to:?}"),
                    None => copies += 1,
                }
            }
            assert!(restrided(dims, strides, dims).is_some() && restrided(dims, strides, &[&[1], dims, &[1]].concat()).is_some());
        }
        assert!(copies > 0 && restrided(&[4, 5], &[1, 4], &[20]).is_none());
        assert_eq!(restrided(&[1, 1], &[9, 9], &[1]).as_deref(), Some(&[1][..]));
        assert!(restrided(&[0, 3], &[1, 1], &[3, 0]).is_some());
    }

    #[test]
    fn broadcasting_aligns_at_the_end() {
        assert_eq!(broadcast(&[2, 1], &[3]).unwrap().as_slice(), &[2, 3]);
        assert_eq!(broadcast(&[], &[0, 3]).unwrap().as_slice(), &[0, 3]);
        assert_eq!(broadcast(&[1], &[0]).unwrap().as_slice(), &[0]);
        assert_eq!(broadcast(&[2, 3], &[]).unwrap().as_slice(), &[2, 3]);
        assert_eq!(broadcast(&[], &[]).unwrap().len(), 0);
        assert!(broadcast(&[2], &[3]).is_err());
        assert!(broadcast(&[2], &[0]).is_err());
    }

    #[test]
    fn sizes_are_checked() {
        assert!(element_count(&[1 << 16, 1 << 16]).is_err());
        assert!(element_count(&[2048, 2048, 2048]).is_err());
        assert_eq!(element_count(&[0, usize::MAX]).unwrap(), 0);
        assert_eq!(element_count(&[]).unwrap(), 1);
        assert!(dim_from(-1.0).is_err() && dim_from(1.5).is_err() && dim_from(f64::NAN).is_err());
    }

    #[test]
    fn axes_count_from_either_end() {
        assert_eq!(axis_from(-1.0, 3).unwrap(), 2);
        assert!(axis_from(3.0, 3).is_err());
        assert!(axis_from(0.0, 0).is_err());
        assert!(axes_from(&[0.0, -3.0], 3).is_err());
    }
}
