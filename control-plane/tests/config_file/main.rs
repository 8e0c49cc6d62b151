//! Clients in a file: what it says, what is wrong with it, and what becomes of both.

mod any_bytes;
mod credentials;
mod document;
mod limits;
mod notation;
mod owned;
mod validate;
mod watch;
