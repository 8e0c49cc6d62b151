//! Which limits apply to which requests: worked out when an operator writes, so that a decision
//! compares nothing.
//!
//! Clients of one group and plan are under the same limits: they are of one class (`class`), which
//! has the list of them for each model (`applied`). A write makes new lists and puts them in force;
//! a decision reads the list that it finds.

mod applied;
mod book;
mod class;
mod in_force;
mod models;
mod shelf;

pub(super) use applied::{Applied, Found, Look, Row};
pub(super) use book::{At, Changed, Lists, Named, Rules};
pub(super) use class::{Class, ClassKey};
pub(super) use in_force::{Counted, InForce, LimitNumber};
pub(super) use models::{KnownModels, ModelNumber};
