//! Where an evaluation writes. It is given its place: a fresh array, or later a part of an arena that a plan has laid out.

use crate::dtype::{DType, Element};
use crate::memory::array::Array;
use crate::shape::size;
use std::marker::PhantomData;

/// A contiguous place for a result of known dtype and dims. What is there before is undefined; the writer writes every element.
pub struct Out<'a> {
    pub dtype: DType,
    pub dims: &'a [usize],
    pointer: *mut u8,
    count: usize,
    place: PhantomData<&'a mut [u8]>,
}

impl<'a> Out<'a> {
    /// All of an array that nobody else sees.
    pub fn of(array: &'a mut Array) -> Out<'a> {
        debug_assert!(array.is_contiguous() && array.is_unique());
        let pointer = array.address() as *mut u8;
        // SAFETY: contiguous and unshared.
        unsafe { Out::at(pointer, array.dtype, &array.dims) }
    }

    /// # Safety
    /// From `pointer` on there are as many elements as `dims` says, aligned for the dtype, and nobody else reads or writes them for `'a`.
    pub unsafe fn at(pointer: *mut u8, dtype: DType, dims: &'a [usize]) -> Out<'a> {
        Out { dtype, dims, pointer, count: size(dims), place: PhantomData }
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn slice<T: Element>(&mut self) -> &mut [T] {
        debug_assert_eq!(T::DTYPE, self.dtype);
        // SAFETY: `count` elements of the dtype lie there, and this is the only way to them.
        unsafe { std::slice::from_raw_parts_mut(self.pointer as *mut T, self.count) }
    }
}
