//! Groups as WebAssembly functions. The module has one function for each group, without arguments: it imports the engine's memory and knows
//! where everything lies, either by its address or by the place of a table in which each run writes it.

use super::fold::form_of;
use super::formula::{number_of, outside, straight, vector, Elements, Symbol};
use super::group::{access, broadcast_strides, Access, Domain, Group};
use super::ir::*;
use crate::dtype::DType;
use crate::form::Form;
use crate::kernels::lane::symbol::{splat32, splat64, Code, Graph, Node};
use crate::memory::array::Array;
use rustc_hash::FxHashMap;
use wasm_encoder::{
    BlockType, CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection, InstructionSink, MemArg,
    MemArgTarget, MemoryType, Module, TypeSection, ValType,
};

/// Where the numbers of an array begin.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Location {
    /// At an address.
    Fixed(u32),
    /// At the address that stands here, plus so many bytes.
    Listed { place: u32, bytes: u32 },
}

/// How a value is read or written, of what it is.
#[derive(Clone, Copy)]
enum Kind {
    Float32,
    Float64,
    Mask32,
    Mask64,
}

impl Kind {
    fn of(symbol: Symbol) -> Kind {
        match symbol {
            Symbol::Float32(_) | Symbol::Number(_) => Kind::Float32,
            Symbol::Float64(_) => Kind::Float64,
            Symbol::Mask32(_) => Kind::Mask32,
            Symbol::Mask64(_) => Kind::Mask64,
        }
    }

    fn size(self) -> u32 {
        match self {
            Kind::Float32 => 4,
            Kind::Float64 => 8,
            Kind::Mask32 | Kind::Mask64 => 1,
        }
    }
}

/// How many elements an access is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Width {
    Vector,
    Single,
    /// One element, in every lane.
    Splat,
}

/// The bytes of a module with a function for each group; `array` and `location` say where variables lie.
#[cold]
pub fn module<'a>(
    program: &Program,
    groups: &[&Group],
    array: &dyn Fn(Variable) -> Option<&'a Array>,
    location: &dyn Fn(Variable) -> Option<Location>,
) -> Option<Vec<u8>> {
    let (mut types, mut imports, mut functions, mut exports, mut code) =
        (TypeSection::new(), ImportSection::new(), FunctionSection::new(), ExportSection::new(), CodeSection::new());
    types.ty().function([], []);
    let memory = MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None };
    imports.import("engine", "memory", EntityType::Memory(memory));
    for (i, group) in groups.iter().enumerate() {
        functions.function(0);
        exports.export(&i.to_string(), ExportKind::Func, i as u32);
        let places = Places { program, array, location };
        code.function(&match group.domain {
            Domain::Straight => straight_function(group, &places)?,
            Domain::Loop { .. } => loop_function(group, &places)?,
        });
    }
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&code);
    Some(module.finish())
}

struct Places<'p, 'a> {
    program: &'p Program,
    array: &'p dyn Fn(Variable) -> Option<&'a Array>,
    location: &'p dyn Fn(Variable) -> Option<Location>,
}

/// Code that is being written: v128 locals stand behind the i32 ones.
struct Writer {
    bytes: Vec<u8>,
    pointers: u32,
    vectors: u32,
    free: Vec<u32>,
    /// The local that a node's value is in.
    local: Vec<Option<u32>>,
    /// How often a node is still to be read; what is read in a loop and computed before it is kept for good.
    reads: Vec<u32>,
}

const KEPT: u32 = u32::MAX / 2;

fn argument(offset: u32, align: u32) -> MemArg {
    MemArg { offset: offset as u64, align, target: MemArgTarget::Memory(0), ordering: None }
}

