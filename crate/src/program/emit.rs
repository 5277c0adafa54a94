//! Groups as WebAssembly functions. The module has one function for each group, without arguments: it imports the engine's memory and knows
//! where everything lies, either by its address or by the place of a table in which each run writes it.

use super::fold::form_of;
use super::formula::{number_of, outside, pieces_of, straight, vector, Elements, Symbol};
use super::group::{access, access_of_piece, broadcast_strides, Access, Domain, Group};
use super::ir::*;
use super::repeat::Repeat;
use super::writer::{argument, load, needed, node_of, operands, store, Kind, Width, Writer, KEPT};
use crate::form::Form;
use crate::kernels::lane::symbol::{splat32, splat64, Code, Graph, Node};
use crate::memory::array::Array;
use rustc_hash::FxHashMap;
use std::ops::Range;
use wasm_encoder::{
    BlockType, CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection, MemoryType, Module,
    TypeSection,
};

/// Where the numbers of an array begin.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Location {
    /// At an address.
    Fixed(u32),
    /// At the address that stands here, plus so many bytes.
    Listed { place: u32, bytes: u32 },
}

/// The bytes of a module with a function for each group, and behind them one for each loop of nothing else; `array` and `location` say where variables lie.
pub fn module<'a>(
    program: &Program,
    groups: &[&Group],
    repeats: &[Repeat],
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
    for (i, repeat) in repeats.iter().enumerate() {
        functions.function(0);
        let number = (groups.len() + i) as u32;
        exports.export(&number.to_string(), ExportKind::Func, number);
        code.function(&repeat.function());
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

/// Straight-line code: each element that is used is read once, each result stored as soon as it is there.
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
    /// The column at which it begins.
    first: usize,
}

impl Stream {
    fn new(at: Location, kind: Kind, access: Access, first: usize) -> Stream {
        Stream { at, kind, access, pointer: 0, first }
    }

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

    /// Sets the pointer to where column 0 is, or would be.
    fn begin(&self, writer: &mut Writer) {
        let back = if self.access.column == 0 { 0 } else { self.first as u32 * self.kind.size() };
        match self.at {
            Location::Fixed(address) => writer.sink().i32_const(address.wrapping_sub(back) as i32),
            Location::Listed { place, bytes } => {
                writer.sink().i32_const(0).i32_load(argument(place, 2)).i32_const(bytes.wrapping_sub(back) as i32).i32_add()
            }
        };
        writer.sink().local_set(self.pointer);
    }
}

/// What a loop reads: one stream, or pieces side by side in each row, and 0 between them.
enum Read {
    Whole(Stream),
    Pieces(Kind, Vec<(Range<usize>, Piece)>),
}

enum Piece {
    Stream(Stream),
    Number(f64),
}

impl Read {
    fn streams(&self) -> impl Iterator<Item = &Stream> {
        let (whole, pieces) = match self {
            Read::Whole(stream) => (Some(stream), &[][..]),
            Read::Pieces(_, pieces) => (None, &pieces[..]),
        };
        whole.into_iter().chain(pieces.iter().filter_map(|(_, piece)| if let Piece::Stream(stream) = piece { Some(stream) } else { None }))
    }

    fn streams_mut(&mut self) -> Vec<&mut Stream> {
        match self {
            Read::Whole(stream) => vec![stream],
            Read::Pieces(_, pieces) => {
                pieces.iter_mut().filter_map(|(_, piece)| if let Piece::Stream(stream) = piece { Some(stream) } else { None }).collect()
            }
        }
    }

    /// Whether it is another element in each column; with `rows`, or in each row.
    fn varies(&self, rows: bool) -> bool {
        match self {
            Read::Whole(stream) => stream.access.column != 0 || rows && stream.access.row != 0,
            Read::Pieces(..) => true,
        }
    }

    /// Puts what it is in a segment of columns on the stack.
    fn load(&self, writer: &mut Writer, segment: &Range<usize>, width: Width, offset: u32, shift: u32) {
        let stream = match self {
            Read::Whole(stream) => stream,
            Read::Pieces(kind, pieces) => {
                let found = pieces.iter().find(|(part, _)| part.contains(&segment.start)).map(|(_, piece)| piece);
                match found.unwrap_or(&Piece::Number(0.0)) {
                    Piece::Stream(stream) => stream,
                    Piece::Number(value) => {
                        let bits = if kind.size() == 8 { splat64(value.to_bits()) } else { splat32((*value as f32).to_bits()) };
                        writer.sink().v128_const(bits);
                        return;
                    }
                }
            }
        };
        stream.address(writer, offset, shift);
        load(&mut writer.sink(), stream.kind, width, 0);
    }
}

