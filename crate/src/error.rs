//! Typed failures. The numbers are part of the boundary with TypeScript, which turns each into a class of its own.

use crate::opcode::Op;
use std::fmt;

macro_rules! error_codes {
    ($($name:ident = $number:literal, $class:literal, $code:literal;)+) => {
        /// What kind of failure. TypeScript learns numbers, classes and codes from `ALL`.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u32)]
        pub enum ErrorCode {
            $(#[doc = $class] $name = $number),+
        }

        impl ErrorCode {
            /// Each with the name of its class and the code that programs compare: literals, which no renaming changes.
            pub const ALL: &[(ErrorCode, &'static str, &'static str)] = &[$((ErrorCode::$name, $class, $code)),+];
        }
    };
}

error_codes! {
    Shape = 1, "ShapeError", "SHAPE";
    DType = 2, "DTypeError", "DTYPE";
    Index = 3, "IndexError", "INDEX";
    Value = 4, "ValueError", "VALUE";
    Disposed = 5, "DisposedError", "DISPOSED";
    Escaped = 6, "EscapedValueError", "ESCAPED_VALUE";
    Traced = 7, "TracedValueError", "TRACED_VALUE";
    NotDifferentiable = 8, "NotDifferentiableError", "NOT_DIFFERENTIABLE";
    OutOfMemory = 9, "OutOfMemoryError", "OUT_OF_MEMORY";
    Anomaly = 10, "AnomalyError", "ANOMALY";
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

    /// Names the op. A composite names itself over the primitive that failed inside it: what the user typed.
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
