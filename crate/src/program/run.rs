//! A replay. First everything is looked up and checked, and memory for what is handed out is taken; then the instructions run, none of which
//! touches what lives on unless nothing can fail any more; last the results are handed over.

use super::ir::{Params, Presence, Variable, Variables};
use crate::dtype::DType;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::form::Form;
use crate::memory::array::{Array, Layout};
use crate::memory::out::Out;
use crate::memory::pool::Buffer;
use crate::memory::values::{Id, Value, NONE};
use crate::op::Op;
use crate::session::{Session, AMBIENT};
use crate::shape::{same_dims, Dims};
use crate::updates::Update;
use smallvec::SmallVec;
use std::ops::Range;

/// Numbers from outside, by where they come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum From {
    Input(u32),
    Place(u32),
    Gradient(u32),
    Key(u32),
}

/// A value that is looked up at each run, and the arrays that read and write it.
pub struct Bound {
    pub from: From,
    pub dtype: DType,
    pub dims: Dims,
    pub is_updated: bool,
    /// Of an argument of few numbers: where TypeScript may write them instead of passing a tensor.
    pub inbox: Option<Array>,
    /// Its place in the list of addresses.
    pub listed: usize,
    pub aimed: Vec<Array>,
}

/// A result of the program.
pub enum Output {
    /// An array of its own: a position in `Executable::fresh`.
    Fresh(usize),
    /// A view of such an array.
    View { of: usize, view: Layout },
    /// A view of an argument.
    OfArgument { argument: u32, view: Layout },
    /// A few numbers that lie in the arena until the next run: TypeScript takes them from there, unless it asks for a tensor.
    Inside(Variable),
}

/// A result that outlives the run.
pub struct Fresh {
    pub variable: Variable,
    pub dtype: DType,
    pub dims: Dims,
    pub listed: usize,
    pub aimed: Vec<Array>,
}

#[derive(Clone, Copy)]
pub enum Ending {
    Untouched,
    None,
    Fresh(usize),
}

pub struct PlaceAtEnd {
    pub is_parameter: bool,
    pub gradient_before: Presence,
    pub after: Option<usize>,
    pub gradient: Ending,
}

pub enum Ready {
    Kernel {
        op: Op,
        form: &'static Form,
        inputs: Variables,
        output: Variable,
        params: Params,
    },
    Update {
        update: &'static Update,
        tensors: SmallVec<[Array; 4]>,
        gradient: Variable,
        options: Range<usize>,
    },
    Copy {
        input: Variable,
        output: Variable,
    },
    /// A function of the emitted module.
    Emitted {
        function: usize,
    },
    Loop {
        turns: usize,
        /// After so many steps of the body the loop ends where this is false.
        test: Option<(usize, Variable)>,
        /// Done before the first turn.
        first: Vec<Ready>,
        shifts: Vec<Shift>,
        body: Vec<Ready>,
        /// Done after each turn.
        next: Vec<Ready>,
    },
}

/// What lies further on with each turn of a loop.
pub struct Shift {
    pub of: Variable,
    pub from: Variable,
    /// In bytes: where positions are counted from, before the first element of `from`; how far it moves.
    pub back: isize,
    pub step: isize,
    pub listed: usize,
    pub aimed: Vec<Array>,
}

pub struct Executable {
    pub steps: Vec<Ready>,
    pub arrays: Vec<Option<Array>>,
    pub bound: Vec<Bound>,
    pub fresh: Vec<Fresh>,
    pub ends: Vec<PlaceAtEnd>,
    pub outputs: Vec<Output>,
    pub arena: Buffer,
    pub arena_bytes: usize,
    pub inputs: usize,
    pub keys: usize,
    pub options: usize,
    /// The list of the last call: its memory is used again.
    pub given: Vec<f64>,
    /// Where what is looked up lies in this run; emitted code reads it.
    pub addresses: Box<[u32]>,
    /// The emitted module, until it is linked.
    pub code: Vec<u8>,
    /// Its functions, when the host has made it.
    pub functions: Vec<Option<extern "C" fn()>>,
}

/// What a run is given, as one list: ids of arguments (NONE where the numbers are in the inbox), of keys and of places, options of updates.
pub struct Call<'a> {
    pub list: &'a [f64],
    keys: usize,
    places: usize,
    options: usize,
}

impl<'a> Call<'a> {
    pub fn new(program: &Executable, list: &'a [f64]) -> Call<'a> {
        let keys = program.inputs;
        let places = keys + program.keys;
        Call { list, keys, places, options: places + program.ends.len() }
    }

    fn input(&self, i: u32) -> Id {
        self.list[i as usize] as Id
    }

    fn key(&self, i: u32) -> Id {
        self.list[self.keys + i as usize] as Id
    }

    fn place(&self, i: usize) -> Id {
        self.list[self.places + i] as Id
    }

    fn options(&self) -> &'a [f64] {
        &self.list[self.options..]
    }
}