impl Writer {
    fn sink(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.bytes)
    }

    fn vector_local(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.vectors += 1;
            self.pointers + self.vectors - 1
        })
    }

    fn finish(mut self) -> Function {
        self.sink().end();
        let mut function = Function::new([(self.pointers, ValType::I32), (self.vectors, ValType::V128)]);
        function.raw(self.bytes);
        function
    }

    /// One read of a node: its local is free again after the last.
    fn get(&mut self, node: Node) {
        let local = self.local[node as usize].unwrap_or(0);
        self.sink().local_get(local);
        let reads = &mut self.reads[node as usize];
        *reads -= 1;
        if *reads == 0 {
            self.free.push(local);
            self.local[node as usize] = None;
        }
    }

    fn set(&mut self, node: Node) {
        let local = self.vector_local();
        self.local[node as usize] = Some(local);
        self.sink().local_set(local);
    }

    /// Nodes in their order. `load` puts an input on the stack; `stored` is called with each node that is in its local.
    fn nodes(&mut self, graph: &Graph, order: &[Node], mut load: impl FnMut(&mut Writer, u32), mut stored: impl FnMut(&mut Writer, Node)) {
        let mut on_stack = None;
        for (i, &node) in order.iter().enumerate() {
            let mut operand = |writer: &mut Writer, node: Node| {
                if on_stack.take() != Some(node) {
                    writer.get(node);
                }
            };
            match graph.code[node as usize] {
                Code::Constant(bits) => {
                    self.sink().v128_const(bits);
                }
                Code::Input(number) => load(self, number),
                Code::One(instruction, a) => {
                    operand(self, a);
                    instruction(&mut self.sink());
                }
                Code::Two(instruction, a, b) => {
                    operand(self, a);
                    operand(self, b);
                    instruction(&mut self.sink());
                }
                Code::Three(instruction, a, b, c) => {
                    operand(self, a);
                    operand(self, b);
                    operand(self, c);
                    instruction(&mut self.sink());
                }
                Code::Shift(instruction, a, by) => {
                    operand(self, a);
                    self.sink().i32_const(by as i32);
                    instruction(&mut self.sink());
                }
            }
            // Read once, as the first operand of what comes next: it may stay where it is.
            let next = order.get(i + 1).map(|&next| operands(graph.code[next as usize]));
            let is_next = next.is_some_and(|next| next[0] == Some(node) && next[1] != Some(node) && next[2] != Some(node));
            if is_next && self.reads[node as usize] == 1 {
                self.reads[node as usize] = 0;
                on_stack = Some(node);
            } else {
                self.set(node);
                stored(self, node);
            }
        }
    }
}

fn operands(code: Code) -> [Option<Node>; 3] {
    match code {
        Code::Constant(_) | Code::Input(_) => [None; 3],
        Code::One(_, a) | Code::Shift(_, a, _) => [Some(a), None, None],
        Code::Two(_, a, b) => [Some(a), Some(b), None],
        Code::Three(_, a, b, c) => [Some(a), Some(b), Some(c)],
    }
}

/// The nodes that some are computed from, in order, and how often each is read.
#[cold]
fn needed(graph: &Graph, results: &[Node]) -> (Vec<Node>, Vec<u32>) {
    let mut reads = vec![0; graph.code.len()];
    results.iter().for_each(|&node| reads[node as usize] += 1);
    for node in (0..graph.code.len()).rev() {
        if reads[node] > 0 {
            operands(graph.code[node]).into_iter().flatten().for_each(|operand| reads[operand as usize] += 1);
        }
    }
    ((0..graph.code.len() as Node).filter(|&node| reads[node as usize] > 0).collect(), reads)
}

/// A node for a symbol, and how it is stored as `dtype`.
fn node_of(graph: &mut Graph, symbol: Symbol, dtype: DType) -> Option<(Node, Kind)> {
    let node = match symbol {
        Symbol::Float32(x) => x.0,
        Symbol::Float64(x) => x.0,
        Symbol::Mask32(x) => x.0,
        Symbol::Mask64(x) => x.0,
        Symbol::Number(value) => {
            return Some(match dtype {
                DType::Float32 => (graph.constant(splat32((value as f32).to_bits())), Kind::Float32),
                DType::Float64 => (graph.constant(splat64(value.to_bits())), Kind::Float64),
                DType::Bool => (graph.constant(if value != 0.0 { -1 } else { 0 }), Kind::Mask32),
                DType::Int32 => return None,
            })
        }
    };
    Some((node, Kind::of(symbol)))
}

