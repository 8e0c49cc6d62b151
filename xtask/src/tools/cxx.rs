//! The C++ compiler, which is the machine's or the user's.

use std::env;

use super::search;

/// Whether there is one, as the build scripts of libraries look for it.
pub(crate) fn is_here() -> bool {
    env::var_os("CXX").is_some() || search::on_path("c++").is_some()
}
