//! The script itself.

/// Its text.
pub const SCRIPT: &str = include_str!("script.lua");
