//! Vectors that are symbols: an operation on them adds an instruction to a graph. A formula that is written once for all vectors, run on
//! symbols, is the code of that formula: so programs are emitted from the very functions that the kernels run.
//!
//! A symbol has no numbers to look at. A formula that asks (`any`, a load, a store) marks the graph as incomplete.

use super::{Bits, Lane};
use crate::kernels::math::Elementary;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub};
use wasm_encoder::InstructionSink;

/// An instruction without immediates.
pub type Instruction = fn(&mut InstructionSink);

macro_rules! instruction {
    ($name:ident) => {
        |sink| {
            sink.$name();
        }
    };
}

/// A position in the graph.
pub type Node = u32;

#[derive(Clone, Copy)]
pub enum Code {
    /// The same bits in every run.
    Constant(i128),
    /// What is read from outside, by its number.
    Input(u32),
    One(Instruction, Node),
    Two(Instruction, Node, Node),
    Three(Instruction, Node, Node, Node),
    /// Integers shifted by so many bits.
    Shift(Instruction, Node, u32),
}

/// Instructions in the order in which they can be run. Equal ones are one.
#[derive(Default)]
pub struct Graph {
    pub code: Vec<Code>,
    known: FxHashMap<(usize, [u32; 3]), Node>,
    constants: FxHashMap<i128, Node>,
    incomplete: bool,
}

thread_local! {
    static GRAPH: RefCell<Graph> = RefCell::new(Graph::default());
}

impl Graph {
    fn push(&mut self, code: Code) -> Node {
        self.code.push(code);
        self.code.len() as Node - 1
    }

    fn apply(&mut self, instruction: Instruction, operands: [u32; 3], code: Code) -> Node {
        if let Some(&node) = self.known.get(&(instruction as usize, operands)) {
            return node;
        }
        let node = self.push(code);
        self.known.insert((instruction as usize, operands), node);
        node
    }

    pub fn input(&mut self, number: u32) -> Node {
        self.push(Code::Input(number))
    }

    pub fn constant(&mut self, bits: i128) -> Node {
        if let Some(&node) = self.constants.get(&bits) {
            return node;
        }
        let node = self.push(Code::Constant(bits));
        self.constants.insert(bits, node);
        node
    }

    /// Adds what `formula` does; None when it looked at numbers, and what it added so far nobody reads.
    pub fn grow<R>(&mut self, formula: impl FnOnce() -> R) -> Option<R> {
        GRAPH.with_borrow_mut(|graph| std::mem::swap(graph, self));
        let result = formula();
        GRAPH.with_borrow_mut(|graph| std::mem::swap(graph, self));
        (!std::mem::take(&mut self.incomplete)).then_some(result)
    }
}

const NONE: Node = Node::MAX;

// Never inlined: each formula calls these dozens of times.

#[inline(never)]
fn one(instruction: Instruction, a: Node) -> Node {
    GRAPH.with_borrow_mut(|graph| graph.apply(instruction, [a, NONE, NONE], Code::One(instruction, a)))
}

#[inline(never)]
fn two(instruction: Instruction, a: Node, b: Node) -> Node {
    GRAPH.with_borrow_mut(|graph| graph.apply(instruction, [a, b, NONE], Code::Two(instruction, a, b)))
}

#[inline(never)]
fn three(instruction: Instruction, a: Node, b: Node, c: Node) -> Node {
    GRAPH.with_borrow_mut(|graph| graph.apply(instruction, [a, b, c], Code::Three(instruction, a, b, c)))
}

#[inline(never)]
fn shifted(instruction: Instruction, a: Node, by: u32) -> Node {
    GRAPH.with_borrow_mut(|graph| graph.apply(instruction, [a, by, NONE - 1], Code::Shift(instruction, a, by)))
}

#[inline(never)]
fn constant(bits: i128) -> Node {
    GRAPH.with_borrow_mut(|graph| graph.constant(bits))
}

#[inline(never)]
fn mark() {
    GRAPH.with_borrow_mut(|graph| graph.incomplete = true);
}

/// Four, and two, times the same bits.
pub fn splat32(bits: u32) -> i128 {
    let pair = (bits as u64) << 32 | bits as u64;
    splat64(pair)
}

pub fn splat64(bits: u64) -> i128 {
    ((bits as u128) << 64 | bits as u128) as i128
}

macro_rules! operators {
    ($type:ident: $($trait:ident $method:ident $instruction:ident),*) => {
        $(impl $trait for $type {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                $type(two(instruction!($instruction), self.0, other.0))
            }
        })*
    };
}

