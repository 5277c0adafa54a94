//! Functions made only of ops: every level sees their parts, so they need no rule of their own.

mod functions;
mod order;
mod shapes;
mod statistics;

use crate::op::Row;
use crate::ops;
use crate::params::{
    Along, Alpha, Clamp, Covariance, Diagonal, Dimension, Gelu, NanToNum, Norm, OneHot, Order, Pad, Quantile, Reduce, Roll, Scan, Search,
    Slope, Sorting, Triangle, Variance,
};

crate::rows! { composite;
    // statistics
    Mean => Row::composite("mean", 1, Reduce::PARAMS, |e, x, p| statistics::mean(e, x[0], p)),
    Variance => Row::composite("variance", 1, Variance::PARAMS, |e, x, p| statistics::variance(e, x[0], p)),
    Std => Row::composite("std", 1, Variance::PARAMS, |e, x, p| statistics::std(e, x[0], p)),
    Hypot => Row::composite("hypot", 2, &[], |_, x, _| statistics::hypot(x[0], x[1])),
    Norm => Row::composite("norm", 1, Norm::PARAMS, |e, x, p| statistics::norm(e, x[0], p)),
    Cumprod => Row::composite("cumprod", 1, Scan::PARAMS, |e, x, p| statistics::cumprod(e, x[0], p)),
    Sort => Row::composite("sort", 1, Sorting::PARAMS, |e, x, p| statistics::sort(e, x[0], p)),
    Cov => Row::composite("cov", 1, Covariance::PARAMS, |e, x, p| statistics::covariance(e, x[0], p)),
    Quantile => Row::composite("quantile", 1, Quantile::PARAMS, |e, x, p| order::quantile(e, x[0], p)),
    Cummax => Row::composite("cummax", 1, Scan::PARAMS, |_, x, p| order::running(x[0], p, false)),
    Cummin => Row::composite("cummin", 1, Scan::PARAMS, |_, x, p| order::running(x[0], p, true)),
    Searchsorted => Row::composite("searchsorted", 2, Search::PARAMS, |_, x, p| order::search(x[0], x[1], p)),
    // scalar functions
    Isinf => Row::composite("isinf", 1, &[], |_, x, _| functions::is_infinite(x[0])),
    NanToNum => Row::composite("nanToNum", 1, NanToNum::PARAMS, |_, x, p| functions::nan_to_num(x[0], p)),
    Sinc => Row::composite("sinc", 1, &[], |_, x, _| x[0].apply(ops::SincDerivative, &Order { order: 0.0 }.list())),
    Multigammaln => Row::composite("multigammaln", 1, Dimension::PARAMS, |_, x, p| functions::multigammaln(x[0], p)),
    Clamp => Row::composite("clamp", 1, Clamp::PARAMS, functions::clamp).inputs_between(1, 3),
    Relu6 => Row::composite("relu6", 1, &[], |_, x, _| functions::relu6(x[0])),
    LeakyRelu => Row::composite("leakyRelu", 1, Slope::PARAMS, |_, x, p| functions::leaky_relu(x[0], p)),
    Elu => Row::composite("elu", 1, Alpha::PARAMS, |_, x, p| functions::elu(x[0], Alpha::read(p).alpha)),
    Selu => Row::composite("selu", 1, &[], |_, x, _| functions::selu(x[0])),
    Gelu => Row::composite("gelu", 1, Gelu::PARAMS, |_, x, p| functions::gelu(x[0], p)),
    HardSwish => Row::composite("hardSwish", 1, &[], |_, x, _| functions::hard_swish(x[0])),
    // products
    /// Of vectors too; its products are `Matmul`, and so are its errors.
    MatmulOfAnyRank => Row::composite("matmulOfAnyRank", 2, &[], |_, x, _| shapes::matmul(x[0], x[1])).reported_as(ops::Matmul),
    Dot => Row::composite("dot", 2, &[], |_, x, _| shapes::dot(x[0], x[1])),
    Outer => Row::composite("outer", 2, &[], |_, x, _| shapes::outer(x[0], x[1])),
    MatrixTrace => Row::composite("trace", 1, &[], |_, x, _| shapes::trace(x[0])),
    // shapes and indices
    Stack => Row::composite("stack", 1, Along::PARAMS, shapes::stack).inputs_between(1, u32::MAX),
    Pad => Row::composite("pad", 1, Pad::PARAMS, |_, x, p| shapes::pad(x[0], p)),
    Roll => Row::composite("roll", 1, Roll::PARAMS, |_, x, p| shapes::roll(x[0], p)),
    Diag => Row::composite("diag", 1, Diagonal::PARAMS, |_, x, p| shapes::diag(x[0], p)),
    Tril => Row::composite("tril", 1, Triangle::PARAMS, |_, x, p| shapes::triangle(x[0], p, true)),
    Triu => Row::composite("triu", 1, Triangle::PARAMS, |_, x, p| shapes::triangle(x[0], p, false)),
    OneHot => Row::composite("oneHot", 1, OneHot::PARAMS, |_, x, p| shapes::one_hot(x[0], p)),
    ScatterAdd => Row::composite("scatterAdd", 3, Along::PARAMS, |_, x, p| shapes::scatter_add(x, p)),
    IndexAdd => Row::composite("indexAdd", 3, Along::PARAMS, |_, x, p| shapes::index_add(x, p)),
}
