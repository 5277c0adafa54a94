//! e^A by scaling and squaring with the [13/13] Padé approximant (Higham, 2005).

use super::{lu, Block, Real};
use crate::kernels::gemm::AllocError;
use crate::kernels::number::Number;

/// The norm up to which the approximant is exact to rounding.
const REACH: f64 = 5.371920351148152;
/// Its coefficients, from the constant one on.
const PADE: [f64; 14] = [
    64764752532480000.0,
    32382376266240000.0,
    7771770303897600.0,
    1187353796428800.0,
    129060195264000.0,
    10559470521600.0,
    670442572800.0,
    33522128640.0,
    1323241920.0,
    40840800.0,
    960960.0,
    16380.0,
    182.0,
    1.0,
];

/// Scratch that `exponential` wants.
pub fn scratch(n: usize) -> usize {
    8 * n * n + n
}

/// a := e^a for `a` [n, n].
pub fn exponential(n: usize, a: &mut [f64], exchanged: &mut [i32], work: &mut [f64]) -> Result<(), AllocError> {
    if a.iter().any(|v| !v.is_finite()) {
        a.fill(f64::NAN);
        return Ok(());
    }
    let norm = (0..n).map(|j| (0..n).map(|i| a[i * n + j].abs()).sum::<f64>()).fold(0.0, f64::larger);
    let squarings = if norm > REACH { (norm / REACH).log2().ceil() as i32 } else { 0 };
    let factor = 0.5f64.powi(squarings);
    a.iter_mut().for_each(|v| *v *= factor);
    let mut parts = work.chunks_exact_mut(n * n);
    let mut part = || parts.next().unwrap_or_default();
    let (two, four, six, odd, even, inner) = (part(), part(), part(), part(), part(), part());
    multiply(n, a, a, two)?;
    multiply(n, two, two, four)?;
    multiply(n, four, two, six)?;
    // U = A (A⁶ (b13 A⁶ + b11 A⁴ + b9 A²) + b7 A⁶ + b5 A⁴ + b3 A² + b1),  V the same with the even ones.
    for (result, first) in [(&mut *odd, 1), (&mut *even, 0)] {
        let sum = |at: usize, k: usize| PADE[k + 4] * six[at] + PADE[k + 2] * four[at] + PADE[k] * two[at];
        for (at, inner) in inner.iter_mut().enumerate() {
            *inner = sum(at, first + 8);
        }
        multiply(n, six, inner, result)?;
        for (at, result) in result.iter_mut().enumerate() {
            *result += sum(at, first + 2) + if at / n == at % n { PADE[first] } else { 0.0 };
        }
    }
    multiply(n, a, odd, inner)?;
    // (V - U) X = V + U
    for at in 0..n * n {
        a[at] = even[at] + inner[at];
        even[at] -= inner[at];
    }
    let rest = part();
    lu::factor(n, even, exchanged, rest)?;
    lu::solve(n, n, even, exchanged, a, rest)?;
    for _ in 0..squarings {
        multiply(n, a, a, inner)?;
        a.copy_from_slice(inner);
    }
    Ok(())
}

/// c := a b
#[inline(never)]
fn multiply(n: usize, a: &[f64], b: &[f64], c: &mut [f64]) -> Result<(), AllocError> {
    c.fill(0.0);
    let block = |x: &[f64]| Block { pointer: x.as_ptr() as *mut f64, row: n as isize, column: 1 };
    // SAFETY: three matrices of n² elements; only c is written, and it is none of the others.
    unsafe { f64::multiply([n, n, n], block(a), block(b), Block::of(c, n)) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::close;
    use super::*;

    fn of(n: usize, a: &[f64]) -> Vec<f64> {
        let mut a = a.to_vec();
        exponential(n, &mut a, &mut vec![0; n], &mut vec![0.0; scratch(n)]).unwrap();
        a
    }

    #[test]
    fn known_exponentials() {
        close(&of(1, &[2.0]), &[2.0f64.exp()], 1e-14);
        // A rotation by 30 radians, which needs squarings.
        close(&of(2, &[0.0, -30.0, 30.0, 0.0]), &[30.0f64.cos(), -30.0f64.sin(), 30.0f64.sin(), 30.0f64.cos()], 1e-12);
        // Nilpotent: 1 + N + N²/2.
        close(&of(3, &[0.0, 1.0, 2.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0]), &[1.0, 1.0, 3.5, 0.0, 1.0, 3.0, 0.0, 0.0, 1.0], 1e-14);
    }
}