macro_rules! methods {
    ($type:ident: $($method:ident $instruction:ident),*) => {
        $(fn $method(self) -> Self {
            $type(one(instruction!($instruction), self.0))
        })*
    };
}

macro_rules! methods2 {
    ($type:ident -> $result:ident: $($method:ident $instruction:ident),*) => {
        $(fn $method(self, other: Self) -> $result {
            $result(two(instruction!($instruction), self.0, other.0))
        })*
    };
}

macro_rules! symbols {
    (
        $float:ident, $int:ident, $vector:ident, $f:ty, $u:ty, $i:ty, $splat:ident;
        $add:ident $sub:ident $mul:ident $div:ident $neg:ident;
        $add_integer:ident $sub_integer:ident $shl:ident $shr:ident;
        $abs:ident $sqrt:ident $floor:ident $ceil:ident $trunc:ident $nearest:ident;
        $pmin:ident $pmax:ident $min:ident $max:ident;
        $eq:ident $ne:ident $lt:ident $le:ident;
        $relaxed_madd:ident $relaxed_nmadd:ident
    ) => {
        #[derive(Clone, Copy)]
        pub struct $float(pub Node);
        #[derive(Clone, Copy)]
        pub struct $int(pub Node);

        operators!($float: Add add $add, Sub sub $sub, Mul mul $mul, Div div $div);
        operators!($int: Add add $add_integer, Sub sub $sub_integer, BitAnd bitand v128_and, BitOr bitor v128_or, BitXor bitxor v128_xor);

        impl Neg for $float {
            type Output = Self;
            methods!($float: neg $neg);
        }

        impl Not for $int {
            type Output = Self;
            methods!($int: not v128_not);
        }

        impl Bits for $int {
            fn of(value: i64) -> Self {
                $int(constant($splat(value as $i as $u)))
            }
            fn shift_left(self, by: u32) -> Self {
                $int(shifted(instruction!($shl), self.0, by))
            }
            fn shift_right(self, by: u32) -> Self {
                $int(shifted(instruction!($shr), self.0, by))
            }
            fn any(self) -> bool {
                mark();
                false
            }
        }

        impl Lane for $float {
            type Element = $f;
            type Bits = $int;
            const LANES: usize = $crate::kernels::lane::$vector::LANES;
            const MANTISSA: u32 = $crate::kernels::lane::$vector::MANTISSA;
            const BIAS: i64 = $crate::kernels::lane::$vector::BIAS;

            fn of(value: f64) -> Self {
                Self::splat(value as $f)
            }
            fn splat(value: $f) -> Self {
                $float(constant($splat(value.to_bits())))
            }
            fn load(_: &[$f]) -> Self {
                mark();
                Self::of(0.0)
            }
            fn store(self, _: &mut [$f]) {
                mark();
            }
            fn first(self) -> $f {
                mark();
                0.0
            }
            fn bits(self) -> $int {
                $int(self.0)
            }
            fn from_bits(bits: $int) -> Self {
                $float(bits.0)
            }
            methods!($float: abs $abs, sqrt $sqrt, floor $floor, ceil $ceil, trunc $trunc, nearest $nearest);
            methods2!($float -> $float: at_most $pmin, at_least $pmax, minimum $min, maximum $max);
            methods2!($float -> $int: eq $eq, ne $ne, lt $lt, le $le);
            fn mul_add(self, a: Self, b: Self) -> Self {
                #[cfg(target_feature = "relaxed-simd")]
                return $float(three(instruction!($relaxed_madd), self.0, a.0, b.0));
                #[cfg(not(target_feature = "relaxed-simd"))]
                return self * a + b;
            }
            fn mul_sub_from(self, a: Self, b: Self) -> Self {
                #[cfg(target_feature = "relaxed-simd")]
                return $float(three(instruction!($relaxed_nmadd), self.0, a.0, b.0));
                #[cfg(not(target_feature = "relaxed-simd"))]
                return b - self * a;
            }
            fn select(mask: $int, a: Self, b: Self) -> Self {
                $float(three(instruction!(v128_bitselect), a.0, b.0, mask.0))
            }
        }
    };
}

