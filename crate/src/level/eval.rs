//! Level 0: concrete arrays in, one kernel, a concrete array out. The one place where numbers are made, and so the one
//! place where the recorder, the profiler and the NaN check look.

use crate::engine::Engine;
use crate::error::{Error, ErrorCode, Result};
use crate::memory::array::Array;
use crate::memory::values::{Id, Value};
use crate::op::{Eval, Op};
use smallvec::SmallVec;

impl Engine {
    pub(super) fn evaluate(&self, op: Op, eval: Eval, inputs: &[Id], params: &[f64]) -> Result<Id> {
        let mut arrays: SmallVec<[Array; 3]> = SmallVec::new();
        let inspecting = {
            let session = self.session();
            for &id in inputs {
                match session.value(id)? {
                    Value::Concrete(array) => arrays.push(array.clone()),
                    _ => return Err(Error::value("a value of a transform reached evaluation").in_op(op)),
                }
            }
            session.inspector.is_active()
        };
        if !inspecting {
            let out = eval(&arrays, params).map_err(|e| e.in_op(op))?;
            return self.session().insert(Value::Concrete(out));
        }
        let start = crate::inspect::now();
        let out = eval(&arrays, params).map_err(|e| e.in_op(op))?;
        let elapsed = crate::inspect::now() - start;
        let mut session = self.session();
        if session.inspector.checks_nan() && crate::inspect::has_nan(&out) && !arrays.iter().any(crate::inspect::has_nan) {
            let shapes: Vec<String> = arrays.iter().map(|a| crate::shape::show(&a.dims)).collect();
            return Err(Error::new(
                ErrorCode::Anomaly,
                format!("made the first NaN from inputs without one (shapes {})", shapes.join(", ")),
            )
            .in_op(op));
        }
        let bytes = out.len() * out.dtype.size();
        let id = session.insert(Value::Concrete(out))?;
        session.inspector.profile(op, elapsed, bytes);
        if session.inspector.records() {
            for &held in inputs.iter().chain([&id]) {
                session.retain(held);
            }
            session.inspector.record(op, inputs, id, params);
        }
        Ok(id)
    }
}
