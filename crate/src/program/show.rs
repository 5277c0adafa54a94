//! Programs as text, for people.

use super::ir::{GradientAfter, Known, Moving, Program, Source, Step, Variable};
use crate::updates::Update;
use std::fmt;

fn describe(known: &Known) -> String {
    let dims: Vec<String> = known.dims.iter().map(usize::to_string).collect();
    format!("{}[{}]", known.dtype, dims.join(", "))
}

impl Program {
    fn label(&self, variable: Variable) -> String {
        match &self.known(variable).source {
            Source::Input(i) => format!("x{i}"),
            Source::Place(i) => format!("p{i}"),
            Source::Gradient(i) => format!("p{i}.grad"),
            Source::Key(i) => format!("key{i}"),
            Source::Literal(array) if array.len() == 1 => format!("{}", array.first()),
            Source::Literal(_) => format!("c{variable}"),
            Source::Computed => format!("t{variable}"),
        }
    }

    fn labels(&self, variables: &[Variable]) -> String {
        variables.iter().map(|&v| self.label(v)).collect::<Vec<_>>().join(" ")
    }

    fn typed(&self, variable: Variable) -> String {
        format!("{}: {}", self.label(variable), describe(self.known(variable)))
    }

    fn show(&self, f: &mut fmt::Formatter<'_>, step: &Step, margin: &str) -> fmt::Result {
        match step {
            Step::Evaluate(e) => {
                write!(f, "{margin}{} = {}", self.typed(e.output), e.op)?;
                if !e.params.is_empty() {
                    let numbers: Vec<String> = e.params.iter().map(f64::to_string).collect();
                    write!(f, "({})", numbers.join(", "))?;
                }
                writeln!(f, " {}", self.labels(&e.inputs))?;
            }
            Step::Update(change) => {
                let name = Update::from_code(change.update).map_or("update", |row| row.name);
                let after: Vec<String> = change.after.iter().map(|&v| self.typed(v)).collect();
                writeln!(
                    f,
                    "{margin}{} := {name} {} along {}",
                    after.join(", "),
                    self.labels(&change.before),
                    self.label(change.gradient)
                )?;
            }
            Step::Group(group) => {
                let after: Vec<String> = group.outputs.iter().map(|&v| self.typed(v)).collect();
                writeln!(f, "{margin}{} = fused {} {{", after.join(", "), self.labels(&group.inputs))?;
                for e in &group.body {
                    writeln!(f, "{margin}  {} = {} {}", self.typed(e.output), e.op, self.labels(&e.inputs))?;
                }
                writeln!(f, "{margin}}}")?;
            }
            Step::Copy { input, output } => writeln!(f, "{margin}{} = copy {}", self.typed(*output), self.label(*input))?,
            Step::Loop(made) => {
                match made.test {
                    Some((_, v)) => writeln!(f, "{margin}loop while {} {{", self.label(v))?,
                    None => writeln!(f, "{margin}loop {} turns {{", made.turns)?,
                }
                for carried in &made.carried {
                    let (inside, first, next) = (self.typed(carried.inside), self.label(carried.first), self.label(carried.next));
                    writeln!(f, "{margin}  {inside} = {first}, then {next}")?;
                }
                for moving in &made.moving {
                    let Moving { inside, from, lies, step } = moving;
                    writeln!(f, "{margin}  {} = {} from {} by {step}", self.typed(*inside), self.label(*from), lies.offset)?;
                }
                let deeper = format!("{margin}  ");
                made.body.iter().try_for_each(|step| self.show(f, step, &deeper))?;
                writeln!(f, "{margin}}}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs: Vec<String> = self
            .variables
            .iter()
            .filter_map(|known| match known.source {
                Source::Input(i) => Some(format!("x{i}: {}", describe(known))),
                _ => None,
            })
            .collect();
        writeln!(f, "program({}) {{", inputs.join(", "))?;
        self.steps.iter().try_for_each(|step| self.show(f, step, "  "))?;
        for (i, place) in self.places.iter().enumerate() {
            if let Some(after) = place.after {
                writeln!(f, "  p{i} := {}", self.label(after))?;
            }
            match place.gradient_after {
                GradientAfter::Untouched => {}
                GradientAfter::None => writeln!(f, "  p{i}.grad := none")?,
                GradientAfter::Some(gradient) => writeln!(f, "  p{i}.grad := {}", self.label(gradient))?,
            }
        }
        writeln!(f, "  return {}", self.labels(&self.outputs))?;
        f.write_str("}")
    }
}
