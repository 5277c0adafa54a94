//! A strided view of a buffer: what a concrete tensor is. Views share their buffer; kernels read contiguous slices.

use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::kernels::strided;
use crate::memory::pool::Buffer;
use crate::shape::{contiguous_strides, element_count, Dims, Strides};
use crate::with_element;
use std::rc::Rc;

pub struct Array {
    buffer: Rc<Buffer>,
    /// First element, in elements from the start of the buffer.
    pub offset: usize,
    pub dims: Dims,
    pub strides: Strides,
    pub dtype: DType,
}

impl Clone for Array {
    /// Small vectors copied as slices: element by element, as their own `clone` does it, costs more than a small op.
    fn clone(&self) -> Array {
        Array {
            buffer: self.buffer.clone(),
            offset: self.offset,
            dims: Dims::from_slice(&self.dims),
            strides: Strides::from_slice(&self.strides),
            dtype: self.dtype,
        }
    }
}

impl Array {
    /// Contiguous and uninitialised.
    pub fn new(dtype: DType, dims: &[usize]) -> Result<Array> {
        let count = element_count(dims)?;
        // count <= 2^29 and size <= 8: the product fits in 2^32 only on 64-bit hosts, so it is checked.
        let bytes = (count as u64 * dtype.size() as u64).min(usize::MAX as u64) as usize;
        let buffer = Rc::new(Buffer::new(bytes)?);
        Ok(Array { buffer, offset: 0, dims: Dims::from_slice(dims), strides: contiguous_strides(dims), dtype })
    }

    pub fn filled(dtype: DType, dims: &[usize], value: f64) -> Result<Array> {
        let mut array = Array::new(dtype, dims)?;
        with_element!(dtype, T => array.slice_mut::<T>().fill(T::from_f64(value)));
        Ok(array)
    }

    pub fn scalar(dtype: DType, value: f64) -> Result<Array> {
        Array::filled(dtype, &[], value)
    }

    pub fn from_slice<T: Element>(values: &[T], dims: &[usize]) -> Result<Array> {
        let mut array = Array::new(T::DTYPE, dims)?;
        array.slice_mut::<T>().copy_from_slice(values);
        Ok(array)
    }

    /// The same buffer seen with other dims, strides and offset; the caller keeps them inside it.
    pub fn view(&self, dims: Dims, strides: Strides, offset: usize) -> Array {
        Array { buffer: self.buffer.clone(), offset, dims, strides, dtype: self.dtype }
    }

    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    pub fn is_empty(&self) -> bool {
        self.dims.contains(&0)
    }

    pub fn is_contiguous(&self) -> bool {
        let mut step = 1isize;
        for (&d, &s) in self.dims.iter().zip(&self.strides).rev() {
            if d == 0 {
                return true;
            }
            if d != 1 && s != step {
                return false;
            }
            step *= d as isize;
        }
        true
    }

    /// This array when its elements already lie in order, else a fresh copy.
    pub fn contiguous(&self) -> Result<Array> {
        if self.is_contiguous() {
            return Ok(self.view(Dims::from_slice(&self.dims), contiguous_strides(&self.dims), self.offset));
        }
        let mut out = Array::new(self.dtype, &self.dims)?;
        with_element!(self.dtype, T => {
            // SAFETY: dims and strides stay inside the buffer by construction; `out` is contiguous with the same dims.
            unsafe { strided::gather_view(&self.dims, &self.strides, self.pointer::<T>(), out.slice_mut::<T>().as_mut_ptr()) }
        });
        Ok(out)
    }

    /// A contiguous copy in a buffer of its own.
    pub fn copied(&self) -> Result<Array> {
        let source = self.contiguous()?;
        let mut copy = Array::new(source.dtype, &source.dims)?;
        with_element!(copy.dtype, T => copy.slice_mut::<T>().copy_from_slice(source.slice()));
        Ok(copy)
    }

    /// Address of the first element.
    pub fn pointer<T: Element>(&self) -> *const T {
        debug_assert_eq!(T::DTYPE, self.dtype);
        // SAFETY: the offset stays inside the buffer (or one past it for empty views).
        unsafe { (self.buffer.pointer() as *const T).add(self.offset) }
    }

    pub fn address(&self) -> *const u8 {
        // SAFETY: as `pointer`.
        unsafe { self.buffer.pointer().add(self.offset * self.dtype.size()) }
    }

    /// The elements of a contiguous array.
    pub fn slice<T: Element>(&self) -> &[T] {
        debug_assert!(self.is_contiguous());
        // SAFETY: contiguous, so `len` elements lie behind the pointer.
        unsafe { std::slice::from_raw_parts(self.pointer(), self.len()) }
    }

    /// The elements of a contiguous array nobody else reads: fresh ones, or after `is_unique`.
    pub fn slice_mut<T: Element>(&mut self) -> &mut [T] {
        debug_assert!(self.is_contiguous() && self.is_unique());
        // SAFETY: contiguous and unshared.
        unsafe { std::slice::from_raw_parts_mut(self.pointer::<T>() as *mut T, self.len()) }
    }

    pub fn is_unique(&self) -> bool {
        Rc::strong_count(&self.buffer) == 1
    }

    /// The one element of an array of size 1.
    pub fn first(&self) -> f64 {
        // SAFETY: callers check the size.
        with_element!(self.dtype, T => unsafe { (*self.pointer::<T>()).to_f64() })
    }

    /// All elements in row-major order; for tests and small reads.
    pub fn to_vec(&self) -> Vec<f64> {
        let Ok(array) = self.contiguous() else { return Vec::new() };
        with_element!(self.dtype, T => array.slice::<T>().iter().map(|v| v.to_f64()).collect())
    }
}
