//! Parameter updates in place, one pass over memory each. Hyperparameters come as float64 and every constant derived from
//! them is computed there: 1 - 0.999 in float32 would keep only four digits.

use super::number::Float;

/// torch.optim.SGD, with first = true in the step that creates the buffer:
///   g <- g + weight_decay p
///   b <- g when first, else momentum b + (1 - dampening) g
///   d <- g + momentum b with nesterov, else b            (d <- g without momentum)
///   p <- p - lr d
#[allow(clippy::too_many_arguments)]
pub fn sgd<T: Float>(
    p: &mut [T],
    g: &[T],
    buffer: Option<&mut [T]>,
    lr: impl Into<f64>,
    momentum: impl Into<f64>,
    dampening: impl Into<f64>,
    nesterov: bool,
    weight_decay: impl Into<f64>,
    first: bool,
) {
    let (momentum, dampening): (f64, f64) = (momentum.into(), dampening.into());
    let (lr, decay) = (T::from_f64(lr.into()), weight_decay.into());
    // Without decay p must stay out of the gradient: 0 * Infinity is NaN.
    let decays = decay != 0.0;
    let decay = T::from_f64(decay);
    let decayed = move |p: T, g: T| if decays { g + decay * p } else { g };
    match buffer {
        Some(buffer) if momentum != 0.0 => {
            let (keep, gain) = (T::from_f64(momentum), T::from_f64(1.0 - dampening));
            for ((p, &g), b) in p.iter_mut().zip(g).zip(buffer) {
                let g = decayed(*p, g);
                let new = if first { g } else { keep * *b + gain * g };
                *b = new;
                let step = if nesterov { g + keep * new } else { new };
                *p = *p - lr * step;
            }
        }
        _ => {
            for (p, &g) in p.iter_mut().zip(g) {
                *p = *p - lr * decayed(*p, g);
            }
        }
    }
}

/// torch.optim.Adam, and AdamW with decoupled = true; step counts from 1:
///   g <- -g with maximize
///   p <- p - lr weight_decay p when decoupled, else g <- g + weight_decay p
///   m <- beta1 m + (1 - beta1) g
///   v <- beta2 v + (1 - beta2) g^2
///   p <- p - lr / (1 - beta1^step) m / (sqrt(v) / sqrt(1 - beta2^step) + eps)
#[allow(clippy::too_many_arguments)]
pub fn adam<T: Float>(
    p: &mut [T],
    g: &[T],
    m: &mut [T],
    v: &mut [T],
    lr: impl Into<f64>,
    beta1: impl Into<f64>,
    beta2: impl Into<f64>,
    eps: impl Into<f64>,
    weight_decay: impl Into<f64>,
    decoupled: bool,
    step: u32,
    maximize: bool,
) {
    let (lr, decay, beta1, beta2): (f64, f64, f64, f64) = (lr.into(), weight_decay.into(), beta1.into(), beta2.into());
    let rate = T::from_f64(lr / (1.0 - power(beta1, step)));
    let correction = T::from_f64(1.0 / (1.0 - power(beta2, step)).sqrt());
    let (keep_m, gain_m) = (T::from_f64(beta1), T::from_f64(1.0 - beta1));
    let (keep_v, gain_v) = (T::from_f64(beta2), T::from_f64(1.0 - beta2));
    let eps = T::from_f64(eps.into());
    let shrink = T::from_f64(if decoupled { 1.0 - lr * decay } else { 1.0 });
    let adds_decay = !decoupled && decay != 0.0;
    let decay = T::from_f64(decay);
    let sign = if maximize { -T::ONE } else { T::ONE };
    for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
        let signed = sign * g;
        let g = if adds_decay { signed + decay * *p } else { signed };
        *m = keep_m * *m + gain_m * g;
        *v = keep_v * *v + gain_v * g * g;
        *p = *p * shrink - rate * *m / ((*v).square_root() * correction + eps);
    }
}

