use super::binary::Operand;
use crate::dtype::Element;
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compare { Eq, Ne, Lt, Le, Gt, Ge }
macro_rules! c { ($n:ident, $t:ty) => { pub fn $n(c: Compare, a: Operand<$t>, b: Operand<$t>, out: &mut [u8]) { for i in 0..out.len() { let (x,y)=(a.at(i), b.at(i)); out[i] = match c { Compare::Eq => x==y, Compare::Ne => x!=y, Compare::Lt => x<y, Compare::Le => x<=y, Compare::Gt => x>y, Compare::Ge => x>=y } as u8 } } } }
c!(compare_f32, f32); c!(compare_f64, f64); c!(compare_i32, i32);
pub fn logical_and(a: Operand<u8>, b: Operand<u8>, o: &mut [u8]) { for i in 0..o.len() { o[i] = (a.at(i) != 0 && b.at(i) != 0) as u8 } }
pub fn logical_or(a: Operand<u8>, b: Operand<u8>, o: &mut [u8]) { for i in 0..o.len() { o[i] = (a.at(i) != 0 || b.at(i) != 0) as u8 } }
pub fn logical_not(a: &[u8], o: &mut [u8]) { for i in 0..o.len() { o[i] = (a[i] == 0) as u8 } }
pub fn is_nan_f32(a: &[f32], o: &mut [u8]) { for i in 0..o.len() { o[i] = a[i].is_nan() as u8 } }
pub fn is_nan_f64(a: &[f64], o: &mut [u8]) { for i in 0..o.len() { o[i] = a[i].is_nan() as u8 } }
pub fn is_finite_f32(a: &[f32], o: &mut [u8]) { for i in 0..o.len() { o[i] = a[i].is_finite() as u8 } }
pub fn is_finite_f64(a: &[f64], o: &mut [u8]) { for i in 0..o.len() { o[i] = a[i].is_finite() as u8 } }
pub fn cast<F: Element, T: Element>(a: &[F], o: &mut [T]) { for i in 0..o.len() { o[i] = T::from_f64(a[i].to_f64()) } }
