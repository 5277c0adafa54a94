//! Parameter updates in place, one pass over memory each. Hyperparameters come as float64 and every constant derived from
//! them is computed there: 1 - 0.999 in float32 would keep only four digits.

use super::number::Float;

/// Optimizers that are one formula for each number.
pub mod formulas;

/// A field of a record of options, as the boundary passes it.
pub struct Field {
    /// As TypeScript calls it.
    pub name: &'static str,
    /// 0 and 1 stand for false and true.
    pub is_flag: bool,
}

/// What a field may be.
trait FieldType {
    const IS_FLAG: bool = false;
    fn from_number(number: f64) -> Self;
}

impl FieldType for f64 {
    fn from_number(number: f64) -> f64 {
        number
    }
}

impl FieldType for u32 {
    fn from_number(number: f64) -> u32 {
        number as u32
    }
}

impl FieldType for bool {
    const IS_FLAG: bool = true;
    fn from_number(number: f64) -> bool {
        number != 0.0
    }
}

/// A record of options.
pub trait Options {
    const FIELDS: &'static [Field];
    /// From as many numbers as there are fields.
    fn read(numbers: &[f64]) -> Self;
}

/// Declares a record of options, whose fields TypeScript writes one behind the other in this order, by the names in `FIELDS`.
macro_rules! options {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$doc:meta])* pub $field:ident: $type:ty,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Default)]
        pub struct $name { $($(#[$doc])* pub $field: $type,)+ }

        impl Options for $name {
            const FIELDS: &'static [Field] = &[$(Field { name: stringify!($field), is_flag: <$type as FieldType>::IS_FLAG }),+];

            fn read(numbers: &[f64]) -> $name {
                let mut numbers = numbers.iter();
                $name { $($field: FieldType::from_number(numbers.next().copied().unwrap_or_default()),)+ }
            }
        }
    };
}
use options;

options! {
    /// Options of torch.optim.SGD.
    pub struct Sgd {
        pub lr: f64,
        pub momentum: f64,
        pub dampening: f64,
        pub nesterov: bool,
        pub weight_decay: f64,
        /// Climb instead of descend.
        pub maximize: bool,
        /// The buffer holds nothing yet.
        pub first: bool,
    }
}

options! {
    /// Options of torch.optim.Adam, and of AdamW with `decoupled`.
    pub struct Adam {
        pub lr: f64,
        pub beta1: f64,
        pub beta2: f64,
        pub eps: f64,
        pub weight_decay: f64,
        pub decoupled: bool,
        /// Counts from 1.
        pub step: u32,
        /// Climb instead of descend.
        pub maximize: bool,
    }
}

/// torch.optim.SGD, with first = true in the step that creates the buffer:
///   g <- -g with maximize
///   g <- g + weight_decay p
///   b <- g when first, else momentum b + (1 - dampening) g
///   d <- g + momentum b with nesterov, else b            (d <- g without momentum)
///   p <- p - lr d
pub fn sgd<T: Float>(p: &mut [T], g: &[T], buffer: Option<&mut [T]>, o: &Sgd) {
    let lr = T::from_f64(o.lr);
    let sign = if o.maximize { -T::ONE } else { T::ONE };
    // Without decay p must stay out of the gradient: 0 * Infinity is NaN.
    let decays = o.weight_decay != 0.0;
    let decay = T::from_f64(o.weight_decay);
    let decayed = move |p: T, g: T| if decays { sign * g + decay * p } else { sign * g };
    match buffer {
        Some(buffer) if o.momentum != 0.0 => {
            let (keep, gain) = (T::from_f64(o.momentum), T::from_f64(1.0 - o.dampening));
            for ((p, &g), b) in p.iter_mut().zip(g).zip(buffer) {
                let g = decayed(*p, g);
                let new = if o.first { g } else { keep * *b + gain * g };
                *b = new;
                let step = if o.nesterov { g + keep * new } else { new };
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

/// torch.optim.Adam, and AdamW with decoupled = true; `largest` is the state of amsgrad:
///   g <- -g with maximize
///   p <- p - lr weight_decay p when decoupled, else g <- g + weight_decay p
///   m <- beta1 m + (1 - beta1) g
///   v <- beta2 v + (1 - beta2) g^2
///   s <- largest <- max(largest, v) with amsgrad, else v
///   p <- p - lr / (1 - beta1^step) m / (sqrt(s) / sqrt(1 - beta2^step) + eps)
pub fn adam<T: Float>(p: &mut [T], g: &[T], m: &mut [T], v: &mut [T], largest: Option<&mut [T]>, o: &Adam) {
    let rate = T::from_f64(o.lr / (1.0 - power(o.beta1, o.step)));
    let correction = T::from_f64(1.0 / (1.0 - power(o.beta2, o.step)).sqrt());
    let (keep_m, gain_m) = (T::from_f64(o.beta1), T::from_f64(1.0 - o.beta1));
    let (keep_v, gain_v) = (T::from_f64(o.beta2), T::from_f64(1.0 - o.beta2));
    let eps = T::from_f64(o.eps);
    let shrink = T::from_f64(if o.decoupled { 1.0 - o.lr * o.weight_decay } else { 1.0 });
    let adds_decay = !o.decoupled && o.weight_decay != 0.0;
    let decay = T::from_f64(o.weight_decay);
    let sign = if o.maximize { -T::ONE } else { T::ONE };
    let average = |p: T, g: T, m: &mut T, v: &mut T| {
        let signed = sign * g;
        let g = if adds_decay { signed + decay * p } else { signed };
        *m = keep_m * *m + gain_m * g;
        *v = keep_v * *v + gain_v * g * g;
    };
    let moved = |p: T, m: T, s: T| p * shrink - rate * m / (s.square_root() * correction + eps);
    match largest {
        None => {
            for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
                average(*p, g, m, v);
                *p = moved(*p, *m, *v);
            }
        }
        Some(largest) => {
            for ((((p, &g), m), v), s) in p.iter_mut().zip(g).zip(m).zip(v).zip(largest) {
                average(*p, g, m, v);
                *s = s.larger(*v);
                *p = moved(*p, *m, *s);
            }
        }
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

    const DESCENT: Sgd = Sgd { lr: 0.1, momentum: 0.0, dampening: 0.0, nesterov: false, weight_decay: 0.0, maximize: false, first: false };
    const ADAM: Adam =
        Adam { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, decoupled: false, step: 1, maximize: false };

    #[test]
    fn plain_and_decayed_descent() {
        let mut p = [1.0, -2.0];
        sgd(&mut p, &[0.5, 1.0], None, &DESCENT);
        close(&p, &[0.95, -2.1]);
        sgd(&mut p, &[0.0, 0.0], None, &Sgd { weight_decay: 0.5, ..DESCENT });
        close(&p, &[0.95 * 0.95, -2.1 * 0.95]);
        let mut infinite = [f64::INFINITY];
        sgd(&mut infinite, &[1.0], None, &DESCENT);
        assert_eq!(infinite[0], f64::INFINITY);
        sgd::<f32>(&mut [], &[], None, &DESCENT);
    }

    #[test]
    fn maximising_climbs_but_decays_all_the_same() {
        let mut p = [2.0];
        sgd(&mut p, &[1.0], None, &Sgd { maximize: true, weight_decay: 0.5, ..DESCENT });
        // g = -1 + 0.5 * 2 = 0
        close(&p, &[2.0]);
        sgd(&mut p, &[1.0], None, &Sgd { maximize: true, ..DESCENT });
        close(&p, &[2.1]);
    }

    #[test]
    fn momentum_dampening_and_nesterov() {
        // By hand: p = 1, gradients 1, 2, 3; momentum 0.9, dampening 0.5: b = 1, 0.9 + 1 = 1.9, 1.71 + 1.5 = 3.21.
        let (mut p, mut b) = ([1.0], [7.0]);
        for (k, g) in [1.0, 2.0, 3.0].into_iter().enumerate() {
            sgd(&mut p, &[g], Some(&mut b), &Sgd { momentum: 0.9, dampening: 0.5, first: k == 0, ..DESCENT });
        }
        close(&b, &[3.21]);
        close(&p, &[1.0 - 0.1 * (1.0 + 1.9 + 3.21)]);
        // Nesterov: b = 1, 2.9; d = 1 + 0.9 = 1.9, 2 + 2.61 = 4.61.
        let (mut p, mut b) = ([1.0], [7.0]);
        for (k, g) in [1.0, 2.0].into_iter().enumerate() {
            sgd(&mut p, &[g], Some(&mut b), &Sgd { momentum: 0.9, nesterov: true, first: k == 0, ..DESCENT });
        }
        close(&b, &[2.9]);
        close(&p, &[1.0 - 0.1 * (1.9 + 4.61)]);
    }

    #[test]
    fn adam_follows_its_formula() {
        for amsgrad in [false, true] {
            for (decoupled, maximize, decay) in
                [(false, false, 0.0), (false, false, 0.1), (true, false, 0.1), (true, true, 0.1), (false, true, 0.3)]
            {
                let (mut p, mut m, mut v, mut s) = ([1.0, -0.5, 0.25], [0.0; 3], [0.0; 3], [0.0; 3]);
                let (mut q, mut n, mut w, mut u) = (p, m, v, s);
                for step in 1..=20u32 {
                    let g = [0.3 / step as f64, -2.0, 0.01 * step as f64];
                    let options = Adam { lr: 0.01, weight_decay: decay, decoupled, step, maximize, ..ADAM };
                    adam(&mut p, &g, &mut m, &mut v, amsgrad.then_some(&mut s[..]), &options);
                    for i in 0..3 {
                        let mut g = if maximize { -g[i] } else { g[i] };
                        if decoupled {
                            q[i] -= 0.01 * decay * q[i];
                        } else {
                            g += decay * q[i];
                        }
                        n[i] = 0.9 * n[i] + (1.0 - 0.9) * g;
                        w[i] = 0.999 * w[i] + (1.0 - 0.999) * g * g;
                        u[i] = if amsgrad { w[i].max(u[i]) } else { w[i] };
                        let (m_hat, v_hat) = (n[i] / (1.0 - 0.9f64.powi(step as i32)), u[i] / (1.0 - 0.999f64.powi(step as i32)));
                        q[i] -= 0.01 * m_hat / (v_hat.sqrt() + 1e-8);
                    }
                    close(&p, &q);
                }
                if amsgrad {
                    close(&s, &u);
                }
            }
        }
    }

    #[test]
    fn amsgrad_divides_by_the_largest_average_so_far_and_keeps_nan() {
        let (mut p, mut m, mut v, mut s) = ([0.0], [0.0], [0.0], [0.0]);
        let options = |step| Adam { beta2: 0.5, step, ..ADAM };
        adam(&mut p, &[4.0], &mut m, &mut v, Some(&mut s), &options(1));
        assert_eq!((v[0], s[0]), (8.0, 8.0));
        adam(&mut p, &[0.0], &mut m, &mut v, Some(&mut s), &options(2));
        assert_eq!((v[0], s[0]), (4.0, 8.0));
        adam(&mut p, &[f64::NAN], &mut m, &mut v, Some(&mut s), &options(3));
        assert!(s[0].is_nan());
    }

    #[test]
    fn the_first_adam_step_has_the_length_of_the_rate() {
        let (mut p, mut m, mut v) = ([0f32; 5], [0f32; 5], [0f32; 5]);
        adam(&mut p, &[1.0, -1.0, 1e-3, 100.0, 0.0], &mut m, &mut v, None, &ADAM);
        for (p, expected) in p.iter().zip([-1e-3, 1e-3, -1e-3, -1e-3, 0.0]) {
            assert!((p - expected).abs() < 2e-8, "{p} {expected}");
        }
    }

    #[test]
    fn float32_hyperparameters_are_not_rounded_first() {
        let (mut p, mut m, mut v) = ([0f32], [0f32], [0f32]);
        adam(&mut p, &[1.0], &mut m, &mut v, None, &ADAM);
        assert_eq!(v[0], (1.0 - 0.999f64) as f32);
    }
}
