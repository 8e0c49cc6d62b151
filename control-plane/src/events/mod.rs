//! What happens, told to those who listen while it happens.
//!
//! Events are numbered and stand in rings, one for each [`Topic`], which are all the memory that they
//! take: whoever listens reads there at a pace of their own ([`Subscriber`]), and is told what they
//! missed once a ring has gone on without them (ADR 34). The figures of clients and limits are looked
//! at only while somebody listens (`sampler.rs`); everything else is told by whoever does it.

mod about;
mod event;
mod failure;
mod figures;
mod filter;
mod hub;
mod id;
mod limit_figures;
mod listen;
mod replica_name;
mod ring;
mod rings;
mod sampler;
mod subscriber;
mod workers;

pub use about::About;
pub use event::{Topic, TopicName};
pub use filter::{ClientFilter, Filter};
pub use hub::{Events, NoPlace, Wish};
pub use id::EventId;
pub(crate) use limit_figures::LimitFigures;
pub use subscriber::{Subscriber, Told};
pub use workers::{Connected, WORKERS_MAX, WorkerSeen};
