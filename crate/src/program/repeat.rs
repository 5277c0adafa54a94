//! A loop whose body is emitted code, as one function: nothing but that code runs from turn to turn.

use super::emit::Location;
use super::writer::{argument, Writer};
use wasm_encoder::{BlockType, Function};

/// The same numbers in another place.
pub struct Move {
    pub from: Location,
    pub to: Location,
    pub bytes: u32,
}

/// An address in the list that moves on.
pub struct Advance {
    /// Where in memory the list has it.
    pub place: u32,
    /// What it is in the first turn, but for `back` bytes less.
    pub first: Location,
    pub back: i32,
    pub step: i32,
}

pub struct Repeat {
    pub turns: u32,
    /// After so many functions the loop ends where the byte here is 0.
    pub test: Option<(usize, Location)>,
    /// The functions of a turn, by their numbers in the module.
    pub functions: Vec<u32>,
    pub first: Vec<Move>,
    pub next: Vec<Move>,
    pub advances: Vec<Advance>,
}

/// What is longer is copied in the engine.
pub const LONGEST_MOVE: usize = 1024;

impl Location {
    /// Puts the address but for an offset on the stack, and returns that.
    fn put(self, writer: &mut Writer) -> u32 {
        match self {
            Location::Fixed(address) => {
                writer.sink().i32_const(0);
                address
            }
            Location::Listed { place, bytes } => {
                writer.sink().i32_const(0).i32_load(argument(place, 2));
                bytes
            }
        }
    }
}

impl Move {
    fn write(&self, writer: &mut Writer) {
        let mut done = 0;
        while done < self.bytes {
            let width = [16, 8, 4, 1].into_iter().find(|width| done + width <= self.bytes).unwrap_or(1);
            let to = self.to.put(writer) + done;
            let from = self.from.put(writer) + done;
            match width {
                16 => writer.sink().v128_load(argument(from, 0)).v128_store(argument(to, 0)),
                8 => writer.sink().i64_load(argument(from, 0)).i64_store(argument(to, 0)),
                4 => writer.sink().i32_load(argument(from, 0)).i32_store(argument(to, 0)),
                _ => writer.sink().i32_load8_u(argument(from, 0)).i32_store8(argument(to, 0)),
            };
            done += width;
        }
    }
}

impl Repeat {
    pub fn function(&self) -> Function {
        let turn = 0;
        let mut writer = Writer { bytes: Vec::new(), pointers: 1, vectors: 0, free: Vec::new(), local: Vec::new(), reads: Vec::new() };
        self.first.iter().for_each(|copy| copy.write(&mut writer));
        for Advance { place, first, back, .. } in &self.advances {
            writer.sink().i32_const(0);
            let offset = first.put(&mut writer);
            writer.sink().i32_const(offset as i32).i32_add().i32_const(*back).i32_sub().i32_store(argument(*place, 2));
        }
        writer.sink().i32_const(self.turns as i32).local_set(turn).block(BlockType::Empty).loop_(BlockType::Empty);
        for (at, &function) in self.functions.iter().enumerate() {
            self.leave(at, &mut writer);
            writer.sink().call(function);
        }
        self.leave(self.functions.len(), &mut writer);
        self.next.iter().for_each(|copy| copy.write(&mut writer));
        for Advance { place, step, .. } in &self.advances {
            writer.sink().i32_const(0).i32_const(0).i32_load(argument(*place, 2));
            writer.sink().i32_const(*step).i32_add().i32_store(argument(*place, 2));
        }
        writer.sink().local_get(turn).i32_const(1).i32_sub().local_tee(turn).br_if(0).end().end();
        writer.finish()
    }

    /// Ends the loop, where it is to be tested before the function `at`, and the test fails.
    fn leave(&self, at: usize, writer: &mut Writer) {
        if let Some((behind, place)) = self.test.filter(|&(behind, _)| behind == at) {
            debug_assert!(behind <= self.functions.len());
            let offset = place.put(writer);
            writer.sink().i32_load8_u(argument(offset, 0)).i32_eqz().br_if(1);
        }
    }
}
