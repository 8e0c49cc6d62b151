//! axe, which finds in a page what keeps people out who do not see it, or use no mouse.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::python::Wheel;

/// The variable that names the script; tests read the same one.
pub(crate) const VARIABLE: &str = "AXE_JS";

/// A wheel that brings the script along, of which nothing else is used.
const WHEEL: Wheel = Wheel {
    project: "axe-playwright-python",
    version: "0.1.8",
    file: "axe_playwright_python/axe.min.js",
};

/// The path of `axe.min.js`: `$AXE_JS`, else a private copy.
pub(crate) fn axe() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        if !Path::new(&path).is_file() {
            bail!("{VARIABLE} is {}, which is no file", path.display());
        }
        return Ok(std::path::absolute(&path).unwrap_or_else(|_| path.into()));
    }
    WHEEL.script().with_context(|| {
        format!(
            "can't get axe (the axe.min.js of npm's axe-core can be named with {VARIABLE}=PATH)"
        )
    })
}
