//! `flowguard data …` as processes: what they say, what they leave, and how they end.

mod backup;
mod both;
mod folder;
mod import;
mod store;
mod tokens;
mod world;