pub enum Outcome {
    /// Values in the frame, one for each output; NONE for one that TypeScript takes.
    Done(SmallVec<[Id; 8]>),
    /// The program is for other shapes, dtypes or gradients.
    Other,
    /// An argument has derivatives, or stands for a batch: a program of numbers would lose them.
    Derivatives,
}

/// Where numbers lie, in order; None where they have to be laid in order first.
enum Found {
    At(*const u8),
    Scattered(Array),
    Other,
    Derivatives,
}

fn found(array: &Array, bound: &Bound) -> Found {
    if array.dtype != bound.dtype || !same_dims(&array.dims, &bound.dims) {
        Found::Other
    } else if array.is_contiguous() {
        Found::At(array.address())
    } else {
        Found::Scattered(array.clone())
    }
}

impl Session {
    /// The numbers of an argument; None where it has derivatives or is a batch.
    fn argument(&self, id: Id) -> Result<Option<&Array>> {
        let value = match self.value(id)? {
            // Outside of its recording a parameter is its numbers.
            Value::Tracked { level: AMBIENT, primal, .. } if self.recording_floor >= AMBIENT => self.value(*primal)?,
            value => value,
        };
        Ok(if let Value::Concrete(array) = value { Some(array) } else { None })
    }

    fn found(&self, id: Id, bound: &Bound) -> Result<Found> {
        Ok(self.argument(id)?.map_or(Found::Derivatives, |array| found(array, bound)))
    }

    /// The numbers of a tensor that lives on.
    fn contents_of(&self, place: Id, bound: &Bound) -> Result<Found> {
        match self.value(self.concrete_slot(place)?)? {
            Value::Concrete(array) => Ok(found(array, bound)),
            _ => Ok(Found::Other),
        }
    }

    fn gradient_of(&self, tensor: Id) -> Result<Id> {
        Ok(match *self.value(tensor)? {
            Value::Tracked { gradient, .. } => gradient,
            _ => NONE,
        })
    }
}

impl Engine {
    /// Runs a program; `with_tensors` makes a value of each output. When it fails nothing that lives on has changed.
    pub fn replay(&self, program: &mut Executable, call: &Call, with_tensors: bool) -> Result<Outcome> {
        // What was laid in order stays until the end; everything else is held by its tensor, and none goes while a program runs.
        let mut held: SmallVec<[Array; 4]> = SmallVec::new();
        if let Some(refusal) = self.look_up(program, call, &mut held)? {
            return Ok(refusal);
        }
        // All is as it was recorded: tensors that are written over become the owners of their numbers.
        for bound in program.bound.iter().filter(|bound| bound.is_updated) {
            let From::Place(i) = bound.from else { continue };
            let mut session = self.session();
            let slot = session.own(call.place(i as usize))?;
            if let Value::Concrete(own) = session.value(slot)? {
                program.addresses[bound.listed] = own.address() as usize as u32;
                bound.aimed.iter().for_each(|reader| reader.aim(own.address() as *mut u8));
            }
        }
        let mut results: SmallVec<[Array; 8]> = SmallVec::new();
        for fresh in &program.fresh {
            let array = Array::new(fresh.dtype, &fresh.dims)?;
            program.addresses[fresh.listed] = array.address() as usize as u32;
            fresh.aimed.iter().for_each(|writer| writer.aim(array.address() as *mut u8));
            results.push(array);
        }
        program.execute(call.options())?;
        drop(held);
        self.hand_over(program, call, results, with_tensors)
    }

    /// Aims the program at the numbers of this call; why it is not for them, if so.
    fn look_up(&self, program: &mut Executable, call: &Call, held: &mut SmallVec<[Array; 4]>) -> Result<Option<Outcome>> {
        let session = self.read_session();
        if session.levels.len() > AMBIENT as usize || session.inspector.is_active() {
            return Ok(Some(Outcome::Derivatives));
        }
        for (i, end) in program.ends.iter().enumerate() {
            let place = call.place(i);
            // Frozen since, or made a parameter.
            if matches!(session.value(place)?, Value::Tracked { .. }) != end.is_parameter {
                return Ok(Some(Outcome::Other));
            }
            if let Presence::Gradient(wanted) = end.gradient_before {
                if (session.gradient_of(place)? != NONE) != wanted {
                    return Ok(Some(Outcome::Other));
                }
            }
        }
        for bound in &program.bound {
            let found = match bound.from {
                From::Input(i) => match (call.input(i), &bound.inbox) {
                    (NONE, Some(inbox)) => Found::At(inbox.address()),
                    (NONE, None) => Found::Other,
                    (id, _) => session.found(id, bound)?,
                },
                From::Key(i) => session.found(call.key(i), bound)?,
                From::Place(i) => session.contents_of(call.place(i as usize), bound)?,
                From::Gradient(i) => {
                    let gradient = session.gradient_of(call.place(i as usize))?;
                    found(session.concrete_under(gradient, false)?, bound)
                }
            };
            let address = match found {
                Found::At(address) => address,
                Found::Scattered(array) => {
                    held.push(array.into_ordered()?);
                    held.last().map_or(std::ptr::null(), Array::address)
                }
                Found::Other => return Ok(Some(Outcome::Other)),
                Found::Derivatives => return Ok(Some(Outcome::Derivatives)),
            };
            program.addresses[bound.listed] = address as usize as u32;
            bound.aimed.iter().for_each(|reader| reader.aim(address as *mut u8));
        }
        Ok(None)
    }

