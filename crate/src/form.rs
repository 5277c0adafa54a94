//! What kind of thing an op is, as data: what evaluates it, and what everybody else reads who must know ops by their kind and not by their
//! names (batching, sparsity, the symbolic reader, cost counting, the planner of `compile`).

use crate::dtype::DType;
use crate::error::Result;
use crate::kernels::binary::{Binary, Zip};
use crate::kernels::compare::{Compare, Test};
use crate::kernels::unary::{Map, OfOrder, Unary};
use crate::memory::array::{Array, Layout, Strided};
use crate::memory::out::Out;
use crate::memory::room::room_for_inputs;
use crate::params::Cast;
use crate::shape::{contiguous_strides, restrided, Dims};
use smallvec::SmallVec;

pub enum Form {
    /// Element j of the result is a function of element j of each input, all broadcast to one shape.
    Pointwise(Pointwise),
    /// Elements along axes of the one input become one: parameters `Reduce`.
    Reduction(Evaluation),
    /// Each line along one axis becomes a line of the same length; the inputs broadcast.
    AlongAxis(Evaluation),
    /// The input's own elements, seen in another layout: nothing is computed or copied.
    View(View),
    /// Each element of the result is one of the first input's or 0; further inputs say which.
    Movement(Evaluation),
    /// The elements of all inputs side by side along an axis.
    Joined(Evaluation),
    /// Rows times columns, with broadcast leading axes.
    Product(Evaluation),
    /// Elements of the first input added up at places that the second names.
    Scatter(Evaluation),
    /// A draw: a function of a key, and pointwise of further inputs.
    Random(Evaluation),
    /// Any element of the result may depend on any of the inputs.
    General(Evaluation),
}

/// Which function of the elements. Those with a kernel can be run block by block on slices, so they can be fused.
pub enum Pointwise {
    Unary(Unary),
    Binary {
        kernel: Binary,
        /// What is refused where both inputs are integers: division by zero.
        integers: Option<IntegerCheck>,
    },
    /// With the order as parameter: `Order`.
    OfOrder(OfOrder),
    Compare(Compare),
    Test(Test),
    /// Of truth values.
    Not(Map<u8>),
    Logic(Zip<u8>),
    /// The second input where the first is true, else the third.
    Select,
    /// The same values in another dtype: parameter `Cast`.
    Cast,
    Other(Evaluation),
}

/// `check(a, b, dims)`, with the dims that both broadcast to.
pub type IntegerCheck = fn(&Array, &Array, &[usize]) -> Result<()>;

/// Dtype and dims of a result.
pub type Outline = (DType, Dims);

/// An evaluation in two steps, so that a plan can know a result before it is there, and say where it goes.
#[derive(Clone, Copy)]
pub struct Evaluation {
    /// Dtype and dims of the result. Checks ranks, dims, dtypes and parameters.
    pub result: fn(&[Spec], &[f64]) -> Result<Outline>,
    /// Writes all of `out`, which has that dtype and those dims. May refuse what depends on the numbers.
    pub write: fn(&[&Array], &[f64], &mut Out) -> Result<()>,
}

/// A view of an array with a given layout.
#[derive(Clone, Copy)]
pub struct View {
    pub layout: fn(Strided, &[f64]) -> Result<Layout>,
    /// The layout is that of an input that lies in order; of another one the elements keep their order, and it is copied where no strides do that (reshape).
    pub ordered: bool,
}

/// What is known of an input without its numbers.
#[derive(Clone, Copy)]
pub struct Spec<'a> {
    pub dtype: DType,
    pub dims: &'a [usize],
}

impl<'a> Spec<'a> {
    pub fn of(array: &'a Array) -> Spec<'a> {
        Spec { dtype: array.dtype, dims: &array.dims }
    }

    /// Without its first axes.
    pub fn behind(self, axes: usize) -> Spec<'a> {
        Spec { dims: &self.dims[axes..], ..self }
    }
}

