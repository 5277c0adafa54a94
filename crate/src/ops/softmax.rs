//! softmax, log-softmax, log-sum-exp, and the two linear maps that their derivatives are made of.

use super::batching;
use super::reduce::{over_joined, reduce_like, unreduced};
use super::support::{around, grouped, reduction, to_dtype, Reduction};
use crate::error::Result;
use crate::kernels::{centre, reduce, softmax};
use crate::memory::array::Array;
use crate::op::{Row, Rule};
use crate::ops;
use crate::var::Var;
use crate::with_float;

fn log_sum_exp(x: &Array, params: &[f64]) -> Result<Array> {
    let x = to_dtype(x, x.dtype.to_float())?;
    let Reduction { axes, out } = reduction(&x.dims, params)?;
    let (x, outer, r, inner) = grouped(&x, &axes)?;
    let mut result = Array::new(x.dtype, &out)?;
    with_float!(x.dtype, T => reduce::logsumexp::<T>(x.slice(), outer, r, inner, result.slice_mut()));
    Ok(result)
}

#[derive(Clone, Copy)]
enum Form {
    Softmax,
    /// With the limits at infinity that logsumexp's slopes have.
    Weights,
    Logarithm,
}

fn soft(x: &Array, params: &[f64], form: Form) -> Result<Array> {
    let x = to_dtype(x, x.dtype.to_float())?.contiguous()?;
    let a = around(&x.dims, params[0])?;
    let mut out = Array::new(x.dtype, &x.dims)?;
    with_float!(x.dtype, T => match form {
        Form::Softmax => softmax::softmax::<T>(x.slice(), a.outer, a.r, a.inner, out.slice_mut()),
        Form::Weights => softmax::weights::<T>(x.slice(), a.outer, a.r, a.inner, out.slice_mut()),
        Form::Logarithm => softmax::log_softmax::<T>(x.slice(), a.outer, a.r, a.inner, out.slice_mut()),
    });
    Ok(out)
}

/// The weights and values in one shape and dtype, through `centre::centred` or its transpose.
fn weighted(inputs: &[&Array], params: &[f64], transposed: bool) -> Result<Array> {
    let dims = crate::shape::broadcast(&inputs[0].dims, &inputs[1].dims)?;
    let dtype = inputs[0].dtype.promote(inputs[1].dtype).to_float();
    let bring = |x: &Array| super::movement::broadcast_view(&to_dtype(x, dtype)?, &dims)?.contiguous();
    let (p, v) = (bring(inputs[0])?, bring(inputs[1])?);
    let a = around(&dims, params[0])?;
    let mut out = Array::new(dtype, &dims)?;
    with_float!(dtype, T => if transposed {
        centre::spread::<T>(p.slice(), v.slice(), a.r, a.inner, out.slice_mut())
    } else {
        centre::centred::<T>(p.slice(), v.slice(), a.r, a.inner, out.slice_mut())
    });
    Ok(out)
}

/// Σ along the axis, which stays with size 1.
fn total<'a>(x: Var<'a>, p: &[f64]) -> Var<'a> {
    x.apply(ops::Sum, &[1.0, 0.0, p[0]])
}

/// A softmax's tangent from the logits', and its transpose: diag(y) - y yᵀ is symmetric.
fn jacobian_product<'a>(y: Var<'a>, v: Var<'a>, p: &[f64]) -> Var<'a> {
    y.strong_mul(y.apply2(ops::Centred, v, &[p[0]]))
}

/// ∂y/∂x_i of logsumexp: e^(x_i - y), as a softmax so that its derivatives are right where entries tie or y is rounded.
fn weights<'a>(x: Var<'a>, p: &[f64]) -> Var<'a> {
    over_joined(x, p, |x, axis| x.apply(ops::SoftmaxWeights, &[axis]))
}

macro_rules! soft_row {
    ($name:literal, $form:ident) => {
        Row::primitive(
            $name,
            |x, p| soft(x[0], p, Form::$form),
            Rule::Custom {
                jvp: |x, t, y, p| jacobian_product(y, t[0].unwrap_or(x[0].zeros_like()), p),
                vjp: |_, _, y, ct, p| jacobian_product(y, ct, p),
            },
            batching::axis,
        )
    };
}

crate::rows! { start: super::reduce::END;
    // Σ w t, w = softmax(x)
    LogSumExp => Row::primitive(
        "logsumexp",
        |x, p| log_sum_exp(x[0], p),
        Rule::Custom {
            jvp: |x, t, _, p| reduce_like(t[0].unwrap_or(x[0].zeros_like()).strong_mul(weights(x[0], p)), p),
            vjp: |_, x, _, ct, p| unreduced(ct, x[0], p).strong_mul(weights(x[0], p)),
        },
        batching::reduction,
    ),
    // y (t - Σ y t)
    Softmax => soft_row!("softmax", Softmax),
    // the same, but 0 where every element is -Infinity, and Infinities share
    SoftmaxWeights => soft_row!("softmaxWeights", Weights),
    // t - Σ e^y t;   transposed: ct - e^y Σ ct
    LogSoftmax => Row::primitive(
        "logSoftmax",
        |x, p| soft(x[0], p, Form::Logarithm),
        Rule::Custom {
            jvp: |x, t, y, p| y.exp().apply2(ops::Centred, t[0].unwrap_or(x[0].zeros_like()), p),
            vjp: |_, _, y, ct, p| y.exp().apply2(ops::Spread, ct, p),
        },
        batching::axis,
    ),
    // m = v - Σ p v for weights that sum to 1:   centred(p, dv) - Σ dp m, since the dp sum to 0;
    // transposed: ct_p = -m Σ ct, ct_v = spread(p, ct)
    Centred => Row::primitive(
        "centred",
        |x, p| weighted(x, p, false),
        Rule::Custom {
            jvp: |x, t, y, p| {
                let from_weights = t[0].map(|t| -total(t.strong_mul(y), p));
                let from_values = t[1].map(|t| x[0].apply2(ops::Centred, t, p));
                added(from_weights, from_values, y)
            },
            vjp: |i, x, y, ct, p| if i == 0 { -y.strong_mul(total(ct, p)) } else { x[0].apply2(ops::Spread, ct, p) },
        },
        batching::axis,
    ),
    // c - p Σ c for weights that sum to 1:   spread(p, dc) - dp Σ c;   transposed: ct_p = -ct Σ c, ct_c = centred(p, ct)
    Spread => Row::primitive(
        "spread",
        |x, p| weighted(x, p, true),
        Rule::Custom {
            jvp: |x, t, y, p| {
                let from_weights = t[0].map(|t| -t.strong_mul(total(x[1], p)));
                let from_values = t[1].map(|t| x[0].apply2(ops::Spread, t, p));
                added(from_weights, from_values, y)
            },
            vjp: |i, x, _, ct, p| if i == 0 { -ct.strong_mul(total(x[1], p)) } else { x[0].apply2(ops::Centred, ct, p) },
        },
        batching::axis,
    ),
}

/// The tangents that are there.
fn added<'a>(a: Option<Var<'a>>, b: Option<Var<'a>>, like: Var<'a>) -> Var<'a> {
    match (a, b) {
        (Some(a), Some(b)) => a + b,
        (Some(term), None) | (None, Some(term)) => term,
        (None, None) => like.zeros_like(),
    }
}
