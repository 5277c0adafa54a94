//! The table of updates: what optimizers do to a parameter, in place. A row says what the update is called, which state it keeps of
//! each parameter, its options and its kernel; the boundary, the recorder and TypeScript's types read that. An optimizer added later
//! is a kernel with a record of options (`kernels/optimizer.rs`), a row here, and its class in `ts/optim`.

use crate::dtype::Element;
use crate::error::{Error, Result};
use crate::kernels::number::{Float, Number};
use crate::kernels::optimizer::formulas::{self, Adadelta, Adagrad, Adamax, Asgd, Formula, Lion, NAdam, RAdam, RmsProp, Rprop};
use crate::kernels::optimizer::{self, Adam, Field, Options, Sgd};
use crate::memory::array::Array;
use crate::with_type;

/// A row of the table.
pub struct Update {
    pub name: &'static str,
    /// State tensors, of the parameter's shape and dtype; those that are optional come last.
    pub state: &'static [Slot],
    pub options: &'static [Field],
    pub kernel: Kernel,
}

/// A state tensor by its name in `stateDict()`.
pub struct Slot {
    pub name: &'static str,
    pub optional: bool,
}

/// `kernel(tensors, gradient, options)`: writes to the parameter and the state behind it, in the order of the slots.
pub type Kernel = fn(&mut [Array], &Array, &[f64]) -> Result<()>;

const fn slot(name: &'static str) -> Slot {
    Slot { name, optional: false }
}

const fn optional(name: &'static str) -> Slot {
    Slot { name, optional: true }
}

/// All updates by their numbers.
pub static UPDATES: [Update; 11] = [
    Update { name: "sgd", state: &[optional("momentumBuffer")], options: Sgd::FIELDS, kernel: sgd },
    Update { name: "adam", state: &[slot("expAvg"), slot("expAvgSq"), optional("maxExpAvgSq")], options: Adam::FIELDS, kernel: adam },
    Update {
        name: "rmsprop",
        state: &[slot("squareAvg"), optional("momentumBuffer"), optional("gradAvg")],
        options: RmsProp::FIELDS,
        kernel: rmsprop,
    },
    Update { name: "adagrad", state: &[slot("sum")], options: Adagrad::FIELDS, kernel: formula::<Adagrad, 1> },
    Update { name: "adadelta", state: &[slot("squareAvg"), slot("accDelta")], options: Adadelta::FIELDS, kernel: formula::<Adadelta, 2> },
    Update { name: "adamax", state: &[slot("expAvg"), slot("expInf")], options: Adamax::FIELDS, kernel: formula::<Adamax, 2> },
    Update { name: "nadam", state: &[slot("expAvg"), slot("expAvgSq")], options: NAdam::FIELDS, kernel: formula::<NAdam, 2> },
    Update { name: "radam", state: &[slot("expAvg"), slot("expAvgSq")], options: RAdam::FIELDS, kernel: formula::<RAdam, 2> },
    Update { name: "lion", state: &[slot("expAvg")], options: Lion::FIELDS, kernel: formula::<Lion, 1> },
    Update { name: "rprop", state: &[slot("prev"), slot("stepSize")], options: Rprop::FIELDS, kernel: formula::<Rprop, 2> },
    Update { name: "asgd", state: &[slot("ax")], options: Asgd::FIELDS, kernel: formula::<Asgd, 1> },
];

impl Update {
    pub fn from_code(code: u32) -> Result<&'static Update> {
        UPDATES.get(code as usize).ok_or_else(|| Error::value(format!("update number {code} does not exist")))
    }
}

fn sgd(tensors: &mut [Array], gradient: &Array, options: &[f64]) -> Result<()> {
    with_type!(gradient.dtype, T: float => {
        let mut slices = tensors.iter_mut().map(|tensor| tensor.slice_mut::<T>());
        if let Some(p) = slices.next() {
            optimizer::sgd(p, gradient.slice(), slices.next(), &Sgd::read(options));
        }
    });
    Ok(())
}

fn adam(tensors: &mut [Array], gradient: &Array, options: &[f64]) -> Result<()> {
    with_type!(gradient.dtype, T: float => {
        let mut slices = tensors.iter_mut().map(|tensor| tensor.slice_mut::<T>());
        if let (Some(p), Some(m), Some(v)) = (slices.next(), slices.next(), slices.next()) {
            optimizer::adam(p, gradient.slice(), m, v, slices.next(), &Adam::read(options));
        }
    });
    Ok(())
}

/// Runs a formula over the arrays of a parameter, its gradient and its state.
fn each<T: Float + Element, const N: usize>(tensors: &mut [Array], gradient: &Array, f: impl Fn(T, T, [T; N]) -> (T, [T; N])) {
    let mut slices = tensors.iter_mut().map(|tensor| tensor.slice_mut::<T>());
    if let Some(p) = slices.next() {
        formulas::each(p, gradient.slice(), std::array::from_fn(|_| slices.next().unwrap_or_default()), f);
    }
}

/// Of an optimizer that is one formula for each number.
fn formula<F: Formula<N> + Options, const N: usize>(tensors: &mut [Array], gradient: &Array, options: &[f64]) -> Result<()> {
    with_type!(gradient.dtype, T: float => each(tensors, gradient, F::read(options).formula::<T>()));
    Ok(())
}

/// What momentum and centring remember is there only with them.
fn rmsprop(tensors: &mut [Array], gradient: &Array, options: &[f64]) -> Result<()> {
    let o = RmsProp::read(options);
    with_type!(gradient.dtype, T: float => {
        let f = o.formula::<T>();
        let none = T::ZERO;
        match (o.momentum != 0.0, o.centered) {
            (true, true) => each(tensors, gradient, f),
            (true, false) => each(tensors, gradient, |p, g, [v, b]| {
                let (p, [v, b, _]) = f(p, g, [v, b, none]);
                (p, [v, b])
            }),
            (false, true) => each(tensors, gradient, |p, g, [v, m]| {
                let (p, [v, _, m]) = f(p, g, [v, none, m]);
                (p, [v, m])
            }),
            (false, false) => each(tensors, gradient, |p, g, [v]| {
                let (p, [v, _, _]) = f(p, g, [v, none, none]);
                (p, [v])
            }),
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_state_comes_last_and_names_are_unique() {
        for (i, update) in UPDATES.iter().enumerate() {
            assert!(update.state.windows(2).all(|pair| !pair[0].optional || pair[1].optional), "{}", update.name);
            assert!(UPDATES[..i].iter().all(|other| other.name != update.name));
        }
    }
}
