//! A node's rule in reverse: its cotangent in, a cotangent for each input out.

use super::{Entry, CREATE_GRAPH, RETAIN_GRAPH};
use crate::engine::Engine;
use crate::error::{Error, ErrorCode, Result};
use crate::level::{apply_diagonal, in_output_precision};
use crate::memory::values::{Id, Value};
use crate::op::{only, Kind, Reads, Rule, Terms, Wanted};
use crate::ops::movement::place_part;
use crate::sweep_state::{Source, Sweep};
use crate::tape;
use crate::var::Var;
use smallvec::SmallVec;

impl Engine {
    pub(super) fn pull_back(&self, sweep: &mut Sweep, node: usize, cotangent: Id) -> Result<()> {
        let mut entry = self.entry(sweep, node)?;
        match entry.op {
            tape::OUTPUT => return self.collect(sweep, &entry, cotangent),
            tape::ALIAS => return self.accumulate(sweep, entry.sources[0] as usize, cotangent),
            _ => {}
        }
        let Some(op) = tape::table_op(entry.op) else {
            return Ok(());
        };
        let Kind::Primitive { rule, reads, .. } = &op.row().kind else {
            return Ok(());
        };
        let mark = self.session().frame.len();
        let result = (|| {
            if sweep.flags & CREATE_GRAPH != 0 {
                self.activate(sweep, node, &mut entry)?;
            }
            let x: SmallVec<[Var; 4]> = entry.inputs.iter().map(|&id| Var::new(self, id)).collect();
            let (y, ct) = (Var::new(self, entry.output), Var::new(self, cotangent));
            if let Rule::Part(bounds) = rule {
                if self.add_part(sweep, &entry, *bounds, cotangent)? {
                    return Ok(());
                }
            }
            let wanted: SmallVec<[bool; 4]> = entry.sources.iter().map(|&source| source != 0).collect();
            #[cfg(not(feature = "mutants"))]
            let terms = vjp(rule, *reads, &wanted, &x, y, ct, &entry.params)?;
            #[cfg(feature = "mutants")]
            let terms = crate::level::mutants::reverse(op, &x, |wanted| vjp(rule, *reads, wanted, &x, y, ct, &entry.params), &wanted)?;
            for (i, term) in terms.into_iter().enumerate() {
                if let Some(term) = term.filter(|_| wanted[i]) {
                    // The one place where broadcasting and type promotion are undone.
                    let term = if self.conforms(term.id, x[i].id) {
                        term.id
                    } else {
                        term.sum_to(&x[i].dims()).cast(x[i].dtype()).checked().map_err(|e| e.in_op(op))?
                    };
                    self.check_anomaly(term).map_err(|e| e.in_op(op))?;
                    self.accumulate(sweep, entry.sources[i] as usize, term)?;
                }
            }
            Ok(())
        })();
        let mut session = self.session();
        session.end_frame(mark);
        if let Err(Error { code: ErrorCode::Anomaly, message, op: inner }) = result {
            session.inspector.tag_of_failure = session.tape(sweep.source)?.tag[node];
            let inner = inner.map_or("", |op| op.name());
            return Err(Error::new(
                ErrorCode::Anomaly,
                format!("its derivative made the first NaN of the backward pass (in {inner}: {message})"),
            )
            .in_op(op));
        }
        result?;
        if sweep.flags & RETAIN_GRAPH == 0 {
            session.consume(sweep.source, node)?;
        }
        Ok(())
    }

    /// Whether two plain arrays have one shape and dtype: the common case, found without asking for dims.
    fn conforms(&self, term: Id, like: Id) -> bool {
        let session = self.read_session();
        match (session.value(term), session.value(like)) {
            (Ok(Value::Concrete(a)), Ok(Value::Concrete(b))) => a.dims == b.dims && a.dtype == b.dtype,
            (Ok(Value::Concrete(a)), Ok(Value::Outline(dtype, dims))) => a.dims == *dims && a.dtype == *dtype,
            _ => false,
        }
    }

    /// With `createGraph`: the rule sees tracked values, so that what it computes is recorded.
    fn activate(&self, sweep: &Sweep, node: usize, entry: &mut Entry) -> Result<()> {
        let Source::Level { level, .. } = sweep.source else {
            return Ok(());
        };
        let mut session = self.session();
        for (id, &source) in entry.inputs.iter_mut().zip(&entry.sources) {
            if source != 0 {
                *id = session.rewrap(level, *id, source)?;
            }
        }
        entry.output = session.rewrap(level, entry.output, node as u32)?;
        Ok(())
    }

    fn check_anomaly(&self, term: Id) -> Result<()> {
        if self.session().inspector.checks_sweeps() && crate::inspect::has_nan(&self.concrete_under(term, true)?) {
            return Err(Error::new(ErrorCode::Anomaly, "a cotangent is NaN"));
        }
        Ok(())
    }
}

/// The cotangents of the wanted inputs; `None` is a symbolic zero.
fn vjp<'a>(rule: &Rule, reads: Reads, wanted: Wanted, x: &[Var<'a>], y: Var<'a>, ct: Var<'a>, params: &[f64]) -> Result<Terms<'a>> {
    match rule {
        Rule::Zero => Ok(Terms::new()),
        Rule::Elementwise(partials) => {
            // What is not read may be gone.
            let converted = if reads.any_input() { in_output_precision(x, y) } else { None };
            let x = converted.as_deref().unwrap_or(x);
            let term = |i: usize| if wanted[i] { apply_diagonal((partials[i].of)(x, y, params), ct) } else { None };
            Ok((0..x.len()).map(term).collect())
        }
        Rule::Linear(transpose) => {
            Ok(wanted.iter().enumerate().map(|(i, &wanted)| (wanted && i == 0).then(|| transpose(x, ct, params))).collect())
        }
        Rule::Multilinear { transpose, .. } => Ok(transpose(x, ct, params, wanted)),
        Rule::Joined(pieces) => pieces(x, ct, params),
        Rule::Part(bounds) => {
            let dims = x[0].dims();
            bounds(&dims, params).map(|bounds| only(place_part(ct, &dims, &bounds)))
        }
        Rule::Custom { vjp, .. } => Ok((vjp.of)(x, y, ct, params, wanted)),
    }
}
