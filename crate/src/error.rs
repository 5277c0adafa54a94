//! Typed failures. The numbers are part of the boundary with TypeScript, which turns each into a class of its own.

use crate::opcode::Op;
use std::fmt;

/// Stable numbers: TypeScript's `errors.ts` holds the same list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum ErrorCode {
    Shape = 1,
    DType = 2,
    Index = 3,
    Value = 4,
    Disposed = 5,
    Escaped = 6,
    Traced = 7,
    NotDifferentiable = 8,
    OutOfMemory = 9,
    Anomaly = 14,
}

/// What went wrong, and in which op. A message says what was given, what was expected and what to do.
#[derive(Clone, PartialEq, Debug)]
pub struct Error {
    pub code: ErrorCode,
    pub message: String,
    pub op: Option<Op>,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Error { code, message: message.into(), op: None }
    }

    pub fn shape(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Shape, message)
    }

    pub fn dtype(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::DType, message)
    }

    pub fn index(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Index, message)
    }

    pub fn value(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Value, message)
    }

    /// Names the op unless a deeper one was named already: the innermost op is not what the user typed,
    /// so the outermost dispatch may overwrite it (see `Engine::bind_named`).
    pub fn in_op(mut self, op: Op) -> Self {
        self.op = Some(op);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.op {
            Some(op) => write!(f, "{}: {}", op.name(), self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Error {}
