//! Element types: float32 (the default), float64 (first class), int32, bool (one byte, 0 or 1).

use crate::error::{Error, Result};
use std::fmt;

/// The type of an array's elements; its number is the code TypeScript uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[repr(u8)]
pub enum DType {
    /// IEEE single precision, the default.
    Float32 = 0,
    /// IEEE double precision.
    Float64 = 1,
    /// Whole numbers, wrapping.
    Int32 = 2,
    /// One byte, 0 or 1.
    Bool = 3,
}

impl DType {
    /// By their codes; TypeScript's list is generated from this one.
    pub const ALL: [DType; 4] = [DType::Float32, DType::Float64, DType::Int32, DType::Bool];

    /// The type of a code; an error for a number that is none.
    pub fn from_code(code: f64) -> Result<DType> {
        let found = DType::ALL.into_iter().find(|&dtype| dtype as u8 as f64 == code);
        found.ok_or_else(|| Error::dtype(format!("unknown dtype code {code}; expected float32, float64, int32 or bool")))
    }

    /// Bytes of an element.
    pub fn size(self) -> usize {
        match self {
            DType::Float32 | DType::Int32 => 4,
            DType::Float64 => 8,
            DType::Bool => 1,
        }
    }

    /// Whether values of this type have derivatives.
    pub fn is_float(self) -> bool {
        matches!(self, DType::Float32 | DType::Float64)
    }

    /// Type promotion: bool < int32 < float32 < float64; the wider of the two wins.
    pub fn promote(self, other: DType) -> DType {
        fn order(d: DType) -> u8 {
            match d {
                DType::Bool => 0,
                DType::Int32 => 1,
                DType::Float32 => 2,
                DType::Float64 => 3,
            }
        }
        if order(self) >= order(other) {
            self
        } else {
            other
        }
    }

    /// The type functions like `exp` and `div` compute in: integers become float32.
    pub fn to_float(self) -> DType {
        if self.is_float() {
            self
        } else {
            DType::Float32
        }
    }

    /// As users write it.
    pub fn name(self) -> &'static str {
        match self {
            DType::Float32 => "float32",
            DType::Float64 => "float64",
            DType::Int32 => "int32",
            DType::Bool => "bool",
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A Rust type that a tensor can hold. `bool` is held as `u8` with the values 0 and 1.
pub trait Element: Copy + Default + PartialEq + 'static {
    const DTYPE: DType;
    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;
}

macro_rules! element {
    ($type:ty, $dtype:ident, $from:expr) => {
        impl Element for $type {
            const DTYPE: DType = DType::$dtype;
            fn from_f64(value: f64) -> Self {
                ($from)(value)
            }
            fn to_f64(self) -> f64 {
                self as f64
            }
        }
    };
}

element!(f32, Float32, |v: f64| v as f32);
element!(f64, Float64, |v: f64| v);
element!(i32, Int32, |v: f64| v as i32);
element!(u8, Bool, |v: f64| (v != 0.0) as u8);

/// Runs one generic body for the element type of a dtype: `with_type!(dtype, T: any => body)`. `T: number` leaves out bool and `T: float`
/// int32 too; a dtype that is left out is a bug of the caller, which returns it as an error.
#[macro_export]
macro_rules! with_type {
    ($dtype:expr, $T:ident: any => $body:expr) => {
        $crate::with_type!(@ $dtype, $T => $body, [Float32 f32, Float64 f64, Int32 i32, Bool u8] [])
    };
    ($dtype:expr, $T:ident: number => $body:expr) => {
        $crate::with_type!(@ $dtype, $T => $body, [Float32 f32, Float64 f64, Int32 i32] [Bool])
    };
    ($dtype:expr, $T:ident: float => $body:expr) => {
        $crate::with_type!(@ $dtype, $T => $body, [Float32 f32, Float64 f64] [Int32 Bool])
    };
    (@ $dtype:expr, $T:ident => $body:expr, [$($known:ident $type:ty),+] [$($refused:ident)*]) => {
        match $dtype {
            $($crate::dtype::DType::$known => {
                type $T = $type;
                $body
            })+
            $(dtype @ $crate::dtype::DType::$refused => return Err($crate::dtype::no_kernel(dtype)),)*
        }
    };
}

/// A kernel was asked for a dtype it is not there for: who calls it has settled the dtype before, so this is a bug of ours.
pub fn no_kernel(dtype: DType) -> Error {
    Error::dtype(format!("there is no kernel for {dtype}"))
}
