//! Prints `ts/opcodes.ts` from the op table: `cargo run --example opcodes > ts/opcodes.ts`.

use adjoint::TABLE;

fn main() {
    println!("// Generated from the op table in crate/src/ops by `npm run generate`. Do not edit.");
    println!("/** What the WebAssembly file must answer to `abi()`: it stands for the version and the ops with their numbers. */");
    println!("export const ABI = {};\n", adjoint::ABI);
    println!("export const Op = {{");
    for (number, row) in adjoint::TABLE.iter().enumerate() {
        println!("  {}: {number},", row.name);
    }
    println!("}} as const;\n");
    println!("export type OpName = keyof typeof Op;\n");
    println!("/** What kind of thing an op is. A composite is made of others and is never recorded itself. */");
    println!("export type Form = {};\n", distinct(TABLE.iter().map(|row| row.form())));
    println!("/** The kind of its derivative. */");
    println!("export type Rule = {};\n", distinct(TABLE.iter().map(|row| row.rule())));
    println!("export type ParameterKind = {};\n", distinct(TABLE.iter().flat_map(|row| row.parameters()).map(|(_, kind)| kind)));
    println!("/** A row of the op table. */");
    println!("export interface Row {{");
    println!("  readonly form: Form;");
    println!("  readonly rule: Rule;");
    println!("  /** How many inputs: at least, at most. */");
    println!("  readonly inputs: readonly [number, number];");
    println!("  /** Kinds by name, in the order in which the engine takes them. */");
    println!("  readonly parameters: Readonly<Record<string, ParameterKind>>;");
    println!("}}\n");
    println!("export const ROWS: Readonly<Record<OpName, Row>> = {{");
    for row in TABLE {
        let parameters: Vec<String> = row.parameters().iter().map(|(name, kind)| format!("{name}: \"{kind}\"")).collect();
        let parameters = if parameters.is_empty() { "{}".to_string() } else { format!("{{ {} }}", parameters.join(", ")) };
        let most = if row.inputs.most == u32::MAX { "Infinity".to_string() } else { row.inputs.most.to_string() };
        println!(
            "  {}: {{ form: \"{}\", rule: \"{}\", inputs: [{}, {most}], parameters: {parameters} }},",
            row.name,
            row.form(),
            row.rule(),
            row.inputs.least
        );
    }
    println!("}};");
}

/// The union type of what the rows say, in the order of its first appearances.
fn distinct(names: impl Iterator<Item = &'static str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" | ")
}
