//! Matrix products. Strides go straight to the kernel: transposed, sliced and broadcast operands are never copied.

use super::support::counting;
use crate::dtype::{no_kernel, DType, Element};
use crate::error::{Error, ErrorCode, Result};
use crate::form::{Evaluation, Form, Outline, Spec};
use crate::kernels::gemm;
use crate::kernels::number::Number;
use crate::memory::array::Array;
use crate::memory::out::Out;
use crate::op::{Row, Rule, Terms, Wanted};
use crate::params::Product;
use crate::shape::{broadcast, show};
use crate::var::Var;
use smallvec::smallvec;

/// The parameters of products of tangents and cotangents: 0 wins against an infinity or NaN, as everywhere in derivatives.
pub const STRONG: &[f64] = &[1.0];

/// [..., m, k] · [..., k, n] with broadcast leading axes
fn product(x: &[Spec], _: &[f64]) -> Result<Outline> {
    let (a, b) = (x[0].dims, x[1].dims);
    if a.len() < 2 || b.len() < 2 || a[a.len() - 1] != b[b.len() - 2] {
        return Err(Error::shape(format!(
            "shapes {} and {} do not multiply: the last axis of the first must equal the second-to-last of the second",
            show(a),
            show(b)
        )));
    }
    let mut dims = broadcast(&a[..a.len() - 2], &b[..b.len() - 2])?;
    dims.extend_from_slice(&[a[a.len() - 2], b[b.len() - 1]]);
    Ok((counting(x[0].dtype.promote(x[1].dtype)), dims))
}

fn multiply(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    if out.is_empty() {
        return Ok(());
    }
    let Product { zero_wins: strong } = Product::read(p);
    let (a, b) = (x[0].to_dtype(out.dtype)?, x[1].to_dtype(out.dtype)?);
    match out.dtype {
        DType::Float32 => batches::<f32>(gemm::gemm_f32, strong, &a, &b, out),
        DType::Float64 => batches::<f64>(gemm::gemm_f64, strong, &a, &b, out),
        DType::Int32 => batches::<i32>(gemm::gemm_i32, strong, &a, &b, out),
        DType::Bool => Err(no_kernel(out.dtype)),
    }
}

type Gemm<T> = unsafe fn(
    usize,
    usize,
    usize,
    *const T,
    isize,
    isize,
    *const T,
    isize,
    isize,
    *mut T,
    usize,
    bool,
) -> std::result::Result<(), gemm::AllocError>;

fn batches<T: Element + Number>(kernel: Gemm<T>, strong: bool, a: &Array, b: &Array, out: &mut Out) -> Result<()> {
    let (ra, rb) = (a.dims.len(), b.dims.len());
    let (m, k, n) = (a.dims[ra - 2], a.dims[ra - 1], b.dims[rb - 1]);
    let batch = &out.dims[..out.dims.len() - 2];
    let no_memory = |_| Error::new(ErrorCode::OutOfMemory, "no memory for packing the operands of a matrix product");
    let (a_row, a_column) = (a.strides[ra - 2], a.strides[ra - 1]);
    let (b_row, b_column) = (b.strides[rb - 2], b.strides[rb - 1]);
    let c = out.slice::<T>().as_mut_ptr();
    // SAFETY: as the kernels ask, for the callers below.
    let product = |m: usize, a: *const T, b: *const T, c: *mut T| unsafe {
        kernel(m, n, k, a, a_row, a_column, b, b_row, b_column, c, n, false).map_err(no_memory)?;
        if strong {
            gemm::mend(m, n, k, a, a_row, a_column, b, b_row, b_column, c, n);
        }
        Ok(())
    };
    // One matrix on the right and the rows of all batches evenly apart: one product with many rows.
    let single_right = b.dims[..rb - 2].iter().all(|&d| d == 1);
    let even = a.dims[..ra - 2] == *batch
        && (0..ra - 2)
            .rev()
            .try_fold(a_row * m as isize, |step, i| (a.strides[i] == step || a.dims[i] == 1).then(|| step * a.dims[i] as isize))
            .is_some();
    if single_right && even {
        let rows = m * batch.iter().product::<usize>();
        // Row i of batch j stands a_row·(j·m + i) elements from the start.
        return product(rows, a.pointer(), b.pointer(), c);
    }
    let stride = |x: &Array, rank: usize, axis: usize| -> isize {
        let lead = batch.len() - (rank - 2);
        if axis < lead || x.dims[axis - lead] == 1 {
            0
        } else {
            x.strides[axis - lead]
        }
    };
    let count: usize = batch.iter().product();
    for index in 0..count {
        let (mut rest, mut a_at, mut b_at) = (index, 0isize, 0isize);
        for axis in (0..batch.len()).rev() {
            let i = (rest % batch[axis]) as isize;
            rest /= batch[axis];
            a_at += i * stride(a, ra, axis);
            b_at += i * stride(b, rb, axis);
        }
        // SAFETY: the offsets stay inside the views, `c` has count·m·n elements.
        let (a, b, c) = unsafe { (a.pointer::<T>().offset(a_at), b.pointer::<T>().offset(b_at), c.add(index * m * n)) };
        product(m, a, b, c)?;
    }
    Ok(())
}

/// C = A B:  ct_A = ct Bᵀ,  ct_B = Aᵀ ct.  An operand that lies by columns, as a layer's weight does in x Wᵀ, gets a cotangent that lies so too
/// (the transposed product): what is behind the transposition, the parameter's gradient, then lies as the parameter does.
fn transposed<'a>(x: &[Var<'a>], ct: Var<'a>, _: &[f64], wanted: Wanted) -> Terms<'a> {
    let product = |a: Var<'a>, b: Var<'a>, by_columns: bool| {
        if by_columns {
            return b.matrix_transpose().strong_matmul(a.matrix_transpose()).matrix_transpose();
        }
        a.strong_matmul(b)
    };
    let to_left = || product(ct, x[1].matrix_transpose(), x[0].lies_by_columns());
    let to_right = || {
        let by_columns = x[1].lies_by_columns();
        // A weight shared by a whole batch: the sum over the batch is part of one product, Aᵀ ct with all rows together.
        let (a, b) = (x[0].dims(), x[1].dims());
        if b.len() == 2 && a.len() > 2 {
            let rows: usize = a[..a.len() - 1].iter().product();
            let flat_a = x[0].reshape(&[rows, a[a.len() - 1]]);
            let flat_ct = ct.reshape(&[rows, b[1]]);
            return product(flat_a.matrix_transpose(), flat_ct, by_columns);
        }
        product(x[0].matrix_transpose(), ct, by_columns)
    };
    smallvec![wanted[0].then(to_left), wanted[1].then(to_right)]
}

crate::rows! { matmul;
    Matmul => Row::new(
        "matmul",
        Form::Product(Evaluation { result: product, write: multiply }),
        Rule::Multilinear { tangents: |_| STRONG.into(), transpose: transposed },
    ).params(Product::PARAMS),
}
