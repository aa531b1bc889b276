//! The store in memory keeps the contract, at every page size; and the suite notices stores that
//! do not.

mod conforming;
mod deviating;
