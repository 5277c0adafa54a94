#[derive(Clone, Copy)]
pub enum Operand<'a, T> { Slice(&'a [T]), Splat(T) }
impl<'a, T: Copy> Operand<'a, T> { pub fn at(&self, i: usize) -> T { match self { Operand::Slice(s) => s[i], Operand::Splat(v) => *v } } }
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binary { Add, Sub, Mul, Div, Mod, Fmod, Pow, Hypot, Atan2, Xlogy, Maximum, Minimum, StrongMul }
fn f(b: Binary, x: f64, y: f64) -> f64 { use Binary::*; match b { Add => x+y, Sub => x-y, Mul => x*y, Div => x/y, Mod => x - y*libm::floor(x/y), Fmod => libm::fmod(x,y), Pow => libm::pow(x,y), Hypot => libm::hypot(x,y), Atan2 => libm::atan2(x,y), Xlogy => if x==0.0 {0.0} else {x*libm::log(y)}, Maximum => if x.is_nan()||y.is_nan() {f64::NAN} else {x.max(y)}, Minimum => if x.is_nan()||y.is_nan() {f64::NAN} else {x.min(y)}, StrongMul => if x == 0.0 {0.0} else {x*y} } }
pub fn binary_f32(b: Binary, x: Operand<f32>, y: Operand<f32>, out: &mut [f32]) { for i in 0..out.len() { out[i] = f(b, x.at(i) as f64, y.at(i) as f64) as f32 } }
pub fn binary_f64(b: Binary, x: Operand<f64>, y: Operand<f64>, out: &mut [f64]) { for i in 0..out.len() { out[i] = f(b, x.at(i), y.at(i)) } }
pub fn binary_i32(b: Binary, x: Operand<i32>, y: Operand<i32>, out: &mut [i32]) { for i in 0..out.len() { out[i] = f(b, x.at(i) as f64, y.at(i) as f64) as i32 } }
pub fn accumulate_f32(x: &[f32], out: &mut [f32]) { for (o, v) in out.iter_mut().zip(x) { *o += v } }
pub fn accumulate_f64(x: &[f64], out: &mut [f64]) { for (o, v) in out.iter_mut().zip(x) { *o += v } }
macro_rules! s { ($n:ident, $t:ty) => { pub fn $n(m: Operand<u8>, a: Operand<$t>, b: Operand<$t>, out: &mut [$t]) { for i in 0..out.len() { out[i] = if m.at(i) != 0 { a.at(i) } else { b.at(i) } } } } }
s!(select_f32, f32); s!(select_f64, f64); s!(select_i32, i32); s!(select_u8, u8);