/// Puts an element, or a vector, on the stack; its address without the offset is there already.
#[cold]
fn load(sink: &mut InstructionSink, kind: Kind, width: Width, offset: u32) {
    match (kind, width) {
        (Kind::Float32 | Kind::Float64, Width::Vector) => sink.v128_load(argument(offset, 2)),
        (Kind::Float32, Width::Single) => sink.v128_load32_zero(argument(offset, 2)),
        (Kind::Float64, Width::Single) => sink.v128_load64_zero(argument(offset, 3)),
        (Kind::Float32, Width::Splat) => sink.v128_load32_splat(argument(offset, 2)),
        (Kind::Float64, Width::Splat) => sink.v128_load64_splat(argument(offset, 3)),
        (Kind::Mask32, Width::Vector) => {
            sink.v128_load32_zero(argument(offset, 0)).i16x8_extend_low_i8x16_u().i32x4_extend_low_i16x8_u().i32x4_neg()
        }
        (Kind::Mask64, Width::Vector) => sink
            .v128_load16_splat(argument(offset, 0))
            .i16x8_extend_low_i8x16_u()
            .i32x4_extend_low_i16x8_u()
            .i64x2_extend_low_i32x4_u()
            .i64x2_neg(),
        (Kind::Mask32, Width::Single | Width::Splat) => sink.i32_load8_u(argument(offset, 0)).i32x4_splat().i32x4_neg(),
        (Kind::Mask64, Width::Single | Width::Splat) => sink.i64_load8_u(argument(offset, 0)).i64x2_splat().i64x2_neg(),
    };
}

/// Stores a node's value; `address` puts the address on the stack, as often as it is needed.
#[cold]
fn store(writer: &mut Writer, node: Node, kind: Kind, width: Width, offset: u32, address: &dyn Fn(&mut Writer)) {
    address(writer);
    writer.get(node);
    let is_single = width != Width::Vector;
    match kind {
        Kind::Float32 if is_single => {
            writer.sink().v128_store32_lane(argument(offset, 2), 0);
        }
        Kind::Float64 if is_single => {
            writer.sink().v128_store64_lane(argument(offset, 3), 0);
        }
        Kind::Float32 | Kind::Float64 => {
            writer.sink().v128_store(argument(offset, 2));
        }
        Kind::Mask32 | Kind::Mask64 if is_single => {
            writer.sink().i32x4_extract_lane(0).i32_const(1).i32_and().i32_store8(argument(offset, 0));
        }
        Kind::Mask32 => {
            bytes_of_mask(writer);
            writer.sink().v128_store32_lane(argument(offset, 0), 0);
        }
        Kind::Mask64 => {
            // Each lane is two of 32 bits, and so two bytes.
            bytes_of_mask(writer);
            let bytes = writer.vector_local();
            writer.sink().local_tee(bytes).v128_store8_lane(argument(offset, 0), 0);
            address(writer);
            writer.sink().local_get(bytes).v128_store8_lane(argument(offset + 1, 0), 2);
            writer.free.push(bytes);
        }
    }
}

/// A mask on the stack as bytes 0 and 1, the first lane first.
fn bytes_of_mask(writer: &mut Writer) {
    let mask = writer.vector_local();
    writer.sink().local_tee(mask).local_get(mask).i16x8_narrow_i32x4_s().local_tee(mask).local_get(mask).i8x16_narrow_i16x8_s();
    writer.sink().v128_const(splat64(0x0101_0101_0101_0101)).v128_and();
    writer.free.push(mask);
}

