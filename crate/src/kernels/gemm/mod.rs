#[derive(Debug)] pub struct AllocError;
macro_rules! g { ($n:ident, $t:ty) => { pub unsafe fn $n(m: usize, n: usize, k: usize, a: *const $t, ar: isize, ac: isize, b: *const $t, br: isize, bc: isize, c: *mut $t, ldc: usize, acc: bool) -> Result<(), AllocError> { for i in 0..m { for j in 0..n { let mut s = if acc { *c.add(i*ldc+j) } else { 0 as $t }; for p in 0..k { s += *a.offset(i as isize*ar+p as isize*ac) * *b.offset(p as isize*br + j as isize*bc) } *c.add(i*ldc+j) = s } } Ok(()) } } }
g!(gemm_f32, f32); g!(gemm_f64, f64); g!(gemm_i32, i32);