/// One loop, or one in another: rows, and vectors in a row, with single elements at its end. Where pieces of a row end, another loop begins.
fn loop_function(group: &Group, places: &Places) -> Option<Function> {
    let Places { program, array, location } = places;
    let Domain::Loop { dims, wide } = &group.domain else { return None };
    let split = group.splits.trailing_zeros() as usize;
    let rows: usize = dims[..split].iter().product();
    let columns: usize = dims[split..].iter().product();
    let (lanes, shift) = if *wide { (2, 3) } else { (4, 2) };

    let mut graph = Graph::default();
    let mut inputs: Vec<Read> = Vec::new();
    let mut outside_known: FxHashMap<(Variable, isize, isize), Symbol> = FxHashMap::default();
    let mut known: FxHashMap<Variable, Symbol> = FxHashMap::default();
    for e in &group.body {
        if let Some(pieces) = pieces_of(program, e) {
            let symbol = outside(&mut graph, program, e.output, inputs.len() as u32, *wide)?;
            let kind = Kind::of(symbol);
            let inner: usize = program.known(e.output).dims[pieces.axis + 1..].iter().product();
            let mut read = Vec::new();
            for (&v, part) in e.inputs.iter().zip(&pieces.parts) {
                let part = part.start * inner..part.end * inner;
                let piece = match number_of(program, v) {
                    Some(value) => Piece::Number(value),
                    None => {
                        let lies = array(v)?;
                        Piece::Stream(Stream::new(location(v)?, kind, access_of_piece(&lies.dims, &lies.strides, split)?, part.start))
                    }
                };
                read.push((part, piece));
            }
            inputs.push(Read::Pieces(kind, read));
            known.insert(e.output, symbol);
            continue;
        }
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
            inputs.push(Read::Whole(Stream::new(location(v)?, Kind::of(symbol), access, 0)));
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
        outputs.push((node, Stream::new(location(v)?, kind, access, 0)));
    }
    let results: Vec<Node> = outputs.iter().map(|&(node, _)| node).collect();
    let (order, reads) = needed(&graph, &results);

    // What is the same everywhere is computed once, and what is the same in a whole row at its beginning.
    let varying_with = |rows: bool| {
        let mut flags = vec![false; graph.code.len()];
        for &node in &order {
            flags[node as usize] = match graph.code[node as usize] {
                Code::Constant(_) => false,
                Code::Input(number) => inputs[number as usize].varies(rows),
                code => operands(code).into_iter().flatten().any(|operand| flags[operand as usize]),
            };
        }
        flags
    };
    let varies = varying_with(false);
    let varies_at_all = varying_with(true);
    let nodes_where =
        |wanted: &dyn Fn(usize) -> bool| -> Vec<Node> { order.iter().copied().filter(|&node| wanted(node as usize)).collect() };
    let everywhere = nodes_where(&|node| !varies_at_all[node]);
    let of_row = nodes_where(&|node| varies_at_all[node] && !varies[node]);
    let varying = nodes_where(&|node| varies[node]);

    // Locals: the row, the offset in it, and a pointer for each stream.
    let (row, offset) = (0, 1);
    let mut pointers = 2;
    for stream in inputs.iter_mut().flat_map(Read::streams_mut).chain(outputs.iter_mut().map(|(_, stream)| stream)) {
        stream.pointer = pointers;
        pointers += 1;
    }
    let streams = || inputs.iter().flat_map(Read::streams).chain(outputs.iter().map(|(_, stream)| stream));
    let local = vec![None; graph.code.len()];
    let mut writer = Writer { bytes: Vec::new(), pointers, vectors: 0, free: Vec::new(), local, reads: reads.clone() };
    streams().for_each(|stream| stream.begin(&mut writer));
    everywhere.iter().chain(&of_row).for_each(|&node| writer.reads[node as usize] = KEPT);
    let splat = |writer: &mut Writer, number: u32| inputs[number as usize].load(writer, &(0..columns), Width::Splat, offset, shift);
    writer.nodes(&graph, &everywhere, splat, |_, _| {});
    let is_nested = rows > 1;
    if is_nested {
        writer.sink().i32_const(rows as i32).local_set(row).loop_(BlockType::Empty);
    }
    writer.nodes(&graph, &of_row, splat, |_, _| {});
    let body = |writer: &mut Writer, segment: &Range<usize>, width: Width| {
        varying.iter().for_each(|&node| writer.reads[node as usize] = reads[node as usize]);
        let stores = |writer: &mut Writer, node: Node| {
            for (_, stream) in outputs.iter().filter(|(result, _)| *result == node) {
                store(writer, node, stream.kind, width, 0, &|writer| stream.address(writer, offset, shift));
            }
        };
        writer.nodes(&graph, &varying, |writer, number| inputs[number as usize].load(writer, segment, width, offset, shift), stores);
        // Results that are the same everywhere.
        outputs.iter().filter(|(node, _)| !varies[*node as usize]).for_each(|&(node, _)| stores(writer, node));
    };
    writer.sink().i32_const(0).local_set(offset);
    for segment in segments(&inputs, columns) {
        let in_vectors = segment.end - segment.len() % lanes;
        if segment.start < in_vectors {
            writer.sink().loop_(BlockType::Empty);
            body(&mut writer, &segment, Width::Vector);
            writer.sink().local_get(offset).i32_const(16).i32_add().local_tee(offset);
            writer.sink().i32_const((in_vectors << shift) as i32).i32_lt_u().br_if(0).end();
        }
        if in_vectors < segment.end {
            writer.sink().loop_(BlockType::Empty);
            body(&mut writer, &segment, Width::Single);
            writer.sink().local_get(offset).i32_const(1 << shift).i32_add().local_tee(offset);
            writer.sink().i32_const((segment.end << shift) as i32).i32_lt_u().br_if(0).end();
        }
    }
    if is_nested {
        for stream in streams().filter(|stream| stream.access.row != 0) {
            let bytes = stream.access.row as i32 * stream.kind.size() as i32;
            writer.sink().local_get(stream.pointer).i32_const(bytes).i32_add().local_set(stream.pointer);
        }
        writer.sink().local_get(row).i32_const(1).i32_sub().local_tee(row).br_if(0).end();
    }
    Some(writer.finish())
}

/// Columns between ends of pieces.
fn segments(inputs: &[Read], columns: usize) -> Vec<Range<usize>> {
    let mut ends = vec![0, columns];
    for read in inputs {
        if let Read::Pieces(_, pieces) = read {
            ends.extend(pieces.iter().flat_map(|(part, _)| [part.start, part.end]));
        }
    }
    ends.sort_unstable();
    ends.dedup();
    ends.windows(2).map(|pair| pair[0]..pair[1]).collect()
}
