//! Records: which are asked for, what is in them, and how they are written.

mod ask;
mod columns;
mod fill;
mod rows;
mod stream;
mod write;

pub(crate) use ask::Ask;
pub(crate) use rows::{Place, Rows};
pub(crate) use stream::{Delivery, respond};
pub(crate) use write::write;
