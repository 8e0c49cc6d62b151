//! Clients in a file: what it says, what is wrong with it, and what becomes of both.

mod document;
mod notation;
mod owned;
mod validate;
