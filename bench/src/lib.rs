//! What the programs of the benchmark have in common.

pub mod bare_script;
