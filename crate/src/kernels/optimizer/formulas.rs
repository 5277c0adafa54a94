//! Optimizers that are one formula for each number of a parameter: from the number p, its gradient g and its state to the next number and
//! state. What is the same for all numbers is computed once, in float64. Options and formulas are torch.optim's, Lion's those of its paper.

use super::{options, power, Field, FieldType, Options};
use crate::kernels::number::Float;

/// An optimizer with `N` state tensors.
pub trait Formula<const N: usize> {
    fn formula<T: Float>(&self) -> impl Fn(T, T, [T; N]) -> (T, [T; N]);
}

/// Runs a formula over all numbers of a parameter, its gradient and its state.
#[inline(always)]
pub fn each<T: Float, const N: usize>(p: &mut [T], g: &[T], state: [&mut [T]; N], f: impl Fn(T, T, [T; N]) -> (T, [T; N])) {
    let n = state.iter().fold(p.len().min(g.len()), |n, s| n.min(s.len()));
    let mut state = state.map(|s| &mut s[..n]);
    for (i, (p, &g)) in p[..n].iter_mut().zip(&g[..n]).enumerate() {
        let (next, parts) = f(*p, g, std::array::from_fn(|k| state[k][i]));
        *p = next;
        for (s, part) in state.iter_mut().zip(parts) {
            s[i] = part;
        }
    }
}

/// The gradient to go against: turned round to climb, with the pull to 0 added. Without decay p stays out of it: 0 * Infinity is NaN.
#[inline(always)]
fn directed<T: Float>(maximize: bool, weight_decay: f64) -> impl Fn(T, T) -> T + Copy {
    let sign = if maximize { -T::ONE } else { T::ONE };
    let decay = T::from_f64(weight_decay);
    move |p, g| if weight_decay != 0.0 { sign * g + decay * p } else { sign * g }
}

/// keep old + (1 - keep) new.
#[inline(always)]
fn averaged<T: Float>(keep: f64) -> impl Fn(T, T) -> T + Copy {
    let (keep, gain) = (T::from_f64(keep), T::from_f64(1.0 - keep));
    move |old, new| keep * old + gain * new
}

/// 1, -1, and x itself where it is neither above nor below 0: NaN shows.
#[inline(always)]
fn sign<T: Float>(x: T) -> T {
    if x > T::ZERO {
        T::ONE
    } else if x < T::ZERO {
        -T::ONE
    } else {
        x
    }
}

options! {
    pub struct RmsProp {
        pub lr: f64,
        pub alpha: f64,
        pub eps: f64,
        pub weight_decay: f64,
        pub momentum: f64,
        pub centered: bool,
        pub maximize: bool,
    }
}

/// v <- alpha v + (1 - alpha) g^2; m <- alpha m + (1 - alpha) g when centered; b <- momentum b + g / (sqrt(v - m^2) + eps); p <- p - lr b
impl Formula<3> for RmsProp {
    #[inline(always)]
    fn formula<T: Float>(&self) -> impl Fn(T, T, [T; 3]) -> (T, [T; 3]) {
        let (direct, average, centered) = (directed(self.maximize, self.weight_decay), averaged::<T>(self.alpha), self.centered);
        let [lr, eps, momentum] = [self.lr, self.eps, self.momentum].map(T::from_f64);
        move |p, g, [v, b, m]| {
            let g = direct(p, g);
            let v = average(v, g * g);
            let m = average(m, g);
            let spread = if centered { v - m * m } else { v };
            let b = momentum * b + g / (spread.square_root() + eps);
            (p - lr * b, [v, b, m])
        }
    }
}

options! {
    pub struct Adagrad {
        pub lr: f64,
        pub lr_decay: f64,
        pub weight_decay: f64,
        pub eps: f64,
        /// Counts from 1, here and below.
        pub step: u32,
        pub maximize: bool,
    }
}

/// s <- s + g^2; p <- p - lr / (1 + (step - 1) lr_decay) g / (sqrt(s) + eps)
impl Formula<1> for Adagrad {
    #[inline(always)]
    fn formula<T: Float>(&self) -> impl Fn(T, T, [T; 1]) -> (T, [T; 1]) {
        let direct = directed(self.maximize, self.weight_decay);
        let rate = T::from_f64(self.lr / (1.0 + (f64::from(self.step) - 1.0) * self.lr_decay));
        let eps = T::from_f64(self.eps);
        move |p, g, [s]| {
            let g = direct(p, g);
            let s = s + g * g;
            (p - rate * g / (s.square_root() + eps), [s])
        }
    }
}

options! {
    pub struct Adadelta {
        pub lr: f64,
        pub rho: f64,
        pub eps: f64,
        pub weight_decay: f64,
        pub maximize: bool,
    }
}

