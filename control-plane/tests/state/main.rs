//! The files of the state: what is found again, whatever dies.

mod broken_disk;
mod crashes;
mod damage;
mod golden;
mod journal;
mod random;
mod things;
mod world;
