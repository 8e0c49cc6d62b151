//! The files of the state: what is found again, whatever dies.

mod broken_disk;
mod crash_points;
mod crashes;
mod damage;
mod folder;
mod frames;
mod golden;
mod journal;
mod things;
mod threads;
mod world;