impl View {
    pub fn of(&self, x: &Array, params: &[f64]) -> Result<Array> {
        if self.ordered && !x.is_contiguous() {
            return match self.seen(x.strided(), params)? {
                Some(layout) => Ok(x.seen(layout)),
                None => {
                    let x = x.contiguous()?;
                    Ok(x.seen((self.layout)(x.strided(), params)?))
                }
            };
        }
        Ok(x.seen((self.layout)(x.strided(), params)?))
    }

    /// The layout in the buffer of the input; None where that has to be copied.
    pub fn seen(&self, x: Strided, params: &[f64]) -> Result<Option<Layout>> {
        if !self.ordered || x.is_contiguous() {
            return (self.layout)(x, params).map(Some);
        }
        let strides = contiguous_strides(x.dims);
        let dims = (self.layout)(Strided { dims: x.dims, strides: &strides, offset: 0 }, params)?.dims;
        Ok(restrided(x.dims, x.strides, &dims).map(|strides| Layout { dims, strides, offset: x.offset }))
    }
}

impl Form {
    /// Its name for TypeScript.
    pub const fn name(&self) -> &'static str {
        match self {
            Form::Pointwise(_) => "pointwise",
            Form::Reduction(_) => "reduction",
            Form::AlongAxis(_) => "alongAxis",
            Form::View(_) => "view",
            Form::Movement(_) => "movement",
            Form::Joined(_) => "joined",
            Form::Product(_) => "product",
            Form::Scatter(_) => "scatter",
            Form::Random(_) => "random",
            Form::General(_) => "general",
        }
    }

    /// Dtype and dims of the result of inputs like these.
    pub fn result(&self, inputs: &[Spec], params: &[f64]) -> Result<Outline> {
        match self {
            Form::Pointwise(function) => function.result(inputs, params),
            Form::View(view) => {
                let Spec { dtype, dims } = inputs[0];
                let strides = contiguous_strides(dims);
                Ok((dtype, (view.layout)(Strided { dims, strides: &strides, offset: 0 }, params)?.dims))
            }
            Form::Reduction(evaluation)
            | Form::AlongAxis(evaluation)
            | Form::Movement(evaluation)
            | Form::Joined(evaluation)
            | Form::Product(evaluation)
            | Form::Scatter(evaluation)
            | Form::Random(evaluation)
            | Form::General(evaluation) => (evaluation.result)(inputs, params),
        }
    }

    /// A fresh place for the result of these inputs.
    pub fn place(&self, inputs: &[&Array], params: &[f64]) -> Result<Array> {
        if let Form::Pointwise(function) = self {
            if let Some(place) = function.place(inputs, params) {
                return place;
            }
        }
        let (dtype, dims) = match inputs {
            [a] => self.result(&[Spec::of(a)], params)?,
            [a, b] => self.result(&[Spec::of(a), Spec::of(b)], params)?,
            _ => {
                let mut specs: SmallVec<[Spec; 4]> = SmallVec::new();
                room_for_inputs(&mut specs, inputs.len())?;
                specs.extend(inputs.iter().map(|x| Spec::of(x)));
                self.result(&specs, params)?
            }
        };
        Array::with_dims(dtype, dims)
    }

    /// Writes the result to `out`, which is as `result` says. A view is copied out.
    pub fn write(&self, inputs: &[&Array], params: &[f64], out: &mut Out) -> Result<()> {
        match self {
            Form::Pointwise(function) => function.write(inputs, params, out),
            Form::View(view) => {
                view.of(inputs[0], params)?.copy_to(out);
                Ok(())
            }
            Form::Reduction(evaluation)
            | Form::AlongAxis(evaluation)
            | Form::Movement(evaluation)
            | Form::Joined(evaluation)
            | Form::Product(evaluation)
            | Form::Scatter(evaluation)
            | Form::Random(evaluation)
            | Form::General(evaluation) => (evaluation.write)(inputs, params, out),
        }
    }

    /// The result as a view of the first input, for ops and parameters that change no number.
    pub fn view(&self, inputs: &[&Array], params: &[f64]) -> Option<Result<Array>> {
        match self {
            Form::View(view) => Some(view.of(inputs[0], params)),
            Form::Pointwise(Pointwise::Cast) if Cast::read(params) == Cast::to(inputs[0].dtype) => Some(Ok(inputs[0].clone())),
            _ => None,
        }
    }
}
