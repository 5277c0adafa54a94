//! How pointwise rows are evaluated: inputs brought to one dtype, broadcast, and run through the row's kernel.

use super::support::{broadcast_all, elementwise, stretched, stretched_as};
use crate::dtype::{no_kernel, DType};
use crate::error::Result;
use crate::form::{Outline, Pointwise, Spec};
use crate::kernels::binary::{in_blocks, Operand};
use crate::kernels::{binary, compare};
use crate::memory::array::Array;
use crate::memory::out::Out;
use crate::params::{Cast, Order};
use crate::shape::same_dims;
use crate::with_type;
use std::borrow::Cow;

impl Pointwise {
    /// How many inputs there are, where the row says nothing else.
    pub const fn inputs(&self) -> u32 {
        match self {
            Pointwise::Unary(_)
            | Pointwise::OfOrder(_)
            | Pointwise::Test(_)
            | Pointwise::Not(_)
            | Pointwise::Cast
            | Pointwise::Other(_) => 1,
            Pointwise::Binary { .. } | Pointwise::Compare(_) | Pointwise::Logic(_) => 2,
            Pointwise::Select => 3,
        }
    }

    pub fn result(&self, x: &[Spec], params: &[f64]) -> Result<Outline> {
        if let Pointwise::Other(evaluation) = self {
            return (evaluation.result)(x, params);
        }
        Ok((self.dtype(|i| x[i].dtype, params)?, broadcast_all(x)?))
    }

    /// The dtype of the result, from those of the inputs; not of `Other`, which says it with the dims.
    fn dtype(&self, of: impl Fn(usize) -> DType, params: &[f64]) -> Result<DType> {
        Ok(match self {
            Pointwise::Unary(kernel) => computed_in(of(0), kernel.i32.is_some()),
            Pointwise::Binary { kernel, .. } => computed_in(of(0).promote(of(1)), kernel.i32.is_some()),
            Pointwise::OfOrder(_) => of(0).to_float(),
            Pointwise::Compare(_) | Pointwise::Test(_) | Pointwise::Not(_) | Pointwise::Logic(_) => DType::Bool,
            Pointwise::Select => of(1).promote(of(2)),
            Pointwise::Cast => DType::from_code(Cast::read(params).dtype)?,
            Pointwise::Other(_) => of(0),
        })
    }

    /// The place of the result where it is laid out as one of the inputs, which nearly always holds: nothing is computed then but its size.
    pub fn place(&self, x: &[&Array], params: &[f64]) -> Option<Result<Array>> {
        let like = match (self, x) {
            (Pointwise::Other(_), _) => return None,
            (_, [x]) => x,
            (_, [a, b]) if same_dims(&a.dims, &b.dims) || (b.len() == 1 && b.dims.len() <= a.dims.len()) => a,
            (_, [a, b]) if a.len() == 1 && a.dims.len() <= b.dims.len() => b,
            _ => return None,
        };
        like.is_contiguous().then(|| Array::laid_as(like, self.dtype(|i| x[i].dtype, params)?))
    }