/// Straight-line code: each element that is used is read once, each result stored as soon as it is there.
#[cold]
fn straight_function(group: &Group, places: &Places) -> Option<Function> {
    let Places { program, array, location } = places;
    let mut graph = Graph::default();
    // Inputs by number: where they are read.
    let mut inputs: Vec<(Location, Kind)> = Vec::new();
    let mut known: FxHashMap<Variable, Elements> = FxHashMap::default();
    for e in &group.body {
        for &v in &e.inputs {
            if known.contains_key(&v) {
                continue;
            }
            let count = program.known(v).count();
            if let Some(value) = number_of(program, v) {
                known.insert(v, vec![Some(Symbol::Number(value)); count]);
                continue;
            }
            let (lies, at) = (array(v)?, location(v)?);
            let size = lies.dtype.size();
            // The array's offset is part of its location.
            let mut elements = Elements::with_capacity(count);
            for position in super::formula::positions(&lies.dims, &lies.strides, 0) {
                let symbol = outside(&mut graph, program, v, inputs.len() as u32, false)?;
                inputs.push((at.plus((position * size) as u32), Kind::of(symbol)));
                elements.push(Some(symbol));
            }
            known.insert(v, elements);
        }
        let x: Vec<&Elements> = e.inputs.iter().map(|v| known.get(v)).collect::<Option<_>>()?;
        let elements = straight(&mut graph, program, e, &x)?;
        known.insert(e.output, elements);
    }

    let mut stores: FxHashMap<Node, Vec<(Location, Kind)>> = FxHashMap::default();
    let mut results = Vec::new();
    for &v in &group.outputs {
        let (lies, at) = (array(v)?, location(v)?);
        let dtype = lies.dtype;
        for (i, element) in known.get(&v)?.iter().enumerate() {
            let (node, kind) = node_of(&mut graph, element.unwrap_or(Symbol::Number(0.0)), dtype)?;
            results.push(node);
            stores.entry(node).or_default().push((at.plus((i * dtype.size()) as u32), kind));
        }
    }
    let (order, reads) = needed(&graph, &results);
    let mut bases = Bases::default();
    for &node in &order {
        if let Code::Input(number) = graph.code[node as usize] {
            bases.add(inputs[number as usize].0);
        }
    }
    stores.values().flatten().for_each(|&(at, _)| bases.add(at));

    let local = vec![None; graph.code.len()];
    let mut writer = Writer { bytes: Vec::new(), pointers: bases.places.len() as u32, vectors: 0, free: Vec::new(), local, reads };
    bases.read(&mut writer);
    writer.nodes(
        &graph,
        &order,
        |writer, number| {
            let (at, kind) = inputs[number as usize];
            let offset = bases.address(writer, at);
            load(&mut writer.sink(), kind, Width::Single, offset);
        },
        |writer, node| {
            for &(at, kind) in stores.get(&node).into_iter().flatten() {
                let offset = bases.offset(at);
                store(writer, node, kind, Width::Single, offset, &|writer| {
                    bases.address(writer, at);
                });
            }
        },
    );
    Some(writer.finish())
}

impl Location {
    fn plus(self, more: u32) -> Location {
        match self {
            Location::Fixed(address) => Location::Fixed(address + more),
            Location::Listed { place, bytes } => Location::Listed { place, bytes: bytes + more },
        }
    }
}

/// The addresses that stand in the table, each in a local.
#[derive(Default)]
struct Bases {
    places: Vec<u32>,
}

impl Bases {
    fn add(&mut self, at: Location) {
        if let Location::Listed { place, .. } = at {
            if !self.places.contains(&place) {
                self.places.push(place);
            }
        }
    }

    fn read(&self, writer: &mut Writer) {
        for (local, &place) in self.places.iter().enumerate() {
            writer.sink().i32_const(0).i32_load(argument(place, 2)).local_set(local as u32);
        }
    }