/// v <- rho v + (1 - rho) g^2; d <- sqrt(a + eps) / sqrt(v + eps) g; a <- rho a + (1 - rho) d^2; p <- p - lr d
impl Formula<2> for Adadelta {
    #[inline(always)]
    fn formula<T: Float>(&self) -> impl Fn(T, T, [T; 2]) -> (T, [T; 2]) {
        let (direct, average) = (directed(self.maximize, self.weight_decay), averaged(self.rho));
        let [lr, eps] = [self.lr, self.eps].map(T::from_f64);
        move |p, g, [v, a]| {
            let g = direct(p, g);
            let v = average(v, g * g);
            let d = (a + eps).square_root() / (v + eps).square_root() * g;
            (p - lr * d, [v, average(a, d * d)])
        }
    }
}

options! {
    pub struct Adamax {
        pub lr: f64,
        pub beta1: f64,
        pub beta2: f64,
        pub eps: f64,
        pub weight_decay: f64,
        pub step: u32,
        pub maximize: bool,
    }
}

/// m <- beta1 m + (1 - beta1) g; u <- max(beta2 u, |g| + eps); p <- p - lr / (1 - beta1^step) m / u
impl Formula<2> for Adamax {
    #[inline(always)]
    fn formula<T: Float>(&self) -> impl Fn(T, T, [T; 2]) -> (T, [T; 2]) {
        let (direct, average) = (directed(self.maximize, self.weight_decay), averaged(self.beta1));
        let rate = T::from_f64(self.lr / (1.0 - power(self.beta1, self.step)));
        let [keep, eps] = [self.beta2, self.eps].map(T::from_f64);
        move |p, g, [m, u]| {
            let g = direct(p, g);
            let m = average(m, g);
            let u = (keep * u).larger(g.larger(-g) + eps);
            (p - rate * m / u, [m, u])
        }
    }
}

options! {
    pub struct NAdam {
        pub lr: f64,
        pub beta1: f64,
        pub beta2: f64,
        pub eps: f64,
        pub weight_decay: f64,
        pub decoupled_weight_decay: bool,
        /// beta1 (1 - 0.96^(step momentum_decay) / 2) of this step, of the next, and the product of those up to this.
        pub mu: f64,
        pub next_mu: f64,
        pub mu_product: f64,
        pub step: u32,
        pub maximize: bool,
    }
}

/// m, v as Adam; p <- p - lr ((1 - mu) / (1 - mu_product) g + next_mu / (1 - mu_product next_mu) m) / (sqrt(v / (1 - beta2^step)) + eps)
impl Formula<2> for NAdam {
    #[inline(always)]
    fn formula<T: Float>(&self) -> impl Fn(T, T, [T; 2]) -> (T, [T; 2]) {
        let direct = directed(self.maximize, if self.decoupled_weight_decay { 0.0 } else { self.weight_decay });
        let (first, second) = (averaged(self.beta1), averaged(self.beta2));
        let shrink = T::from_f64(if self.decoupled_weight_decay { 1.0 - self.lr * self.weight_decay } else { 1.0 });
        let correction = T::from_f64(1.0 / (1.0 - power(self.beta2, self.step)).sqrt());
        let along_g = T::from_f64(self.lr * (1.0 - self.mu) / (1.0 - self.mu_product));
        let along_m = T::from_f64(self.lr * self.next_mu / (1.0 - self.mu_product * self.next_mu));
        let eps = T::from_f64(self.eps);
        move |p, g, [m, v]| {
            let g = direct(p, g);
            let (m, v) = (first(m, g), second(v, g * g));
            (p * shrink - (along_g * g + along_m * m) / (v.square_root() * correction + eps), [m, v])
        }
    }
}

options! {
    pub struct RAdam {
        pub lr: f64,
        pub beta1: f64,
        pub beta2: f64,
        pub eps: f64,
        pub weight_decay: f64,
        pub decoupled_weight_decay: bool,
        pub step: u32,
        pub maximize: bool,
    }
}

/// m, v as Adam; p <- p - lr m / (1 - beta1^step), divided by the root of the mean square from where its variance is finite on.
impl Formula<2> for RAdam {
    #[inline(always)]
    fn formula<T: Float>(&self) -> impl Fn(T, T, [T; 2]) -> (T, [T; 2]) {
        let direct = directed(self.maximize, if self.decoupled_weight_decay { 0.0 } else { self.weight_decay });
        let (first, second) = (averaged(self.beta1), averaged(self.beta2));
        let shrink = T::from_f64(if self.decoupled_weight_decay { 1.0 - self.lr * self.weight_decay } else { 1.0 });
        let (kept, limit) = (power(self.beta2, self.step), 2.0 / (1.0 - self.beta2) - 1.0);
        let length = limit - 2.0 * f64::from(self.step) * kept / (1.0 - kept);
        let rectified = length > 5.0;
        let rectification = ((length - 4.0) * (length - 2.0) * limit / ((limit - 4.0) * (limit - 2.0) * length)).sqrt();
        let plain = self.lr / (1.0 - power(self.beta1, self.step));
        let rate = T::from_f64(if rectified { plain * rectification * (1.0 - kept).sqrt() } else { plain });
        let eps = T::from_f64(self.eps);
        move |p, g, [m, v]| {
            let g = direct(p, g);
            let (m, v) = (first(m, g), second(v, g * g));
            let size = if rectified { v.square_root() + eps } else { T::ONE };
            (p * shrink - rate * m / size, [m, v])
        }
    }
}