    pub fn write(&self, x: &[&Array], params: &[f64], out: &mut Out) -> Result<()> {
        match self {
            Pointwise::Unary(kernel) => {
                let x = x[0].ordered(out.dtype)?;
                match (out.dtype, kernel.i32) {
                    (DType::Float32, _) => (kernel.f32)(x.slice(), out.slice()),
                    (DType::Float64, _) => (kernel.f64)(x.slice(), out.slice()),
                    (DType::Int32, Some(integers)) => integers(x.slice(), out.slice()),
                    (DType::Int32, None) | (DType::Bool, _) => return Err(no_kernel(out.dtype)),
                }
            }
            Pointwise::OfOrder(kernel) => {
                let (x, order) = (x[0].ordered(out.dtype)?, Order::read(params).order as u32);
                match out.dtype {
                    DType::Float32 => (kernel.f32)(order, x.slice(), out.slice()),
                    DType::Float64 => (kernel.f64)(order, x.slice(), out.slice()),
                    DType::Int32 | DType::Bool => return Err(no_kernel(out.dtype)),
                }
            }
            Pointwise::Binary { kernel, integers } => {
                if let Some(check) = integers {
                    if !x[0].dtype.is_float() && !x[1].dtype.is_float() {
                        check(x[0], x[1], out.dims)?;
                    }
                }
                return in_one_dtype(x[0], x[1], out.dtype, |a, b| match (out.dtype, kernel.i32) {
                    (DType::Float32, _) => elementwise::<f32, f32, 2>([a, b], out, |[a, b], out| kernel.run_f32(a, b, out)),
                    (DType::Float64, _) => elementwise::<f64, f64, 2>([a, b], out, |[a, b], out| kernel.run_f64(a, b, out)),
                    (DType::Int32, Some(integers)) => elementwise::<i32, i32, 2>([a, b], out, |[a, b], out| in_blocks(a, b, out, integers)),
                    (DType::Int32, None) | (DType::Bool, _) => Err(no_kernel(out.dtype)),
                });
            }
            Pointwise::Compare(kernel) => {
                let dtype = computed_in(x[0].dtype.promote(x[1].dtype), true);
                return in_one_dtype(x[0], x[1], dtype, |a, b| match dtype {
                    DType::Float32 => elementwise::<f32, u8, 2>([a, b], out, |[a, b], out| in_blocks(a, b, out, kernel.f32)),
                    DType::Float64 => elementwise::<f64, u8, 2>([a, b], out, |[a, b], out| in_blocks(a, b, out, kernel.f64)),
                    DType::Int32 => elementwise::<i32, u8, 2>([a, b], out, |[a, b], out| in_blocks(a, b, out, kernel.i32)),
                    DType::Bool => Err(no_kernel(dtype)),
                });
            }
            Pointwise::Logic(kernel) => {
                return in_one_dtype(x[0], x[1], DType::Bool, |a, b| {
                    elementwise::<u8, u8, 2>([a, b], out, |[a, b], out| in_blocks(a, b, out, *kernel))
                });
            }
            Pointwise::Test(kernel) => {
                let x = x[0].contiguous()?;
                match x.dtype {
                    DType::Float32 => (kernel.f32)(x.slice(), out.slice()),
                    DType::Float64 => (kernel.f64)(x.slice(), out.slice()),
                    DType::Int32 | DType::Bool => out.slice::<u8>().fill(kernel.integers as u8),
                }
            }
            Pointwise::Not(kernel) => kernel(x[0].ordered(DType::Bool)?.slice(), out.slice()),
            Pointwise::Select => return select(x[0], x[1], x[2], out),
            Pointwise::Cast => {
                let x = x[0].contiguous()?;
                with_type!(x.dtype, From: any => with_type!(out.dtype, To: any => compare::cast::<From, To>(x.slice(), out.slice())));
            }
            Pointwise::Other(evaluation) => return (evaluation.write)(x, params, out),
        }
        Ok(())
    }
}

/// The dtype a function computes in: integers and bools become float32, or int32 where the function knows `integers`.
pub const fn computed_in(dtype: DType, integers: bool) -> DType {
    match (dtype, integers) {
        (DType::Float32 | DType::Float64, _) => dtype,
        (DType::Int32 | DType::Bool, true) => DType::Int32,
        (DType::Int32 | DType::Bool, false) => DType::Float32,
    }
}

fn in_one_dtype(a: &Array, b: &Array, dtype: DType, run: impl FnOnce(&Array, &Array) -> Result<()>) -> Result<()> {
    if a.dtype == dtype && b.dtype == dtype {
        return run(a, b);
    }
    run(&*a.to_dtype(dtype)?, &*b.to_dtype(dtype)?)
}

/// The mask and both branches are brought to one shape; runs are those of the slowest of the three.
fn select(mask: &Array, a: &Array, b: &Array, out: &mut Out) -> Result<()> {
    if out.is_empty() {
        return Ok(());
    }
    let mask = stretched_as(mask, DType::Bool, out.dims)?;
    let (a, b) = (a.to_dtype(out.dtype)?, b.to_dtype(out.dtype)?);
    let one_or_all = |x| if Array::len(x) == 1 { Ok(Cow::Borrowed(x)) } else { stretched(x, out.dims) };
    let (a, b) = (one_or_all(&*a)?, one_or_all(&*b)?);
    macro_rules! chosen {
        ($kernel:ident) => {
            binary::$kernel(Operand::Slice(mask.slice()), a.operand(), b.operand(), out.slice())
        };
    }
    match out.dtype {
        DType::Float32 => chosen!(select_f32),
        DType::Float64 => chosen!(select_f64),
        DType::Int32 => chosen!(select_i32),
        DType::Bool => chosen!(select_u8),
    }
    Ok(())
}
