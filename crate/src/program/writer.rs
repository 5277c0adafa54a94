//! Code of a function while it is written: locals, the order of nodes on the stack, reads and writes of memory.

use super::formula::Symbol;
use crate::dtype::DType;
use crate::kernels::lane::symbol::{splat32, splat64, Code, Graph, Node};
use wasm_encoder::{Function, InstructionSink, MemArg, MemArgTarget, ValType};

/// How a value is read or written, of what it is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Float32,
    Float64,
    Mask32,
    Mask64,
}

impl Kind {
    pub(super) fn of(symbol: Symbol) -> Kind {
        match symbol {
            Symbol::Float32(_) | Symbol::Number(_) => Kind::Float32,
            Symbol::Float64(_) => Kind::Float64,
            Symbol::Mask32(_) => Kind::Mask32,
            Symbol::Mask64(_) => Kind::Mask64,
        }
    }

    pub(super) fn size(self) -> u32 {
        match self {
            Kind::Float32 => 4,
            Kind::Float64 => 8,
            Kind::Mask32 | Kind::Mask64 => 1,
        }
    }
}

/// How many elements an access is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Vector,
    Single,
    /// One element, in every lane.
    Splat,
}

/// Code that is being written: v128 locals stand behind the i32 ones.
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    pub(super) pointers: u32,
    pub(super) vectors: u32,
    pub(super) free: Vec<u32>,
    /// The local that a node's value is in.
    pub(super) local: Vec<Option<u32>>,
    /// How often a node is still to be read; what is read in a loop and computed before it is kept for good.
    pub(super) reads: Vec<u32>,
}

pub(super) const KEPT: u32 = u32::MAX / 2;

pub(super) fn argument(offset: u32, align: u32) -> MemArg {
    MemArg { offset: offset as u64, align, target: MemArgTarget::Memory(0), ordering: None }
}

impl Writer {
    pub(super) fn sink(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.bytes)
    }

    pub(super) fn vector_local(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.vectors += 1;
            self.pointers + self.vectors - 1
        })
    }

    pub(super) fn finish(mut self) -> Function {
        self.sink().end();
        let mut function = Function::new([(self.pointers, ValType::I32), (self.vectors, ValType::V128)]);
        function.raw(self.bytes);
        function
    }

    /// One read of a node: its local is free again after the last.
    pub(super) fn get(&mut self, node: Node) {
        let local = self.local[node as usize].unwrap_or(0);
        self.sink().local_get(local);
        let reads = &mut self.reads[node as usize];
        *reads -= 1;
        if *reads == 0 {
            self.free.push(local);
            self.local[node as usize] = None;
        }
    }

    pub(super) fn set(&mut self, node: Node) {
        let local = self.vector_local();
        self.local[node as usize] = Some(local);
        self.sink().local_set(local);
    }

    /// Nodes in their order. `load` puts an input on the stack; `stored` is called with each node that is in its local.
    pub(super) fn nodes(
        &mut self,
        graph: &Graph,
        order: &[Node],
        mut load: impl FnMut(&mut Writer, u32),
        mut stored: impl FnMut(&mut Writer, Node),
    ) {
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

pub(super) fn operands(code: Code) -> [Option<Node>; 3] {
    match code {
        Code::Constant(_) | Code::Input(_) => [None; 3],
        Code::One(_, a) | Code::Shift(_, a, _) => [Some(a), None, None],
        Code::Two(_, a, b) => [Some(a), Some(b), None],
        Code::Three(_, a, b, c) => [Some(a), Some(b), Some(c)],
    }
}

/// The nodes that some are computed from, in order, and how often each is read.
pub(super) fn needed(graph: &Graph, results: &[Node]) -> (Vec<Node>, Vec<u32>) {
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
pub(super) fn node_of(graph: &mut Graph, symbol: Symbol, dtype: DType) -> Option<(Node, Kind)> {
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
pub(super) fn load(sink: &mut InstructionSink, kind: Kind, width: Width, offset: u32) {
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
pub(super) fn store(writer: &mut Writer, node: Node, kind: Kind, width: Width, offset: u32, address: &dyn Fn(&mut Writer)) {
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
