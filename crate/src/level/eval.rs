//! Level 0: concrete arrays in, one kernel, a concrete array out. The one place where numbers are made, and so the one
//! place where the recorder, the profiler and the NaN check look.

use crate::engine::Engine;
use crate::error::{Error, ErrorCode, Result};
use crate::memory::array::Array;
use crate::memory::room::room_for_inputs;
use crate::memory::values::{Id, Value};
use crate::op::{Eval, Op};
use smallvec::SmallVec;

impl Engine {
    pub(super) fn evaluate(&self, op: Op, eval: Eval, inputs: &[Id], params: &[f64]) -> Result<Id> {
        // The session stays borrowed while the kernel runs, so that its arrays need no copies; kernels know nothing of it.
        let session = self.read_session();
        let mut arrays: SmallVec<[&Array; 4]> = SmallVec::new();
        room_for_inputs(&mut arrays, inputs.len())?;
        for &id in inputs {
            match session.value(id)? {
                Value::Concrete(array) => arrays.push(array),
                _ => return Err(Error::value("a value of a transform reached evaluation").in_op(op)),
            }
        }
        if !session.inspector.is_active() {
            let out = eval(&arrays, params).map_err(|e| e.in_op(op))?;
            drop(arrays);
            drop(session);
            return self.session().insert(Value::Concrete(out));
        }
        let start = crate::inspect::now();
        let out = eval(&arrays, params).map_err(|e| e.in_op(op))?;
        let elapsed = crate::inspect::now() - start;
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
            session.record_instruction(op, inputs, id, params)?;
        }
        Ok(id)
    }
}
