//! The command line against a running control plane: what it asks, what it shows, and how it ends.

mod completions;
mod contexts;
mod documents;
mod endings;
mod events;
mod help;
mod hostile;
mod picture;
mod secured;
mod stub;
mod terminal;
mod transcripts;
mod world;
