//! Backups: what is written down of clients and balances, and what is made of it.

mod any_bytes;
mod circle;
mod golden;
mod moment;
mod refusals;
mod world;
