//! The forms that text may have to have: dates, times, descriptor values.
//!
//! Each is checked byte by byte without building a value. Nothing here knows schemas.

mod date;
mod descriptor;

pub(crate) use date::{DateFault, date, date_time, time};
pub(crate) use descriptor::{
    DescriptorFault, code_value, descriptor, ends_with, is_usual, namespace,
};
