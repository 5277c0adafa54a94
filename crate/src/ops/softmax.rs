//! softmax, log-softmax, log-sum-exp, and the two linear maps that their derivatives are made of.

use super::reduce::{over_joined, reduce_like, unreduced};
use super::support::{added, around, broadcast_all, grouped, reduction, stretched_as};
use crate::error::Result;
use crate::form::{Evaluation, Form, Outline, Spec};
use crate::kernels::{centre, softmax};
use crate::memory::array::Array;
use crate::memory::out::Out;
use crate::op::{only, pullback, Row, Rule};
use crate::ops;
use crate::params::{Along, Reduce};
use crate::var::Var;
use crate::with_type;
use smallvec::smallvec;

fn log_sum_exp(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let axes = reduction(&x[0].dims, &Reduce::read(p))?.axes;
    let x = x[0].to_dtype(out.dtype)?;
    let (x, outer, r, inner) = grouped(&x, &axes)?;
    with_type!(out.dtype, T: float => softmax::logsumexp::<T>(x.slice(), outer, r, inner, out.slice()));
    Ok(())
}

/// Floats with the dims that the inputs broadcast to, one of whose axes is named.
fn along(x: &[Spec], p: &[f64]) -> Result<Outline> {
    let dims = broadcast_all(x)?;
    Along::read(p).axis.of(dims.len())?;
    Ok((x.iter().skip(1).fold(x[0].dtype, |dtype, x| dtype.promote(x.dtype)).to_float(), dims))
}

/// softmax, its weights with the limits at infinity that logsumexp's slopes have, its logarithm
macro_rules! soft {
    ($kernel:ident) => {
        Form::AlongAxis(Evaluation {
            result: along,
            write: |x, p, out| {
                let (x, a) = (x[0].ordered(out.dtype)?, around(out.dims, Along::read(p).axis)?);
                with_type!(out.dtype, T: float => softmax::$kernel::<T>(x.slice(), a.outer, a.r, a.inner, out.slice()));
                Ok(())
            },
        })
    };
}

/// Weights and values in one shape and dtype, through `centre::centred` or its transpose.
macro_rules! weighted {
    ($kernel:ident) => {
        Form::AlongAxis(Evaluation {
            result: along,
            write: |x, p, out| {
                let bring = |i: usize| stretched_as(x[i], out.dtype, out.dims);
                let (weights, values) = (bring(0)?, bring(1)?);
                let a = around(out.dims, Along::read(p).axis)?;
                with_type!(out.dtype, T: float => centre::$kernel::<T>(weights.slice(), values.slice(), a.r, a.inner, out.slice()));
                Ok(())
            },
        })
    };
}

/// Σ along the axis, which stays with size 1.
fn total<'a>(x: Var<'a>, p: &[f64]) -> Var<'a> {
    let Along { axis } = Along::read(p);
    x.apply(ops::Sum, &Reduce { keepdims: true, all: false, axis: &[axis.0] }.list())
}

/// A softmax's tangent from the logits', and its transpose: diag(y) - y yᵀ is symmetric.
fn jacobian_product<'a>(y: Var<'a>, v: Var<'a>, p: &[f64]) -> Var<'a> {
    y.strong_mul(y.apply2(ops::Centred, v, p))
}

/// ∂y/∂x_i of logsumexp: e^(x_i - y), as a softmax so that its derivatives are right where entries tie or y is rounded.
fn weights<'a>(x: Var<'a>, p: &[f64]) -> Var<'a> {
    over_joined(x, p, |x, axis| x.apply(ops::SoftmaxWeights, &Along { axis }.list()))
}

/// The rule of both kinds of softmax.
const SOFTMAX: Rule = Rule::Custom {
    jvp: |x, t, y, p| jacobian_product(y, t[0].unwrap_or(x[0].zeros_like()), p),
    vjp: pullback!(|_, y, ct, p, _| only(jacobian_product(y, ct, p))),
};

crate::rows! { softmax;
    // Σ w t, w = softmax(x)
    LogSumExp => Row::new(
        "logsumexp",
        Form::Reduction(Evaluation {
            result: |x, p| Ok((x[0].dtype.to_float(), reduction(x[0].dims, &Reduce::read(p))?.out)),
            write: log_sum_exp,
        }),
        Rule::Custom {
            jvp: |x, t, _, p| reduce_like(t[0].unwrap_or(x[0].zeros_like()).strong_mul(weights(x[0], p)), p),
            vjp: pullback!(|x, _, ct, p, _| only(unreduced(ct, x[0], p).strong_mul(weights(x[0], p)))),
        },
    ),
    // y (t - Σ y t)
    Softmax => Row::new("softmax", soft!(softmax), SOFTMAX),
    // the same, but 0 where every element is -Infinity, and Infinities share
    SoftmaxWeights => Row::new("softmaxWeights", soft!(weights), SOFTMAX),
    // t - Σ e^y t;   transposed: ct - e^y Σ ct
    LogSoftmax => Row::new("logSoftmax", soft!(log_softmax), Rule::Custom {
        jvp: |x, t, y, p| y.exp().apply2(ops::Centred, t[0].unwrap_or(x[0].zeros_like()), p),
        vjp: pullback!(|_, y, ct, p, _| only(y.exp().apply2(ops::Spread, ct, p))),
    }),
    // m = v - Σ p v for weights that sum to 1:   centred(p, dv) - Σ dp m, since the dp sum to 0;
    // transposed: ct_p = -m Σ ct, ct_v = spread(p, ct)
    Centred => Row::new("centred", weighted!(centred), Rule::Custom {
        jvp: |x, t, y, p| {
            let from_weights = t[0].map(|t| -total(t.strong_mul(y), p));
            let from_values = t[1].map(|t| x[0].apply2(ops::Centred, t, p));
            added(from_weights, from_values, y)
        },
        vjp: pullback!(|x, y, ct, p, wanted| smallvec![
            wanted[0].then(|| -y.strong_mul(total(ct, p))),
            wanted[1].then(|| x[0].apply2(ops::Spread, ct, p)),
        ]),
    }).inputs(2),
    // c - p Σ c for weights that sum to 1:   spread(p, dc) - dp Σ c;   transposed: ct_p = -ct Σ c, ct_c = centred(p, ct)
    Spread => Row::new("spread", weighted!(spread), Rule::Custom {
        jvp: |x, t, y, p| {
            let from_weights = t[0].map(|t| -t.strong_mul(total(x[1], p)));
            let from_values = t[1].map(|t| x[0].apply2(ops::Spread, t, p));
            added(from_weights, from_values, y)
        },
        vjp: pullback!(|x, _, ct, p, wanted| smallvec![
            wanted[0].then(|| -ct.strong_mul(total(x[1], p))),
            wanted[1].then(|| x[0].apply2(ops::Centred, ct, p)),
        ]),
    }).inputs(2),
}
