//! Scalar functions composed of others.

use crate::dtype::DType;
use crate::engine::Engine;
use crate::error::Error;
use crate::ops;
use crate::ops::elementwise::{SELU_ALPHA, SELU_SCALE};
use crate::params::{Dimension, Gelu, NanToNum, Slope};
use crate::var::Var;
use std::f64::consts::PI;

fn float(x: Var) -> Var {
    x.cast(x.dtype().to_float())
}

/// Every dimension is a term with ops of its own.
const MOST_DIMENSIONS: f64 = 10_000.0;

/// log Γ_d(x) = d(d-1)/4 log π + Σ_(j<d) log Γ(x - j/2)
pub fn multigammaln<'a>(x: Var<'a>, p: &[f64]) -> Var<'a> {
    let Dimension { dimension: d } = Dimension::read(p);
    if d.fract() != 0.0 || !(1.0..=MOST_DIMENSIONS).contains(&d) {
        return Var::fail(x.engine, Error::value(format!("multigammaln of dimension {d}; d is an integer from 1 to {MOST_DIMENSIONS}")));
    }
    let x = float(x);
    let mut sum = x.apply(ops::Lgamma, &[]) + d * (d - 1.0) / 4.0 * PI.ln();
    for j in 1..d as usize {
        sum = sum + (x - j as f64 / 2.0).apply(ops::Lgamma, &[]);
    }
    sum
}

/// Bounds as numbers or as tensors (three inputs); the gradient passes at the bounds.
pub fn clamp<'a>(_: &'a Engine, x: &[Var<'a>], p: &[f64]) -> Var<'a> {
    if let [x, lo, hi] = *x {
        let below = x.less(lo);
        let above = x.greater(hi);
        return above.select(hi, below.select(lo, x));
    }
    x[0].apply(ops::ClampNumbers, p)
}

/// min(max(x, 0), 6); at both kinks the flat side's derivative, 0
pub fn relu6(x: Var) -> Var {
    let six = x.constant(6.0);
    x.greater_equal(six).select(six, x.apply(ops::Relu, &[]))
}

/// x where x > 0, else slope·x
pub fn leaky_relu<'a>(x: Var<'a>, p: &[f64]) -> Var<'a> {
    let x = float(x);
    x.greater(x.constant(0.0)).select(x, x * Slope::read(p).slope)
}

/// x where x > 0, else α(eˣ - 1); the unused side of the exponential sees 0, so it cannot overflow
pub fn elu(x: Var, alpha: f64) -> Var {
    let x = float(x);
    let zero = x.constant(0.0);
    let positive = x.greater(zero);
    positive.select(x, positive.select(zero, x).apply(ops::Expm1, &[]) * alpha)
}

pub fn selu(x: Var) -> Var {
    elu(x, SELU_ALPHA) * SELU_SCALE
}

/// The erf form, or the tanh form x/2 (1 + tanh(√(2/π)(x + 0.044715x³)))
pub fn gelu<'a>(x: Var<'a>, p: &[f64]) -> Var<'a> {
    x.apply(if Gelu::read(p).tanh { ops::GeluTanh } else { ops::GeluErf }, &[])
}

/// x·relu6(x + 3)/6
pub fn hard_swish(x: Var) -> Var {
    let x = float(x);
    (relu6(x + 3.0) / 6.0).strong_mul(x)
}

pub fn is_infinite(x: Var) -> Var {
    let x = float(x);
    x.abs().equal(x.constant(f64::INFINITY))
}

/// NaN and the infinities replaced by numbers, by default 0 and the ends of the dtype's range.
pub fn nan_to_num<'a>(x: Var<'a>, p: &[f64]) -> Var<'a> {
    let largest = match x.dtype() {
        DType::Float64 => f64::MAX,
        DType::Float32 => f32::MAX as f64,
        _ => return x + 0.0,
    };
    let NanToNum { nan, replace_positive, positive, replace_negative, negative } = NanToNum::read(p);
    let replaced = |x: Var<'a>, value: f64, by: f64| x.equal(x.constant(value)).select(x.constant(by), x);
    let finite = replaced(
        replaced(x, f64::INFINITY, if replace_positive { positive } else { largest }),
        f64::NEG_INFINITY,
        if replace_negative { negative } else { -largest },
    );
    x.apply(ops::IsNaN, &[]).select(x.constant(nan), finite)
}
