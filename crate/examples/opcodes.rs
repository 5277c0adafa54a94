//! Prints `ts/opcodes.ts` from the op table: `cargo run --example opcodes > ts/opcodes.ts`.

fn main() {
    println!("// Generated from the op table in crate/src/ops by `npm run generate`. Do not edit.");
    println!("/** What the WebAssembly file must answer to `abi()`: it stands for the version and the ops with their numbers. */");
    println!("export const ABI = {};\n", adjoint::ABI);
    println!("export const Op = {{");
    for (number, row) in adjoint::TABLE.iter().enumerate() {
        println!("  {}: {number},", row.name);
    }
    println!("}} as const;\n");
    println!("export type OpName = keyof typeof Op;");
}
