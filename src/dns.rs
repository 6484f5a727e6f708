//! The words of DNS that the crate shares: what can be asked, and what one look can answer.

mod look;

pub use look::{Look, RecordType, Value, normal};
