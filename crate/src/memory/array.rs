//! A strided view of a buffer: what a concrete tensor is. Views share their buffer; kernels read contiguous slices.

use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::kernels::binary::Operand;
use crate::kernels::compare::cast;
use crate::kernels::strided;
use crate::memory::out::Out;
use crate::memory::pool::Buffer;
use crate::shape::{contiguous_strides, element_count, few, same, size, Dims, Strides};
use crate::with_type;
use std::borrow::Cow;

pub struct Array {
    buffer: Buffer,
    /// First element, in elements from the start of the buffer.
    pub offset: usize,
    pub dims: Dims,
    pub strides: Strides,
    pub dtype: DType,
}

/// Where the elements of a view lie: the element with indices i stands at offset + Σ i_k strides_k.
#[derive(Clone)]
pub struct Layout {
    pub dims: Dims,
    pub strides: Strides,
    pub offset: usize,
}

/// A layout that is borrowed.
#[derive(Clone, Copy)]
pub struct Strided<'a> {
    pub dims: &'a [usize],
    pub strides: &'a [isize],
    pub offset: usize,
}

impl Strided<'_> {
    /// Whether the elements lie in order, without gaps.
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        let mut step = 1isize;
        for (&d, &s) in self.dims.iter().zip(self.strides).rev() {
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
}

impl Clone for Array {
    fn clone(&self) -> Array {
        Array { buffer: self.buffer.clone(), offset: self.offset, dims: same(&self.dims), strides: same(&self.strides), dtype: self.dtype }
    }
}

impl Array {
    /// Contiguous and uninitialised.
    pub fn new(dtype: DType, dims: &[usize]) -> Result<Array> {
        Array::with_dims(dtype, few(dims))
    }

    /// `new`, with dims that it takes over.
    pub fn with_dims(dtype: DType, dims: Dims) -> Result<Array> {
        let count = element_count(&dims)?;
        // count <= 2^29 and size <= 8: the product fits in 2^32 only on 64-bit hosts, so it is checked.
        let bytes = (count as u64 * dtype.size() as u64).min(usize::MAX as u64) as usize;
        let buffer = Buffer::new(bytes)?;
        let strides = contiguous_strides(&dims);
        Ok(Array { buffer, offset: 0, dims, strides, dtype })
    }

    /// Uninitialised, laid out as another that is contiguous.
    pub fn laid_as(other: &Array, dtype: DType) -> Result<Array> {
        let buffer = Buffer::new((other.len() as u64 * dtype.size() as u64).min(usize::MAX as u64) as usize)?;
        Ok(Array { buffer, offset: 0, dims: same(&other.dims), strides: same(&other.strides), dtype })
    }

    pub fn filled(dtype: DType, dims: &[usize], value: f64) -> Result<Array> {
        let mut array = Array::new(dtype, dims)?;
        with_type!(dtype, T: any => array.slice_mut::<T>().fill(T::from_f64(value)));
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

    /// Fresh, with the dtype and dims of another.
    pub fn like(other: &Array) -> Result<Array> {
        Array::new(other.dtype, &other.dims)
    }

    /// Made element by element, in row-major order.
    pub fn from_fn<T: Element>(dims: &[usize], f: impl Fn(usize) -> T) -> Result<Array> {
        let mut array = Array::new(T::DTYPE, dims)?;
        array.slice_mut::<T>().iter_mut().enumerate().for_each(|(i, place)| *place = f(i));
        Ok(array)
    }

    /// The same values in another dtype; itself when it has that dtype.
    pub fn to_dtype(&self, dtype: DType) -> Result<Cow<'_, Array>> {
        if self.dtype == dtype {
            return Ok(Cow::Borrowed(self));
        }
        self.converted(dtype).map(Cow::Owned)
    }

    fn converted(&self, dtype: DType) -> Result<Array> {
        let x = self.contiguous()?;
        let mut out = Array::new(dtype, &x.dims)?;
        with_type!(x.dtype, From: any => with_type!(dtype, To: any => cast::<From, To>(x.slice(), out.slice_mut())));
        Ok(out)
    }

