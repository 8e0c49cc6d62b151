//! The vendors' own client libraries and `LangChain`'s, as their users have them.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::python::Libraries;

pub(crate) const VARIABLE: &str = "SDK_PYTHON";

const LIBRARIES: Libraries = Libraries {
    name: "sdks-openai-3.54.0-anthropic-2.12.0-langchain-openai-1.7.4-langchain-anthropic-1.7.10",
    requirements: &[
        "openai==3.54.0",
        "anthropic==2.12.0",
        "langchain-openai==1.7.4",
        "langchain-anthropic==1.7.10",
    ],
};

/// A Python that has them: `$SDK_PYTHON`, else a private copy.
pub(crate) fn sdk_python() -> Result<PathBuf> {
    match std::env::var_os(VARIABLE).filter(|python| !python.is_empty()) {
        Some(python) => Ok(PathBuf::from(python)),
        None => LIBRARIES.python().context(
            "can't install the SDKs (a Python that has openai, anthropic, langchain-openai and langchain-anthropic can be named with SDK_PYTHON=PATH)",
        ),
    }
}
