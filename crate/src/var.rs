//! `Var`: an id with the engine it lives in, so that rules read as formulas (`1.0 - y * y`). Every operator is a `bind`.
//!
//! Failure is a poisoned `Var` (id NONE): the engine keeps the first error, further operations on poison do nothing, and
//! whoever called the rule turns it back into an `Err` (`Var::checked`). That keeps `?` out of every formula.

use crate::dtype::DType;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::memory::array::Array;
use crate::memory::values::{Id, Value, NONE};
use crate::op::Op;
use crate::ops;
use crate::params::{Axes, Cast, Reduce, Shape};
use crate::shape::Dims;
use crate::with_type;
use smallvec::SmallVec;
use std::ops::{Add, Div, Mul, Neg, Sub};

#[derive(Clone, Copy)]
pub struct Var<'a> {
    pub engine: &'a Engine,
    pub id: Id,
}

impl<'a> Var<'a> {
    pub fn new(engine: &'a Engine, id: Id) -> Var<'a> {
        Var { engine, id }
    }

    /// Keeps `error` as the engine's pending failure and returns poison.
    pub fn fail(engine: &'a Engine, error: Error) -> Var<'a> {
        engine.set_pending(error);
        Var { engine, id: NONE }
    }

    pub fn from_result(engine: &'a Engine, result: Result<Id>) -> Var<'a> {
        match result {
            Ok(id) => Var { engine, id },
            Err(error) => Var::fail(engine, error),
        }
    }

    /// The id, or the pending error of a poisoned value.
    pub fn checked(self) -> Result<Id> {
        if self.id == NONE {
            return Err(self.engine.take_pending());
        }
        Ok(self.id)
    }

    pub fn is_poison(self) -> bool {
        self.id == NONE
    }

    /// One dispatch with any number of inputs.
    pub fn bind(engine: &'a Engine, op: Op, inputs: &[Var<'a>], params: &[f64]) -> Var<'a> {
        let mut ids: SmallVec<[Id; 4]> = SmallVec::new();
        for input in inputs {
            if input.id == NONE {
                return Var { engine, id: NONE };
            }
            ids.push(input.id);
        }
        Var::from_result(engine, engine.bind(op, &ids, params))
    }

    pub fn apply(self, op: Op, params: &[f64]) -> Var<'a> {
        if self.id == NONE {
            return self;
        }
        Var::from_result(self.engine, self.engine.bind(op, &[self.id], params))
    }

    pub fn apply2(self, op: Op, other: Var<'a>, params: &[f64]) -> Var<'a> {
        if self.id == NONE || other.id == NONE {
            return Var { id: NONE, ..self };
        }
        Var::from_result(self.engine, self.engine.bind(op, &[self.id, other.id], params))
    }

    /// How many levels take derivatives with respect to this value; vmap is none.
    pub fn orders(self) -> usize {
        let session = self.engine.session();
        let (mut id, mut orders) = (self.id, 0);
        loop {
            match session.value(id) {
                Ok(Value::Batched { inner, .. }) => id = *inner,
                Ok(Value::Dual { primal, .. } | Value::Tracked { primal, .. }) => (id, orders) = (*primal, orders + 1),
                _ => return orders,
            }
        }
    }

    /// Whether an element is 0, whatever levels are around it.
    pub fn has_zero(self) -> bool {
        self.may(|a| with_type!(a.dtype, T: any => a.slice::<T>().contains(&T::default())))
    }

    /// Whether the numbers ask for the longer way, which is right for all of them. What is recorded to be replayed takes it always: it will
    /// see other numbers.
    pub fn may(self, ask: impl FnOnce(&Array) -> bool) -> bool {
        self.engine.records_to_replay() || self.numbers().is_none_or(|array| ask(&array))
    }

    /// The numbers behind whatever levels are around them, those of all examples.
    pub fn numbers(self) -> Option<Array> {
        let session = self.engine.session();
        let mut id = self.id;
        loop {
            match session.value(id) {
                Ok(Value::Batched { inner, .. }) => id = *inner,
                Ok(Value::Dual { primal, .. } | Value::Tracked { primal, .. }) => id = *primal,
                Ok(Value::Concrete(array)) => return array.clone().into_ordered().ok(),
                _ => return None,
            }
        }
    }

    /// Whether the columns of its matrices are contiguous in memory, and not its rows; false under vmap.
    pub fn lies_by_columns(self) -> bool {
        let session = self.engine.session();
        let mut id = self.id;
        loop {
            match session.value(id) {
                Ok(Value::Dual { primal, .. } | Value::Tracked { primal, .. }) => id = *primal,
                Ok(Value::Concrete(array)) => {
                    let rank = array.dims.len();
                    return rank >= 2 && array.strides[rank - 2] == 1 && array.strides[rank - 1] != 1 && array.dims[rank - 1] > 1;
                }
                _ => return false,
            }
        }
    }

    // ---- what it is -------------------------------------------------------------------------------------------

    /// Logical dims: without the batch axes of enclosing vmaps. Empty for poison.
    pub fn dims(self) -> Dims {
        self.engine.dims(self.id).unwrap_or_default()
    }

    pub fn rank(self) -> usize {
        self.dims().len()
    }

    pub fn size(self) -> usize {
        self.dims().iter().product()
    }

    pub fn dtype(self) -> DType {
        self.engine.dtype(self.id).unwrap_or(DType::Float32)
    }

    // ---- constants --------------------------------------------------------------------------------------------

    /// A 0-d constant of this value's dtype.
    pub fn constant(self, value: f64) -> Var<'a> {
        if self.id == NONE {
            return self;
        }
        Var::from_result(self.engine, self.engine.full(self.dtype(), &[], value))
    }