    fn hand_over(&self, program: &Executable, call: &Call, results: SmallVec<[Array; 8]>, with_tensors: bool) -> Result<Outcome> {
        let mut session = self.session();
        for (i, end) in program.ends.iter().enumerate() {
            let place = call.place(i);
            if let Some(fresh) = end.after {
                session.replace_contents(place, results[fresh].clone())?;
                session.outdate(place)?;
            }
            match end.gradient {
                Ending::Untouched => {}
                Ending::None => session.set_gradient(place, NONE),
                Ending::Fresh(fresh) => {
                    let gradient = session.insert(Value::Concrete(results[fresh].clone()))?;
                    session.retain(gradient);
                    session.set_gradient(place, gradient);
                }
            }
        }
        for bound in program.bound.iter().filter(|bound| bound.is_updated) {
            if let From::Place(i) = bound.from {
                session.outdate(call.place(i as usize))?;
            }
        }
        let mut outputs = SmallVec::new();
        for output in &program.outputs {
            let array = match output {
                Output::Fresh(fresh) => results[*fresh].clone(),
                Output::View { of, view } => results[*of].seen(view.clone()),
                Output::OfArgument { argument, view } => {
                    let array = session
                        .argument(call.input(*argument))?
                        .ok_or_else(|| Error::value("an argument of the program has gone"))?
                        .clone()
                        .into_ordered()?;
                    array.view(view.dims.clone(), view.strides.clone(), array.offset + view.offset)
                }
                Output::Inside(_) if !with_tensors => {
                    outputs.push(NONE);
                    continue;
                }
                Output::Inside(variable) => program.array(*variable)?.copied()?,
            };
            outputs.push(session.insert(Value::Concrete(array))?);
        }
        Ok(Outcome::Done(outputs))
    }
}

impl Executable {
    fn array(&self, variable: Variable) -> Result<&Array> {
        self.arrays[variable as usize].as_ref().ok_or_else(|| Error::value("a variable of the program has no place"))
    }

    fn execute(&mut self, options: &[f64]) -> Result<()> {
        let mut steps = std::mem::take(&mut self.steps);
        let done = self.run_all(&mut steps, options);
        self.steps = steps;
        done
    }

    fn run_all(&mut self, steps: &mut [Ready], options: &[f64]) -> Result<()> {
        for step in steps {
            match step {
                Ready::Kernel { op, form, inputs, output, params } => {
                    let mut read: SmallVec<[&Array; 4]> = SmallVec::new();
                    for &input in inputs.iter() {
                        read.push(self.array(input)?);
                    }
                    let out = self.array(*output)?;
                    // SAFETY: the plan gives each result a place that nobody reads before it is written, long enough and aligned.
                    let mut place = unsafe { Out::at(out.address() as *mut u8, out.dtype, &out.dims) };
                    form.write(&read, params, &mut place).map_err(|error| error.in_op(*op))?;
                }
                Ready::Copy { input, output } => {
                    let out = self.array(*output)?;
                    // SAFETY: as above.
                    let mut place = unsafe { Out::at(out.address() as *mut u8, out.dtype, &out.dims) };
                    self.array(*input)?.copy_to(&mut place);
                }
                Ready::Update { update, tensors, gradient, options: own } => {
                    (update.kernel)(tensors, &*self.array(*gradient)?.contiguous()?, &options[own.clone()])?;
                }
                Ready::Loop { turns, test, first, shifts, body, next } => {
                    self.run_all(first, options)?;
                    for turn in 0..*turns {
                        let turn = turn as isize;
                        for shift in shifts.iter() {
                            let from = self.array(shift.from)?.address();
                            let address = from.wrapping_offset(turn * shift.step - shift.back);
                            self.addresses[shift.listed] = address as usize as u32;
                            shift.aimed.iter().for_each(|array| array.aim(address as *mut u8));
                        }
                        let (to_test, others) = body.split_at_mut(test.map_or(0, |(at, _)| at));
                        self.run_all(to_test, options)?;
                        if let Some((_, v)) = test {
                            // SAFETY: a plan gives it one byte.
                            if unsafe { *self.array(*v)?.address() } == 0 {
                                break;
                            }
                        }
                        self.run_all(others, options)?;
                        self.run_all(next, options)?;
                    }
                }
                Ready::Emitted { function } => match self.functions[*function] {
                    Some(run) => run(),
                    None => return Err(Error::value("the emitted code of a program was not linked")),
                },
            }
        }
        Ok(())
    }
}
