//! Dimensions, strides, broadcasting and axes. All size arithmetic is checked: on wasm32 `usize` overflows at 2^32.

use crate::error::{Error, Result};
use smallvec::SmallVec;

pub type Dims = SmallVec<[usize; 6]>;
pub type Strides = SmallVec<[isize; 6]>;

/// The largest element count of one tensor: byte sizes (8 bytes an element) must fit the 4 GiB of a wasm memory.
pub const MAX_ELEMENTS: u64 = 1 << 29;

/// The most axes of a tensor, as in NumPy and PyTorch.
pub const MAX_RANK: usize = 64;

/// Shapes as users read them: `[2, 3]`.
pub fn show(dims: &[usize]) -> String {
    let parts: Vec<String> = dims.iter().map(|d| d.to_string()).collect();
    format!("[{}]", parts.join(", "))
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
        count = count.checked_mul(d as u64).filter(|&c| c <= MAX_ELEMENTS).ok_or_else(|| {
            Error::shape(format!("shape {} has more than 2^29 elements, the most one tensor can hold; split it", show(dims)))
        })?;
    }
    Ok(count as usize)
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
    let mut strides: Strides = SmallVec::from_elem(1, dims.len());
    let mut step = 1isize;
    for (stride, &d) in strides.iter_mut().zip(dims).rev() {
        *stride = step;
        step = step.wrapping_mul(d.max(1) as isize);
    }
    strides
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
        return Ok(Dims::from_slice(if a.is_empty() { b } else { a }));
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
