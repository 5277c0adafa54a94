//! Level 0: concrete arrays in, a concrete array out, which the op writes to a place it is given. The one place where numbers are made, and so the one
//! place where the recorder, the profiler and the NaN check look.

use crate::engine::Engine;
use crate::error::{Error, ErrorCode, Result};
use crate::form::Form;
use crate::memory::array::Array;
use crate::memory::out::Out;
use crate::memory::room::room_for_inputs;
use crate::memory::values::{Id, Value};
use crate::op::Op;
use smallvec::SmallVec;

impl Engine {
    /// The op on plain arrays; `None` where an input is no such thing. Asked before anything else is: outside of transforms that settles it,
    /// and every chain of levels ends here.
    #[inline]
    pub(super) fn evaluate_plain(&self, op: Op, form: &Form, inputs: &[Id], params: &[f64]) -> Option<Result<Id>> {
        // The session stays borrowed while the kernel runs, so that its arrays need no copies; kernels know nothing of it.
        let session = self.read_session();
        if session.inspector.is_active() {
            return None;
        }
        // Matched and not mapped: an array is large to move.
        let out = match *inputs {
            [a] => fresh(form, &[session.values.array(a)?], params),
            [a, b] => fresh(form, &[session.values.array(a)?, session.values.array(b)?], params),
            _ => return None,
        };
        drop(session);
        Some(match out {
            Ok(out) => self.session().insert(Value::Concrete(out)),
            Err(error) => Err(error.in_op(op)),
        })
    }

    /// The same with any number of inputs, watched, and with a word on what is no array.
    pub(super) fn evaluate(&self, op: Op, form: &Form, inputs: &[Id], params: &[f64]) -> Result<Id> {
        let session = self.read_session();
        let mut arrays: SmallVec<[&Array; 4]> = SmallVec::new();
        room_for_inputs(&mut arrays, inputs.len())?;
        for &id in inputs {
            match session.value(id)? {
                Value::Concrete(array) => arrays.push(array),
                Value::Outline(..) => return Err(crate::session::unread().in_op(op)),
                _ => return Err(Error::value("a value of a transform reached evaluation").in_op(op)),
            }
        }
        if !session.inspector.is_active() {
            let out = fresh(form, &arrays, params).map_err(|e| e.in_op(op))?;
            drop(arrays);
            drop(session);
            return self.session().insert(Value::Concrete(out));
        }
        // Asking for the time is a call out of the engine.
        let now = || if session.inspector.is_profiling() { crate::inspect::now() } else { 0.0 };
        let start = now();
        let out = fresh(form, &arrays, params).map_err(|e| e.in_op(op))?;
        let elapsed = now() - start;
        if session.inspector.checks_nan() && crate::inspect::has_nan(&out) && !arrays.iter().any(|a| crate::inspect::has_nan(a)) {
            let shapes: Vec<String> = arrays.iter().map(|a| crate::shape::show(&a.dims)).collect();
            return Err(Error::new(
                ErrorCode::Anomaly,
                format!("made the first NaN from inputs without one (shapes {})", shapes.join(", ")),
            )
            .in_op(op));
        }
        let bytes = out.len() * out.dtype.size();
        drop(arrays);
        drop(session);
        let mut session = self.session();
        let id = session.insert(Value::Concrete(out))?;
        session.inspector.profile(op, elapsed, bytes);
        if session.inspector.records() {
            session.record_op(op, inputs, id, params)?;
        }
        Ok(id)
    }
}

/// The result in an array of its own, or as a view of the input where no number changes.
fn fresh(form: &Form, inputs: &[&Array], params: &[f64]) -> Result<Array> {
    if let Some(view) = form.view(inputs, params) {
        return view;
    }
    let mut out = form.place(inputs, params)?;
    form.write(inputs, params, &mut Out::of(&mut out))?;
    Ok(out)
}
