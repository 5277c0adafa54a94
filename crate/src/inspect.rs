//! What watches evaluation: the recorder (`record.rs`), the profiler and the NaN check.

use crate::codes::check_flag;
use crate::dtype::DType;
use crate::memory::array::Array;
use crate::opcode::Op;
use crate::record::Record;
use std::collections::BTreeMap;

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
    profiling: bool,
    pub record: Record,
    pub costs: BTreeMap<u16, Cost>,
}

impl Inspector {
    #[inline]
    pub fn is_active(&self) -> bool {
        self.record.is_on || self.profiling || self.flags != 0
    }

    pub fn records(&self) -> bool {
        self.record.is_on
    }

    pub fn checks_nan(&self) -> bool {
        self.flags & check_flag::VALUES != 0
    }

    pub fn checks_sweeps(&self) -> bool {
        self.flags & check_flag::COTANGENTS != 0
    }

    pub fn is_profiling(&self) -> bool {
        self.profiling
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