    /// The same values in another dtype, lying in order; itself when it is so.
    #[inline]
    pub fn ordered(&self, dtype: DType) -> Result<Cow<'_, Array>> {
        if self.dtype == dtype && self.is_contiguous() {
            return Ok(Cow::Borrowed(self));
        }
        self.reordered(dtype).map(Cow::Owned)
    }

    #[cold]
    fn reordered(&self, dtype: DType) -> Result<Array> {
        if self.dtype == dtype {
            return self.contiguous().map(Cow::into_owned);
        }
        self.converted(dtype)
    }

    /// Contiguous, in nobody's memory: its numbers lie where `aim` says.
    pub fn borrowed(dtype: DType, dims: &[usize]) -> Array {
        let (dims, strides) = (few(dims), contiguous_strides(dims));
        Array { buffer: Buffer::borrowed(), offset: 0, dims, strides, dtype }
    }

    /// Only for a `borrowed` array: it and all its views are of the numbers at `address` from now on. The caller keeps them alive while they are
    /// read, and lets nobody else read what is written.
    pub fn aim(&self, address: *mut u8) {
        self.buffer.aim(address);
    }

    pub fn strided(&self) -> Strided<'_> {
        Strided { dims: &self.dims, strides: &self.strides, offset: self.offset }
    }

    /// The same buffer seen in another layout; the caller keeps it inside.
    pub fn seen(&self, layout: Layout) -> Array {
        self.view(layout.dims, layout.strides, layout.offset)
    }

    /// The same buffer seen with other dims, strides and offset; the caller keeps them inside it.
    pub fn view(&self, dims: Dims, strides: Strides, offset: usize) -> Array {
        Array { buffer: self.buffer.clone(), offset, dims, strides, dtype: self.dtype }
    }

    pub fn len(&self) -> usize {
        size(&self.dims)
    }

    pub fn bytes(&self) -> usize {
        self.len() * self.dtype.size()
    }

    pub fn is_empty(&self) -> bool {
        self.dims.contains(&0)
    }

    #[inline]
    pub fn is_contiguous(&self) -> bool {
        self.strided().is_contiguous()
    }

    /// This array when its elements already lie in order, else a fresh copy.
    pub fn contiguous(&self) -> Result<Cow<'_, Array>> {
        if self.is_contiguous() {
            return Ok(Cow::Borrowed(self));
        }
        let mut out = Array::new(self.dtype, &self.dims)?;
        with_type!(self.dtype, T: any => {
            // SAFETY: dims and strides stay inside the buffer by construction; `out` is contiguous with the same dims.
            unsafe { strided::gather_view(&self.dims, &self.strides, self.pointer::<T>(), out.slice_mut::<T>().as_mut_ptr()) }
        });
        Ok(Cow::Owned(out))
    }

    /// As `contiguous`, of an array that is given away.
    pub fn into_ordered(self) -> Result<Array> {
        if self.is_contiguous() {
            return Ok(self);
        }
        self.contiguous().map(Cow::into_owned)
    }

    /// A contiguous copy in a buffer of its own.
    pub fn copied(&self) -> Result<Array> {
        let source = self.contiguous()?;
        let mut copy = Array::new(source.dtype, &source.dims)?;
        with_type!(copy.dtype, T: any => copy.slice_mut::<T>().copy_from_slice(source.slice()));
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

    /// The elements of a contiguous array, or its one element.
    pub fn operand<T: Element>(&self) -> Operand<'_, T> {
        if self.len() == 1 {
            // SAFETY: an array of size 1 has a first element.
            Operand::Splat(unsafe { *self.pointer() })
        } else {
            Operand::Slice(self.slice())
        }
    }

    /// Writes the elements in row-major order.
    pub fn copy_to(&self, out: &mut Out) {
        debug_assert!(*self.dims == *out.dims && self.dtype == out.dtype);
        with_type!(self.dtype, T: any => {
            // SAFETY: dims and strides stay inside the buffer by construction; `out` is contiguous with the same dims.
            unsafe { strided::gather_view(&self.dims, &self.strides, self.pointer::<T>(), out.slice::<T>().as_mut_ptr()) }
        });
    }

    /// The elements of a contiguous array nobody else reads: fresh ones, or after `is_unique`.
    pub fn slice_mut<T: Element>(&mut self) -> &mut [T] {
        debug_assert!(self.is_contiguous() && self.is_unique());
        // SAFETY: contiguous and unshared.
        unsafe { std::slice::from_raw_parts_mut(self.pointer::<T>() as *mut T, self.len()) }
    }

    pub fn is_unique(&self) -> bool {
        self.sharers() == 1
    }

    /// How many arrays lie in this buffer.
    pub fn sharers(&self) -> usize {
        self.buffer.sharers()
    }

    /// Where the buffer begins: a name for it as long as somebody holds it.
    pub fn buffer_address(&self) -> usize {
        self.buffer.pointer() as usize
    }

    /// All of the buffer as one row.
    pub fn whole(&self) -> Array {
        let count = self.buffer.bytes() / self.dtype.size();
        self.view(few(&[count]), few(&[1]), 0)
    }

    /// The one element of an array of size 1.
    pub fn first(&self) -> f64 {
        // SAFETY: callers check the size.
        with_type!(self.dtype, T: any => unsafe { (*self.pointer::<T>()).to_f64() })
    }

    /// All elements in row-major order; for tests and small reads.
    pub fn to_vec(&self) -> Vec<f64> {
        let Ok(array) = self.contiguous() else { return Vec::new() };
        with_type!(self.dtype, T: any => array.slice::<T>().iter().map(|v| v.to_f64()).collect())
    }
}
