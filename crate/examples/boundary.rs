//! Prints `ts/runtime/boundary.ts`, all that TypeScript knows of this crate apart from the ops: `npm run generate`. Functions and
//! codes are read from their sources, comments included; errors, dtypes and updates from the crate itself.

use adjoint::{DType, ErrorCode, Field, UPDATES};
use std::fs;
use std::path::Path;
use syn::{Attribute, Expr, FnArg, Item, ItemFn, Lit, Meta, Pat, ReturnType, Type};

fn main() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    println!("// Generated from crate/src/abi, codes.rs, error.rs, dtype.rs and updates.rs by `npm run generate`. Do not edit.\n");
    functions(&source.join("abi"));
    codes(&items(&source.join("codes.rs")));
    errors();
    dtypes();
    updates();
}

fn items(file: &Path) -> Vec<Item> {
    let text = fs::read_to_string(file).expect("a source file");
    syn::parse_file(&text).expect("Rust").items
}

// ---- functions ----------------------------------------------------------------------------------------------------

/// The exports as an interface, and the names of those that return an address.
fn functions(folder: &Path) {
    let mut files: Vec<_> = fs::read_dir(folder).expect("the folder abi").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let mut addresses = Vec::new();
    println!("/** The engine's functions: numbers in, numbers out; 0 is failure. */");
    println!("export interface Exports {{");
    println!("  readonly memory: WebAssembly.Memory;");
    for file in &files {
        let exported: Vec<ItemFn> = items(file).into_iter().filter_map(exported).collect();
        if !exported.is_empty() {
            println!("\n  // ---- {} ----\n", file.file_stem().expect("a name").to_string_lossy());
        }
        for function in exported {
            let name = function.sig.ident.to_string();
            let parameters: Vec<String> = function.sig.inputs.iter().map(|input| format!("{}: number", parameter(&name, input))).collect();
            let result = match &function.sig.output {
                ReturnType::Default => "void",
                ReturnType::Type(_, kind) => {
                    if matches!(**kind, Type::Ptr(_)) {
                        addresses.push(name.clone());
                    } else {
                        number(&name, kind);
                    }
                    "number"
                }
            };
            comment("  ", &function.attrs);
            println!("  {name}({}): {result};", parameters.join(", "));
        }
    }
    println!("}}\n");
    println!("/** What returns an address: WebAssembly's i32 is signed to JavaScript, and half of the memory lies above 2 GiB. */");
    let quoted: Vec<String> = addresses.iter().map(|name| format!("\"{name}\"")).collect();
    println!("export const ADDRESSES = [{}] as const satisfies readonly (keyof Exports)[];\n", quoted.join(", "));
}

/// A function that every build of the module exports, and that TypeScript calls: one with an object as its result is there for what it makes
/// wasm-bindgen export.
fn exported(item: Item) -> Option<ItemFn> {
    match item {
        Item::Fn(f) => {
            let has = |name| f.attrs.iter().any(|attribute| attribute.path().is_ident(name));
            let is_object =
                matches!(&f.sig.output, ReturnType::Type(_, kind) if matches!(&**kind, Type::Path(path) if path.path.is_ident("JsValue")));
            (has("wasm_bindgen") && !has("cfg") && !is_object).then_some(f)
        }
        _ => None,
    }
}

fn parameter(function: &str, input: &FnArg) -> String {
    let FnArg::Typed(input) = input else { panic!("{function}: a method is no export") };
    number(function, &input.ty);
    match &*input.pat {
        Pat::Ident(name) => camel_case(&name.ident.to_string()),
        _ => panic!("{function}: a parameter needs a name"),
    }
}

/// Refuses what is no plain number on both sides.
fn number(function: &str, kind: &Type) {
    let plain = matches!(kind, Type::Path(path) if path.path.is_ident("u32") || path.path.is_ident("f64"));
    assert!(plain, "{function}: parameters and results are u32, f64, or (results) an address");
}

// ---- codes --------------------------------------------------------------------------------------------------------