options! {
    /// Chen et al. 2023.
    pub struct Lion {
        pub lr: f64,
        pub beta1: f64,
        pub beta2: f64,
        pub weight_decay: f64,
        pub maximize: bool,
    }
}

/// p <- p - lr (sign(beta1 m + (1 - beta1) g) + weight_decay p); m <- beta2 m + (1 - beta2) g
impl Formula<1> for Lion {
    #[inline(always)]
    fn formula<T: Float>(&self) -> impl Fn(T, T, [T; 1]) -> (T, [T; 1]) {
        let direct = directed(self.maximize, 0.0);
        let (first, second) = (averaged(self.beta1), averaged(self.beta2));
        let [lr, shrink] = [self.lr, 1.0 - self.lr * self.weight_decay].map(T::from_f64);
        move |p, g, [m]| {
            let g = direct(p, g);
            (p * shrink - lr * sign(first(m, g)), [second(m, g)])
        }
    }
}

options! {
    pub struct Rprop {
        pub eta_minus: f64,
        pub eta_plus: f64,
        pub smallest: f64,
        pub largest: f64,
        pub maximize: bool,
    }
}

/// Where g keeps its sign the step s grows, where it turns s shrinks and g counts as 0; p <- p - sign(g) s
impl Formula<2> for Rprop {
    #[inline(always)]
    fn formula<T: Float>(&self) -> impl Fn(T, T, [T; 2]) -> (T, [T; 2]) {
        let direct = directed(self.maximize, 0.0);
        let [minus, plus, smallest, largest] = [self.eta_minus, self.eta_plus, self.smallest, self.largest].map(T::from_f64);
        move |p, g, [before, s]| {
            let g = direct(p, g);
            let agrees = g * before;
            let turns = agrees < T::ZERO;
            let factor = if turns {
                minus
            } else if agrees > T::ZERO {
                plus
            } else {
                T::ONE
            };
            let s = (s * factor).larger(smallest).smaller(largest);
            let g = if turns { T::ZERO } else { g };
            (p - sign(g) * s, [g, s])
        }
    }
}

options! {
    pub struct Asgd {
        pub lr: f64,
        pub lambd: f64,
        pub alpha: f64,
        pub t0: f64,
        pub weight_decay: f64,
        pub step: u32,
        pub maximize: bool,
    }
}

/// p <- (1 - lambd eta) p - eta g with eta = lr / (1 + lambd lr (step - 1))^alpha; a <- a + (p - a) / max(1, step - 1 - t0)
impl Formula<1> for Asgd {
    #[inline(always)]
    fn formula<T: Float>(&self) -> impl Fn(T, T, [T; 1]) -> (T, [T; 1]) {
        let direct = directed(self.maximize, self.weight_decay);
        let taken = f64::from(self.step) - 1.0;
        let eta = self.lr / libm::pow(1.0 + self.lambd * self.lr * taken, self.alpha);
        let share = 1.0 / (taken - self.t0).max(1.0);
        let [rate, shrink, gain] = [eta, 1.0 - self.lambd * eta, share].map(T::from_f64);
        move |p, g, [a]| {
            let next = p * shrink - rate * direct(p, g);
            // The mean of one is that one, whatever a was.
            (next, [if share == 1.0 { next } else { a + (next - a) * gain }])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_none_show() {
        let lion = Lion { lr: 0.1, beta1: 0.9, beta2: 0.99, ..Lion::default() };
        let (mut p, mut m) = ([1.0, 1.0, 1.0], [0.0, 0.0, 0.0]);
        each(&mut p, &[f64::NAN, 0.0, -2.0], [&mut m], lion.formula());
        assert!(p[0].is_nan() && m[0].is_nan());
        assert_eq!(p[1..], [1.0, 1.1]);
    }

    #[test]
    fn decay_of_0_leaves_infinite_parameters_alone() {
        let (mut p, mut s) = ([f64::INFINITY], [0.0]);
        each(&mut p, &[1.0], [&mut s], Adagrad { lr: 0.1, step: 1, ..Adagrad::default() }.formula());
        assert_eq!((p[0], s[0]), (f64::INFINITY, 1.0));
    }
}
