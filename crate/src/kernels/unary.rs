#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unary { Neg, Abs, Sign, Square, Sqrt, Rsqrt, Cbrt, Reciprocal, Exp, Exp2, Expm1, Log, Log2, Log10, Log1p, Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Tanh, Asinh, Acosh, Atanh, Erf, Erfc, Erfinv, Lgamma, Digamma, Sigmoid, Softplus, LogSigmoid, Relu, Gelu, GeluTanh, Silu, Floor, Ceil, Round, Trunc }
use libm::*;
fn f(u: Unary, x: f64) -> f64 { use Unary::*; match u { Neg => -x, Abs => x.abs(), Sign => if x > 0.0 {1.0} else if x < 0.0 {-1.0} else {x}, Square => x*x, Sqrt => sqrt(x), Rsqrt => 1.0/sqrt(x), Cbrt => cbrt(x), Reciprocal => 1.0/x, Exp => exp(x), Exp2 => exp2(x), Expm1 => expm1(x), Log => log(x), Log2 => log2(x), Log10 => log10(x), Log1p => log1p(x), Sin => sin(x), Cos => cos(x), Tan => tan(x), Asin => asin(x), Acos => acos(x), Atan => atan(x), Sinh => sinh(x), Cosh => cosh(x), Tanh => tanh(x), Asinh => asinh(x), Acosh => acosh(x), Atanh => atanh(x), Erf => erf(x), Erfc => erfc(x), Erfinv => x, Lgamma => lgamma(x), Digamma => x, Sigmoid => 1.0/(1.0+exp(-x)), Softplus => if x > 0.0 { x + log1p(exp(-x)) } else { log1p(exp(x)) }, LogSigmoid => -(if -x > 0.0 { -x + log1p(exp(x)) } else { log1p(exp(-x)) }), Relu => if x > 0.0 {x} else {0.0}, Gelu => 0.5*x*erfc(-x*0.5f64.sqrt()), GeluTanh => x, Silu => x/(1.0+exp(-x)), Floor => floor(x), Ceil => ceil(x), Round => rint(x), Trunc => trunc(x) } }
pub fn unary_f32(u: Unary, x: &[f32], out: &mut [f32]) { for (o, &v) in out.iter_mut().zip(x) { *o = f(u, v as f64) as f32 } }
pub fn unary_f64(u: Unary, x: &[f64], out: &mut [f64]) { for (o, &v) in out.iter_mut().zip(x) { *o = f(u, v) } }
pub fn unary_i32(u: Unary, x: &[i32], out: &mut [i32]) { for (o, &v) in out.iter_mut().zip(x) { *o = f(u, v as f64) as i32 } }
pub fn polygamma_f32(_n: u32, _x: &[f32], _o: &mut [f32]) {}
pub fn polygamma_f64(_n: u32, _x: &[f64], _o: &mut [f64]) {}
pub fn sinc_derivative_f32(_n: u32, _x: &[f32], _o: &mut [f32]) {}
pub fn sinc_derivative_f64(_n: u32, _x: &[f64], _o: &mut [f64]) {}