/// base^exponent by squaring: `powi` may round differently from host to host.
fn power(mut base: f64, mut exponent: u32) -> f64 {
    let mut result = 1.0;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: &[f64], b: &[f64]) {
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() < 1e-14, "{a} {b}");
        }
    }

    #[test]
    fn plain_and_decayed_descent() {
        let mut p = [1.0, -2.0];
        sgd(&mut p, &[0.5, 1.0], None, 0.1, 0.0, 0.0, false, 0.0, true);
        close(&p, &[0.95, -2.1]);
        sgd(&mut p, &[0.0, 0.0], None, 0.1, 0.0, 0.0, false, 0.5, false);
        close(&p, &[0.95 * 0.95, -2.1 * 0.95]);
        let mut infinite = [f64::INFINITY];
        sgd(&mut infinite, &[1.0], None, 0.1, 0.0, 0.0, false, 0.0, true);
        assert_eq!(infinite[0], f64::INFINITY);
        sgd::<f32>(&mut [], &[], None, 0.1, 0.0, 0.0, false, 0.0, true);
    }

    #[test]
    fn momentum_dampening_and_nesterov() {
        // By hand: p = 1, gradients 1, 2, 3; momentum 0.9, dampening 0.5: b = 1, 0.9 + 1 = 1.9, 1.71 + 1.5 = 3.21.
        let (mut p, mut b) = ([1.0], [7.0]);
        for (k, g) in [1.0, 2.0, 3.0].into_iter().enumerate() {
            sgd(&mut p, &[g], Some(&mut b), 0.1, 0.9, 0.5, false, 0.0, k == 0);
        }
        close(&b, &[3.21]);
        close(&p, &[1.0 - 0.1 * (1.0 + 1.9 + 3.21)]);
        // Nesterov: b = 1, 2.9; d = 1 + 0.9 = 1.9, 2 + 2.61 = 4.61.
        let (mut p, mut b) = ([1.0], [7.0]);
        for (k, g) in [1.0, 2.0].into_iter().enumerate() {
            sgd(&mut p, &[g], Some(&mut b), 0.1, 0.9, 0.0, true, 0.0, k == 0);
        }
        close(&b, &[2.9]);
        close(&p, &[1.0 - 0.1 * (1.9 + 4.61)]);
    }

    #[test]
    fn adam_follows_its_formula() {
        for (decoupled, maximize, decay) in [(false, false, 0.0), (false, false, 0.1), (true, false, 0.1), (true, true, 0.1), (false, true, 0.3)] {
            let (mut p, mut m, mut v) = ([1.0, -0.5, 0.25], [0.0; 3], [0.0; 3]);
            let (mut q, mut n, mut w) = (p, m, v);
            for step in 1..=20u32 {
                let g = [0.3 / step as f64, -2.0, 0.01 * step as f64];
                adam(&mut p, &g, &mut m, &mut v, 0.01, 0.9, 0.999, 1e-8, decay, decoupled, step, maximize);
                for i in 0..3 {
                    let mut g = if maximize { -g[i] } else { g[i] };
                    if decoupled {
                        q[i] -= 0.01 * decay * q[i];
                    } else {
                        g += decay * q[i];
                    }
                    n[i] = 0.9 * n[i] + (1.0 - 0.9) * g;
                    w[i] = 0.999 * w[i] + (1.0 - 0.999) * g * g;
                    let (m_hat, v_hat) = (n[i] / (1.0 - 0.9f64.powi(step as i32)), w[i] / (1.0 - 0.999f64.powi(step as i32)));
                    q[i] -= 0.01 * m_hat / (v_hat.sqrt() + 1e-8);
                }
                close(&p, &q);
            }
        }
    }

    #[test]
    fn the_first_adam_step_has_the_length_of_the_rate() {
        let (mut p, mut m, mut v) = ([0f32; 5], [0f32; 5], [0f32; 5]);
        adam(&mut p, &[1.0, -1.0, 1e-3, 100.0, 0.0], &mut m, &mut v, 1e-3, 0.9, 0.999, 1e-8, 0.0, false, 1, false);
        for (p, expected) in p.iter().zip([-1e-3, 1e-3, -1e-3, -1e-3, 0.0]) {
            assert!((p - expected).abs() < 2e-8, "{p} {expected}");
        }
    }

    #[test]
    fn float32_hyperparameters_are_not_rounded_first() {
        let (mut p, mut m, mut v) = ([0f32], [0f32], [0f32]);
        adam(&mut p, &[1.0], &mut m, &mut v, 1e-3, 0.9, 0.999, 1e-8, 0.0, false, 1, false);
        assert_eq!(v[0], (1.0 - 0.999f64) as f32);
    }
}
