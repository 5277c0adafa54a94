//! The engine through its own interface, without WebAssembly: levels, parameters, and what values, session, tape and sweep guarantee.

mod nesting;
mod parameters;
mod session;
mod support;
mod sweep;
mod tape;
mod values;