/// Modules of constants as enums, which vanish in the bundle; single constants as they are.
fn codes(items: &[Item]) {
    for item in items {
        match item {
            Item::Mod(module) => {
                comment("", &module.attrs);
                println!("export const enum {} {{", pascal_case(&module.ident.to_string()));
                for constant in &module.content.as_ref().expect("constants").1 {
                    let Item::Const(constant) = constant else { panic!("{} holds constants only", module.ident) };
                    comment("  ", &constant.attrs);
                    println!("  {} = {},", pascal_case(&constant.ident.to_string()), value(&constant.expr));
                }
                println!("}}\n");
            }
            Item::Const(constant) => {
                comment("", &constant.attrs);
                println!("export const {} = {};\n", constant.ident, value(&constant.expr));
            }
            _ => panic!("codes.rs holds constants only"),
        }
    }
}

fn value(expression: &Expr) -> u32 {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => number.base10_parse().expect("a u32"),
            _ => panic!("a code is an integer"),
        },
        _ => panic!("a code is a literal"),
    }
}

// ---- what the crate itself knows ----------------------------------------------------------------------------------

fn errors() {
    println!("/** The engine's failures: the class of each, its number, and the code that programs compare. */");
    println!("export const ERRORS = {{");
    for (code, class, stable) in ErrorCode::ALL {
        println!("  {class}: {{ number: {}, code: \"{stable}\" }},", *code as u32);
    }
    println!("}} as const;\n");
}

fn dtypes() {
    println!("/** Element types; the position in the list is the engine's code. */");
    for (place, dtype) in DType::ALL.iter().enumerate() {
        assert_eq!(place, *dtype as usize, "dtypes stand in the order of their codes");
    }
    let names: Vec<String> = DType::ALL.iter().map(|dtype| format!("\"{dtype}\"")).collect();
    println!("export const DTYPES = [{}] as const;\n", names.join(", "));
}

fn updates() {
    println!("/** What each update reads, by name. */");
    println!("export interface UpdateOptions {{");
    for update in &UPDATES {
        let field = |field: &Field| format!("{}: {}", camel_case(field.name), if field.is_flag { "boolean" } else { "number" });
        let fields: Vec<String> = update.options.iter().map(field).collect();
        println!("  {}: {{ {} }};", update.name, fields.join("; "));
    }
    println!("}}\n");
    println!("/**");
    println!(" * The updates of optimizers: number, state of each parameter (whether it is there always), names of the options and their values in");
    println!(" * the order in which the engine reads them.");
    println!(" */");
    println!("export const UPDATES = {{");
    for (number, update) in UPDATES.iter().enumerate() {
        let part = |optional: bool| if optional { "optional tensor" } else { "tensor" };
        let state: Vec<String> = update.state.iter().map(|slot| format!("{}: \"{}\"", slot.name, part(slot.optional))).collect();
        let names: Vec<String> = update.options.iter().map(|field| format!("\"{}\"", camel_case(field.name))).collect();
        let read = |field: &Field| {
            let value = format!("o.{}", camel_case(field.name));
            if field.is_flag {
                format!("Number({value})")
            } else {
                value
            }
        };
        let values: Vec<String> = update.options.iter().map(read).collect();
        println!("  {}: {{", update.name);
        println!("    number: {number},");
        println!("    state: {{ {} }},", state.join(", "));
        println!("    options: [{}],", names.join(", "));
        println!("    values: (o: UpdateOptions[\"{}\"]): number[] => [{}],", update.name, values.join(", "));
        println!("  }},");
    }
    println!("}} as const;");
}

// ---- text ---------------------------------------------------------------------------------------------------------

/// The documentation of an item as a comment of TypeScript's.
fn comment(indent: &str, attributes: &[Attribute]) {
    let lines: Vec<String> = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(literal) => match &literal.lit {
                    Lit::Str(text) => Some(text.value().trim().to_string()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        })
        .collect();
    match &lines[..] {
        [] => {}
        [line] => println!("{indent}/** {line} */"),
        lines => {
            println!("{indent}/**");
            lines.iter().for_each(|line| println!("{indent} * {line}"));
            println!("{indent} */");
        }
    }
}

fn pascal_case(name: &str) -> String {
    name.split('_').map(|word| word[..1].to_uppercase() + &word[1..].to_lowercase()).collect()
}

fn camel_case(name: &str) -> String {
    let pascal = pascal_case(name);
    pascal[..1].to_lowercase() + &pascal[1..]
}
