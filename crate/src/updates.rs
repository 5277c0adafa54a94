//! The table of updates: what optimizers do to a parameter, in place. A row says what the update is called, which state it keeps of
//! each parameter, its options and its kernel; the boundary, the recorder and TypeScript's types read that. An optimizer added later
//! is a kernel with a record of options (`kernels/optimizer.rs`), a row here, and its class in `ts/optim`.

use crate::error::{Error, Result};
use crate::kernels::optimizer::{self, Adam, Field, Sgd};
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
pub static UPDATES: [Update; 2] = [
    Update { name: "sgd", state: &[optional("momentumBuffer")], options: Sgd::FIELDS, kernel: sgd },
    Update { name: "adam", state: &[slot("expAvg"), slot("expAvgSq"), optional("maxExpAvgSq")], options: Adam::FIELDS, kernel: adam },
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
