//! Functions made only of ops: every level sees their parts, so they need no rule of their own.

mod functions;
mod order;
mod shapes;
mod statistics;

use crate::op::Row;

crate::rows! { start: super::matmul::END;
    // statistics
    Mean => Row::composite("mean", |e, x, p| statistics::mean(e, x[0], p)),
    Variance => Row::composite("variance", |e, x, p| statistics::variance(e, x[0], p)),
    Std => Row::composite("std", |e, x, p| statistics::std(e, x[0], p)),
    Hypot => Row::composite("hypot", |_, x, _| statistics::hypot(x[0], x[1])),
    Norm => Row::composite("norm", |e, x, p| statistics::norm(e, x[0], p)),
    Cumprod => Row::composite("cumprod", |e, x, p| statistics::cumprod(e, x[0], p)),
    Sort => Row::composite("sort", |e, x, p| statistics::sort(e, x[0], p)),
    Cov => Row::composite("cov", |e, x, p| statistics::covariance(e, x[0], p)),
    Quantile => Row::composite("quantile", |e, x, p| order::quantile(e, x[0], p)),
    Cummax => Row::composite("cummax", |_, x, p| order::running(x[0], p, false)),
    Cummin => Row::composite("cummin", |_, x, p| order::running(x[0], p, true)),
    Searchsorted => Row::composite("searchsorted", |_, x, p| order::search(x[0], x[1], p)),
    // scalar functions
    Isinf => Row::composite("isinf", |_, x, _| functions::is_infinite(x[0])),
    NanToNum => Row::composite("nanToNum", |_, x, p| functions::nan_to_num(x[0], p)),
    Sinc => Row::composite("sinc", |_, x, _| x[0].apply(crate::ops::SincDerivative, &[0.0])),
    Multigammaln => Row::composite("multigammaln", |_, x, p| functions::multigammaln(x[0], p)),
    Clamp => Row::composite("clamp", functions::clamp),
    Relu6 => Row::composite("relu6", |_, x, _| functions::relu6(x[0])),
    LeakyRelu => Row::composite("leakyRelu", |_, x, p| functions::leaky_relu(x[0], p)),
    Elu => Row::composite("elu", |_, x, p| functions::elu(x[0], p[0])),
    Selu => Row::composite("selu", |_, x, _| functions::selu(x[0])),
    Gelu => Row::composite("gelu", |_, x, p| functions::gelu(x[0], p)),
    HardSwish => Row::composite("hardSwish", |_, x, _| functions::hard_swish(x[0])),
    // products
    Matmul => Row::composite("matmul", |_, x, _| shapes::matmul(x[0], x[1])),
    Dot => Row::composite("dot", |_, x, _| shapes::dot(x[0], x[1])),
    Outer => Row::composite("outer", |_, x, _| shapes::outer(x[0], x[1])),
    Trace => Row::composite("trace", |_, x, _| shapes::trace(x[0])),
    // shapes and indices
    Stack => Row::composite("stack", shapes::stack),
    Pad => Row::composite("pad", |_, x, p| shapes::pad(x[0], p)),
    Roll => Row::composite("roll", |_, x, p| shapes::roll(x[0], p)),
    Diag => Row::composite("diag", |_, x, p| shapes::diag(x[0], p)),
    Tril => Row::composite("tril", |_, x, p| shapes::triangle(x[0], p, true)),
    Triu => Row::composite("triu", |_, x, p| shapes::triangle(x[0], p, false)),
    OneHot => Row::composite("oneHot", |_, x, p| shapes::one_hot(x[0], p)),
    ScatterAdd => Row::composite("scatterAdd", |_, x, p| shapes::scatter_add(x, p)),
    IndexAdd => Row::composite("indexAdd", |_, x, p| shapes::index_add(x, p)),
}
