//! Forward mode: bind on the primals, then the tangent from the row's rule, again through `bind`. An absent tangent is a
//! symbolic zero: no work, no memory.

use crate::dtype::DType;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::level::Ids;
use crate::memory::room::room_for_inputs;
use crate::memory::values::{Id, Value, NONE};
use crate::op::{Diagonal, Op, Rule};
use crate::shape::show;
use crate::var::Var;
use smallvec::SmallVec;

impl Engine {
    pub(super) fn bind_dual(&self, level: u32, op: Op, rule: &Rule, inputs: &[Id], params: &[f64]) -> Result<Id> {
        let mut primals: Ids = SmallVec::new();
        room_for_inputs(&mut primals, inputs.len())?;
        let mut tangents: SmallVec<[Option<Var>; 4]> = SmallVec::new();
        let recording = {
            let session = self.session();
            for &id in inputs {
                let (primal, tangent) = match session.value(id)? {
                    Value::Dual { level: l, primal, tangent, .. } if *l == level => (*primal, *tangent),
                    _ => (id, NONE),
                };
                primals.push(primal);
                tangents.push((tangent != NONE).then(|| Var::new(self, tangent)));
            }
            // Inside noGrad what is computed is a constant, as it is in reverse mode.
            level > session.forward_floor && !matches!(rule, Rule::Zero)
        };
        let output = self.bind(op, &primals, params)?;
        if !recording || tangents.iter().all(Option::is_none) || !self.dtype(output)?.is_float() {
            return Ok(output);
        }
        let x: SmallVec<[Var; 4]> = primals.iter().map(|&id| Var::new(self, id)).collect();
        let y = Var::new(self, output);
        let tangent = jvp(op, rule, &x, &tangents, y, params);
        #[cfg(feature = "mutants")]
        let tangent = match rule {
            Rule::Elementwise(_) => tangent,
            _ => super::mutants::damaged(op, 0, super::mutants::Mode::Forward, tangent),
        };
        let Some(tangent) = tangent else {
            return Ok(output);
        };
        // An input smaller than the output was stretched; so is its tangent.
        let tangent = tangent.cast(y.dtype()).broadcast_to(&y.dims()).checked().map_err(|e| e.in_op(op))?;
        self.make_dual(level, output, tangent)
    }

    pub fn make_dual(&self, level: u32, primal: Id, tangent: Id) -> Result<Id> {
        if tangent != NONE {
            let (p, t) = (self.dims(primal)?, self.dims(tangent)?);
            if p != t {
                return Err(Error::shape(format!(
                    "the tangent has shape {} but its primal has shape {}; a tangent has its primal's shape",
                    show(&t),
                    show(&p)
                )));
            }
        }
        let mut session = self.session();
        let epoch = session.level(level)?.epoch;
        let held = session.hold_all(&[primal, tangent])?;
        let (primal, tangent) = (held[0], held[1]);
        session.insert_holding(Value::Dual { level, epoch, primal, tangent }, &held)
    }
}

/// The tangent of the output; `None` is a symbolic zero.
fn jvp<'a>(op: Op, rule: &Rule, x: &[Var<'a>], t: &[Option<Var<'a>>], y: Var<'a>, params: &[f64]) -> Option<Var<'a>> {
    match rule {
        Rule::Zero => None,
        Rule::Elementwise(partials) => {
            let converted = in_output_precision(x, y);
            let x = converted.as_deref().unwrap_or(x);
            let mut sum: Option<Var> = None;
            for (i, tangent) in t.iter().enumerate() {
                let Some(tangent) = *tangent else { continue };
                #[cfg(not(feature = "mutants"))]
                let term = apply_diagonal((partials[i].of)(x, y, params), tangent);
                #[cfg(feature = "mutants")]
                let term = {
                    use super::mutants::{damaged, rule_for, Mode};
                    let rule = rule_for(op, i, partials.len(), Mode::Forward);
                    damaged(op, i, Mode::Forward, apply_diagonal((partials[rule].of)(x, y, params), tangent))
                };
                if let Some(term) = term {
                    sum = Some(sum.map_or(term, |s| s + term));
                }
            }
            sum
        }
        Rule::Linear(_) | Rule::Joined(_) | Rule::Part(_) => {
            let replaced: SmallVec<[Var; 4]> =
                x.iter().zip(t).map(|(&x, t)| t.unwrap_or_else(|| if x.dtype().is_float() { x.zeros_like() } else { x })).collect();
            Some(Var::bind(y.engine, op, &replaced, params))
        }
        Rule::Multilinear { tangents, .. } => {
            let mut sum: Option<Var> = None;
            let params = tangents(params);
            for (i, tangent) in t.iter().enumerate() {
                let Some(tangent) = *tangent else { continue };
                let mut replaced: SmallVec<[Var; 4]> = SmallVec::from_slice(x);
                replaced[i] = tangent;
                let term = Var::bind(y.engine, op, &replaced, &params);
                sum = Some(sum.map_or(term, |s| s + term));
            }
            sum
        }
        Rule::Custom { jvp, .. } => Some(jvp(x, t, y, params)),
    }
}

/// The inputs of an op as its partials see them, where that is not as they are: of the output's precision. The 1/b of an int32 or
/// float32 b would be rounded to float32, although result and derivative are float64. Masks stay what they are.
pub fn in_output_precision<'a>(x: &[Var<'a>], y: Var<'a>) -> Option<SmallVec<[Var<'a>; 3]>> {
    if x.len() < 2 {
        return None;
    }
    let precision = y.dtype();
    let narrower = |v: &Var<'a>| !matches!(v.dtype(), DType::Bool) && v.dtype() != precision;
    (precision.is_float() && x.iter().any(narrower)).then(|| x.iter().map(|v| if narrower(v) { v.cast(precision) } else { *v }).collect())
}

/// A diagonal Jacobian times a tangent or a cotangent.
pub fn apply_diagonal<'a>(diagonal: Diagonal<'a>, v: Var<'a>) -> Option<Var<'a>> {
    match diagonal {
        Diagonal::Zero => None,
        Diagonal::One => Some(v),
        Diagonal::MinusOne => Some(-v),
        Diagonal::Value(p) => Some(v.strong_mul(p)),
        Diagonal::Mask(mask) => Some(mask.select(v, v.constant(0.0))),
    }
}
