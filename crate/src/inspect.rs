//! What watches evaluation: the recorder (the flat program behind `trace`), the profiler and the NaN check.

use crate::codes::check_flag;
use crate::dtype::DType;
use crate::error::Result;
use crate::memory::array::Array;
use crate::memory::room::room_for;
use crate::memory::values::Id;
use crate::opcode::Op;
use crate::session::Session;
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// One evaluated op. All its ids are held until the record is freed.
pub struct Instruction {
    pub op: Op,
    pub inputs: SmallVec<[Id; 4]>,
    pub output: Id,
    pub params: SmallVec<[f64; 4]>,
}

#[derive(Clone, Copy, Default)]
pub struct Cost {
    pub calls: u64,
    pub milliseconds: f64,
    pub bytes: f64,
}

#[derive(Default)]
pub struct Inspector {
    pub flags: u32,
    /// Stored with the nodes recorded from now on.
    pub tag: u32,
    pub tag_of_failure: u32,
    recording: bool,
    profiling: bool,
    pub instructions: Vec<Instruction>,
    /// Which value of the record an id stands for, where that is another one: copies of a value are the same variable, and what
    /// `assign` wrote to is another one from then on. Both are held.
    variables: BTreeMap<Id, Id>,
    pub costs: BTreeMap<u16, Cost>,
}

impl Inspector {
    #[inline]
    pub fn is_active(&self) -> bool {
        self.recording || self.profiling || self.flags != 0
    }

    pub fn records(&self) -> bool {
        self.recording
    }

    pub fn checks_nan(&self) -> bool {
        self.flags & check_flag::VALUES != 0
    }

    pub fn checks_sweeps(&self) -> bool {
        self.flags & check_flag::COTANGENTS != 0
    }

    pub fn set_recording(&mut self, on: bool) {
        self.recording = on;
    }

    pub fn set_profiling(&mut self, on: bool) {
        self.profiling = on;
    }

    pub fn profile(&mut self, op: Op, milliseconds: f64, bytes: usize) {
        if self.profiling {
            let cost = self.costs.entry(op.0).or_default();
            cost.calls += 1;
            cost.milliseconds += milliseconds;
            cost.bytes += bytes as f64;
        }
    }
}

impl Session {
    /// What the record calls `id`. A handle may be written to, so the record names a copy of its present value.
    pub fn variable(&mut self, id: Id) -> Result<Id> {
        if let Some(&known) = self.inspector.variables.get(&id) {
            return Ok(known);
        }
        if !self.slot(id)?.handle {
            return Ok(id);
        }
        let copy = self.copy(id)?;
        self.name_variable(id, copy);
        Ok(copy)
    }

    /// From now on `id` stands for what `other` stands for.
    pub fn same_variable(&mut self, id: Id, other: Id) -> Result<()> {
        let variable = self.variable(other)?;
        self.name_variable(id, variable);
        Ok(())
    }

    fn name_variable(&mut self, id: Id, variable: Id) {
        self.retain(id);
        self.retain(variable);
        if let Some(before) = self.inspector.variables.insert(id, variable) {
            self.release(before);
            self.release(id);
        }
    }

    /// Adds an evaluated op to the record, which holds all its values.
    pub fn record_instruction(&mut self, op: Op, inputs: &[Id], output: Id, params: &[f64]) -> Result<()> {
        let inputs = inputs.iter().map(|&id| self.variable(id)).collect::<Result<SmallVec<[Id; 4]>>>()?;
        room_for(&mut self.inspector.instructions, 1)?;
        for &held in inputs.iter().chain([&output]) {
            self.retain(held);
        }
        self.inspector.instructions.push(Instruction { op, inputs, output, params: SmallVec::from_slice(params) });
        Ok(())
    }

    pub fn free_record(&mut self) {
        let instructions = std::mem::take(&mut self.inspector.instructions);
        let variables = std::mem::take(&mut self.inspector.variables);
        for id in instructions
            .into_iter()
            .flat_map(|i| i.inputs.into_iter().chain([i.output]))
            .chain(variables.into_iter().flat_map(|(a, b)| [a, b]))
        {
            self.release(id);
        }
    }
}

pub fn has_nan(array: &Array) -> bool {
    if !array.dtype.is_float() {
        return false;
    }
    match array.contiguous() {
        Ok(a) if a.dtype == DType::Float64 => a.slice::<f64>().iter().any(|v| v.is_nan()),
        Ok(a) => a.slice::<f32>().iter().any(|v| v.is_nan()),
        Err(_) => false,
    }
}

/// Milliseconds of a monotonic clock: the host's, which the loader gives to the module.
#[cfg(target_arch = "wasm32")]
pub fn now() -> f64 {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        #[link_name = "now"]
        fn host_now() -> f64;
    }
    // SAFETY: a plain function of the loader without side effects.
    unsafe { host_now() }
}

#[cfg(not(target_arch = "wasm32"))]
pub fn now() -> f64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64() * 1e3)
}