    fn offset(&self, at: Location) -> u32 {
        match at {
            Location::Fixed(address) => address,
            Location::Listed { bytes, .. } => bytes,
        }
    }

    /// Puts the address on the stack but for the offset, which is returned.
    fn address(&self, writer: &mut Writer, at: Location) -> u32 {
        match at {
            Location::Fixed(_) => writer.sink().i32_const(0),
            Location::Listed { place, .. } => {
                let local = self.places.iter().position(|&known| known == place).unwrap_or(0);
                writer.sink().local_get(local as u32)
            }
        };
        self.offset(at)
    }
}

/// An input or output of a loop: its pointer's local, how it moves.
struct Stream {
    at: Location,
    kind: Kind,
    access: Access,
    pointer: u32,
}

impl Stream {
    /// Puts the address of the element that the byte offset `offset` (of the main element size 2^`shift`) stands for on the stack.
    fn address(&self, writer: &mut Writer, offset: u32, shift: u32) {
        writer.sink().local_get(self.pointer);
        if self.access.column == 0 {
            return;
        }
        writer.sink().local_get(offset);
        if self.kind.size() == 1 {
            writer.sink().i32_const(shift as i32).i32_shr_u();
        }
        writer.sink().i32_add();
    }
}

/// One loop, or one in another: rows, and vectors in a row, with single elements at its end.
#[cold]
fn loop_function(group: &Group, places: &Places) -> Option<Function> {
    let Places { program, array, location } = places;
    let Domain::Loop { dims, wide } = &group.domain else { return None };
    let split = group.splits.trailing_zeros() as usize;
    let rows: usize = dims[..split].iter().product();
    let columns: usize = dims[split..].iter().product();
    let (lanes, shift) = if *wide { (2, 3) } else { (4, 2) };

    let mut graph = Graph::default();
    let mut inputs: Vec<Stream> = Vec::new();
    let mut outside_known: FxHashMap<(Variable, isize, isize), Symbol> = FxHashMap::default();
    let mut known: FxHashMap<Variable, Symbol> = FxHashMap::default();
    for e in &group.body {
        let mut x = Vec::new();
        for &v in &e.inputs {
            if let Some(&symbol) = known.get(&v) {
                x.push(symbol);
                continue;
            }
            if let Some(value) = number_of(program, v) {
                x.push(Symbol::Number(value));
                continue;
            }
            let lies = array(v)?;
            let strides = broadcast_strides(&program.known(e.output).dims, &lies.dims, &lies.strides);
            let access = access(dims, &strides, split)?;
            let key = (v, access.row, access.column);
            if let Some(&symbol) = outside_known.get(&key) {
                x.push(symbol);
                continue;
            }
            let symbol = outside(&mut graph, program, v, inputs.len() as u32, *wide)?;
            inputs.push(Stream { at: location(v)?, kind: Kind::of(symbol), access, pointer: 0 });
            outside_known.insert(key, symbol);
            x.push(symbol);
        }
        let symbol = match form_of(e.op)? {
            // Of a value of the group, in the same order.
            Form::View(_) => x[0],
            _ => vector(&mut graph, program, e, &x)?,
        };
        known.insert(e.output, symbol);
    }
    let mut outputs: Vec<(Node, Stream)> = Vec::new();
    for &v in &group.outputs {
        let (node, kind) = node_of(&mut graph, *known.get(&v)?, program.known(v).dtype)?;
        let access = Access { row: columns as isize, column: 1 };
        outputs.push((node, Stream { at: location(v)?, kind, access, pointer: 0 }));
    }
    let results: Vec<Node> = outputs.iter().map(|&(node, _)| node).collect();
    let (order, reads) = needed(&graph, &results);

    // What is the same in a whole row is computed at its beginning.
    let mut varies = vec![false; graph.code.len()];
    for &node in &order {
        varies[node as usize] = match graph.code[node as usize] {
            Code::Constant(_) => false,
            Code::Input(number) => inputs[number as usize].access.column != 0,
            code => operands(code).into_iter().flatten().any(|operand| varies[operand as usize]),
        };
    }
    let (constant, varying): (Vec<Node>, Vec<Node>) = order.iter().partition(|&&node| !varies[node as usize]);

    // Locals: the row, the offset in it, and a pointer for each stream.
    let (row, offset) = (0, 1);
    let mut pointers = 2;
    for stream in inputs.iter_mut().chain(outputs.iter_mut().map(|(_, stream)| stream)) {
        stream.pointer = pointers;
        pointers += 1;
    }
    let local = vec![None; graph.code.len()];
    let mut writer = Writer { bytes: Vec::new(), pointers, vectors: 0, free: Vec::new(), local, reads: reads.clone() };
    for stream in inputs.iter().chain(outputs.iter().map(|(_, stream)| stream)) {
        match stream.at {
            Location::Fixed(address) => writer.sink().i32_const(address as i32),
            Location::Listed { place, bytes } => writer.sink().i32_const(0).i32_load(argument(place, 2)).i32_const(bytes as i32).i32_add(),
        };
        writer.sink().local_set(stream.pointer);
    }
    let is_nested = rows > 1;
    if is_nested {
        writer.sink().i32_const(rows as i32).local_set(row).loop_(BlockType::Empty);
    }
    constant.iter().for_each(|&node| writer.reads[node as usize] = KEPT);
    writer.nodes(
        &graph,
        &constant,
        |writer, number| {
            let stream = &inputs[number as usize];
            writer.sink().local_get(stream.pointer);
            load(&mut writer.sink(), stream.kind, Width::Splat, 0);
        },
        |_, _| {},
    );
    let body = |writer: &mut Writer, width: Width| {
        varying.iter().for_each(|&node| writer.reads[node as usize] = reads[node as usize]);
        let stores = |writer: &mut Writer, node: Node| {
            for (_, stream) in outputs.iter().filter(|(result, _)| *result == node) {
                store(writer, node, stream.kind, width, 0, &|writer| stream.address(writer, offset, shift));
            }
        };
        writer.nodes(
            &graph,
            &varying,
            |writer, number| {
                let stream = &inputs[number as usize];
                stream.address(writer, offset, shift);
                load(&mut writer.sink(), stream.kind, width, 0);
            },
            stores,
        );
        // Results that are the same everywhere.
        outputs.iter().filter(|(node, _)| !varies[*node as usize]).for_each(|&(node, _)| stores(writer, node));
    };
    writer.sink().i32_const(0).local_set(offset);
    let in_vectors = columns - columns % lanes;
    if in_vectors > 0 {
        writer.sink().loop_(BlockType::Empty);
        body(&mut writer, Width::Vector);
        writer.sink().local_get(offset).i32_const(16).i32_add().local_tee(offset);
        writer.sink().i32_const((in_vectors << shift) as i32).i32_lt_u().br_if(0).end();
    }
    if in_vectors < columns {
        writer.sink().loop_(BlockType::Empty);
        body(&mut writer, Width::Single);
        writer.sink().local_get(offset).i32_const(1 << shift).i32_add().local_tee(offset);
        writer.sink().i32_const((columns << shift) as i32).i32_lt_u().br_if(0).end();
    }
    if is_nested {
        for stream in inputs.iter().chain(outputs.iter().map(|(_, stream)| stream)).filter(|stream| stream.access.row != 0) {
            let bytes = stream.access.row as i32 * stream.kind.size() as i32;
            writer.sink().local_get(stream.pointer).i32_const(bytes).i32_add().local_set(stream.pointer);
        }
        writer.sink().local_get(row).i32_const(1).i32_sub().local_tee(row).br_if(0).end();
    }
    Some(writer.finish())
}