symbols!(
    Symbol32, Mask32, f32x4, f32, u32, i32, splat32;
    f32x4_add f32x4_sub f32x4_mul f32x4_div f32x4_neg;
    i32x4_add i32x4_sub i32x4_shl i32x4_shr_u;
    f32x4_abs f32x4_sqrt f32x4_floor f32x4_ceil f32x4_trunc f32x4_nearest;
    f32x4_pmin f32x4_pmax f32x4_min f32x4_max;
    f32x4_eq f32x4_ne f32x4_lt f32x4_le;
    f32x4_relaxed_madd f32x4_relaxed_nmadd
);
symbols!(
    Symbol64, Mask64, f64x2, f64, u64, i64, splat64;
    f64x2_add f64x2_sub f64x2_mul f64x2_div f64x2_neg;
    i64x2_add i64x2_sub i64x2_shl i64x2_shr_u;
    f64x2_abs f64x2_sqrt f64x2_floor f64x2_ceil f64x2_trunc f64x2_nearest;
    f64x2_pmin f64x2_pmax f64x2_min f64x2_max;
    f64x2_eq f64x2_ne f64x2_lt f64x2_le;
    f64x2_relaxed_madd f64x2_relaxed_nmadd
);

/// A function of one vector, and of two, of each float type.
pub type Formula = (fn(Symbol32) -> Symbol32, fn(Symbol64) -> Symbol64);
pub type Formula2 = (fn(Symbol32, Symbol32) -> Symbol32, fn(Symbol64, Symbol64) -> Symbol64);

/// f(x), where the type of `f` is to be found out.
pub fn apply<L: Lane>(f: impl Fn(L) -> L, x: L) -> L {
    f(x)
}

pub fn apply2<L: Lane>(f: impl Fn(L, L) -> L, a: L, b: L) -> L {
    f(a, b)
}

/// A formula for all vectors as one of symbols.
macro_rules! unary {
    ($f:expr) => {
        Some((|x| $crate::kernels::lane::symbol::apply($f, x), |x| $crate::kernels::lane::symbol::apply($f, x)))
    };
}

macro_rules! binary {
    ($f:expr) => {
        Some((|a, b| $crate::kernels::lane::symbol::apply2($f, a, b), |a, b| $crate::kernels::lane::symbol::apply2($f, a, b)))
    };
}

pub(crate) use {binary, unary};

impl Symbol32 {
    /// The first two lanes.
    pub fn widened(self) -> Symbol64 {
        Symbol64(one(instruction!(f64x2_promote_low_f32x4), self.0))
    }
}

impl Mask32 {
    /// Of the first two lanes.
    pub fn widened(self) -> Mask64 {
        Mask64(one(instruction!(i64x2_extend_low_i32x4_s), self.0))
    }
}

impl Mask64 {
    /// The first lane, for code that looks at no other.
    pub fn narrowed(self) -> Mask32 {
        Mask32(self.0)
    }
}

impl Symbol64 {
    pub fn narrowed(self) -> Symbol32 {
        Symbol32(one(instruction!(f32x4_demote_f64x2_zero), self.0))
    }
}

macro_rules! elementary {
    ($symbol:ident $vector:ident: $($name:ident: $type:ty),*; $combine:item) => {
        impl Elementary for $symbol {
            $(const $name: $type = <super::$vector as Elementary>::$name;)*
            $combine
        }
    };
    ($symbol:ident $vector:ident: $combine:item) => {
        elementary!(
            $symbol $vector:
            ROUNDER: f64, SMALLEST_NORMAL: f64, TINY: f64, UPPER_HALF: i64, EXP_RANGE: (f64, f64), EXPM1_FLOOR: f64, LN_2: (f64, f64),
            LOG10_2: (f64, f64), PER_LN_2: (f64, f64), PER_LN_10: (f64, f64), PI_4: (f64, f64), GELU_FLOOR: f64, ERFC_END: f64,
            EXP: &'static [f64], LOG: &'static [f64], SIN: &'static [f64], COS: &'static [f64], ATAN: &'static [f64],
            ERF: &'static [f64], ERFC: &'static [f64], ERFC_CENTRE: f64, GELU: &'static [f64], GELU_CENTRE: f64;
            $combine
        );
    };
}

elementary!(Symbol32 f32x4: fn combine(factor: Self, _: f64, _: Self, _: Self, _: f64, _: Self) -> Self {
    // Half of the lanes at a time, in the other type.
    mark();
    factor
});
elementary!(Symbol64 f64x2: fn combine(factor: Self, constant: f64, varying: Self, excess: Self, scale: f64, x: Self) -> Self {
    super::super::math::combined(factor, constant, varying, excess, scale, x)
});
