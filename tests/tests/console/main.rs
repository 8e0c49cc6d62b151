//! The console in a real browser, on a real control plane. Each screen has a file.

mod client;
mod edit;
mod events;
mod everybody;
mod explain;
mod now;
mod page;
mod parts;
mod person;
mod pictures;
mod system;