    /// A constant of this value's dtype with the given dims.
    pub fn full(self, dims: &[usize], value: f64) -> Var<'a> {
        if self.id == NONE {
            return self;
        }
        Var::from_result(self.engine, self.engine.full(self.dtype(), dims, value))
    }

    pub fn zeros_like(self) -> Var<'a> {
        self.full(&self.dims(), 0.0)
    }

    pub fn ones_like(self) -> Var<'a> {
        self.full(&self.dims(), 1.0)
    }

    // ---- elementwise ------------------------------------------------------------------------------------------

    pub fn square(self) -> Var<'a> {
        self.apply(ops::Square, &[])
    }
    pub fn sqrt(self) -> Var<'a> {
        self.apply(ops::Sqrt, &[])
    }
    pub fn reciprocal(self) -> Var<'a> {
        self.apply(ops::Reciprocal, &[])
    }
    pub fn exp(self) -> Var<'a> {
        self.apply(ops::Exp, &[])
    }
    pub fn log(self) -> Var<'a> {
        self.apply(ops::Log, &[])
    }
    pub fn abs(self) -> Var<'a> {
        self.apply(ops::Abs, &[])
    }
    pub fn sign(self) -> Var<'a> {
        self.apply(ops::Sign, &[])
    }
    pub fn pow(self, exponent: Var<'a>) -> Var<'a> {
        self.apply2(ops::Pow, exponent, &[])
    }
    /// A (co)tangent times a partial, in either order: 0 where one of them is 0, whatever the other is.
    pub fn strong_mul(self, other: Var<'a>) -> Var<'a> {
        self.apply2(ops::StrongMul, other, &[])
    }
    pub fn equal(self, other: Var<'a>) -> Var<'a> {
        self.apply2(ops::Eq, other, &[])
    }
    pub fn less(self, other: Var<'a>) -> Var<'a> {
        self.apply2(ops::Lt, other, &[])
    }
    pub fn greater(self, other: Var<'a>) -> Var<'a> {
        self.apply2(ops::Gt, other, &[])
    }
    pub fn less_equal(self, other: Var<'a>) -> Var<'a> {
        self.apply2(ops::Le, other, &[])
    }
    pub fn greater_equal(self, other: Var<'a>) -> Var<'a> {
        self.apply2(ops::Ge, other, &[])
    }
    pub fn and(self, other: Var<'a>) -> Var<'a> {
        self.apply2(ops::LogicalAnd, other, &[])
    }
    pub fn not(self) -> Var<'a> {
        self.apply(ops::LogicalNot, &[])
    }
    /// `self` is the condition.
    pub fn select(self, when_true: Var<'a>, when_false: Var<'a>) -> Var<'a> {
        Var::bind(self.engine, ops::Where, &[self, when_true, when_false], &[])
    }
    pub fn stop_gradient(self) -> Var<'a> {
        self.apply(ops::StopGradient, &[])
    }

    /// The same values in another dtype; itself when it has that dtype already.
    pub fn cast(self, dtype: DType) -> Var<'a> {
        if self.id == NONE || self.dtype() == dtype {
            return self;
        }
        self.apply(ops::Cast, &Cast::to(dtype).list())
    }

    // ---- shape and reductions ---------------------------------------------------------------------------------

    pub fn reshape(self, dims: &[usize]) -> Var<'a> {
        if self.id == NONE || self.dims().as_slice() == dims {
            return self;
        }
        self.apply(ops::Reshape, &Shape { dims: &numbers(dims) }.list())
    }

    pub fn broadcast_to(self, dims: &[usize]) -> Var<'a> {
        if self.id == NONE || self.dims().as_slice() == dims {
            return self;
        }
        self.apply(ops::BroadcastTo, &Shape { dims: &numbers(dims) }.list())
    }

    pub fn transpose(self, permutation: &[usize]) -> Var<'a> {
        self.apply(ops::Transpose, &Axes { axes: &numbers(permutation) }.list())
    }

    /// The last two axes exchanged.
    pub fn matrix_transpose(self) -> Var<'a> {
        let mut permutation: SmallVec<[usize; 6]> = (0..self.rank()).collect();
        let n = permutation.len();
        if n >= 2 {
            permutation.swap(n - 2, n - 1);
        }
        self.transpose(&permutation)
    }

    pub fn sum(self, axes: &[usize], keepdims: bool) -> Var<'a> {
        if self.id == NONE || axes.is_empty() {
            return self;
        }
        self.apply(ops::Sum, &Reduce { keepdims, all: false, axis: &numbers(axes) }.list())
    }

    pub fn matmul(self, other: Var<'a>) -> Var<'a> {
        self.apply2(ops::Matmul, other, &[])
    }

    /// The product of a (co)tangent and a value, in either order: see `strong_mul`.
    pub fn strong_matmul(self, other: Var<'a>) -> Var<'a> {
        self.apply2(ops::Matmul, other, ops::matmul::STRONG)
    }

    /// Undoes broadcasting: sums over the axes along which `dims` was stretched to this value's dims. The one place
    /// where a cotangent (or the tangent of a linear op) is brought back to the shape of its value.
    pub fn sum_to(self, dims: &[usize]) -> Var<'a> {
        let have = self.dims();
        if self.id == NONE || have.as_slice() == dims {
            return self;
        }
        let lead = have.len() - dims.len();
        let axes: SmallVec<[usize; 6]> = (0..have.len()).filter(|&i| i < lead || (dims[i - lead] == 1 && have[i] != 1)).collect();
        self.sum(&axes, true).reshape(dims)
    }
}

/// Axes and dims as op parameters.
pub fn numbers(values: &[usize]) -> SmallVec<[f64; 8]> {
    values.iter().map(|&v| v as f64).collect()
}

macro_rules! operator {
    ($trait:ident, $method:ident, $op:expr) => {
        impl<'a> $trait for Var<'a> {
            type Output = Var<'a>;
            fn $method(self, other: Var<'a>) -> Var<'a> {
                self.apply2($op, other, &[])
            }
        }
        impl<'a> $trait<f64> for Var<'a> {
            type Output = Var<'a>;
            fn $method(self, other: f64) -> Var<'a> {
                self.apply2($op, self.constant(other), &[])
            }
        }
        impl<'a> $trait<Var<'a>> for f64 {
            type Output = Var<'a>;
            fn $method(self, other: Var<'a>) -> Var<'a> {
                other.constant(self).apply2($op, other, &[])
            }
        }
    };
}

operator!(Add, add, ops::Add);
operator!(Sub, sub, ops::Sub);
operator!(Mul, mul, ops::Mul);
operator!(Div, div, ops::Div);

impl<'a> Neg for Var<'a> {
    type Output = Var<'a>;
    fn neg(self) -> Var<'a> {
        self.apply(ops::Neg, &[])
    }
}
