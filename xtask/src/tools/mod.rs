//! The programs that `FlowGuard` is run and tested with: what the user brings along, else what the
//! machine has, else a private copy.

pub(crate) mod cxx;
pub(crate) mod target;
pub(crate) mod wasm_toolchain;

mod buf;
mod charts;
mod envoy;
mod jq;
mod prometheus;
mod sdks;
mod skopeo;
mod wrk;

mod debian;
mod debian_program;
mod private_copy;
mod python;
mod search;

use anyhow::Result;

pub(crate) use self::buf::buf;
pub(crate) use self::charts::chart_python;
pub(crate) use self::envoy::envoy;
pub(crate) use self::jq::jq;
pub(crate) use self::prometheus::prometheus;
pub(crate) use self::sdks::sdk_python;
pub(crate) use self::skopeo::skopeo;
pub(crate) use self::wrk::wrk;

/// `cargo xtask envoy`
pub(crate) fn print_envoy() -> Result<()> {
    println!("{}", envoy()?.display());
    Ok(())
}

/// `cargo xtask tools`
pub(crate) fn print_all() -> Result<()> {
    for (variable, path) in [
        (envoy::TOOL.variable, envoy()?),
        (buf::TOOL.variable, buf()?),
        (prometheus::TOOL.variable, prometheus()?),
        (sdks::LIBRARIES.variable, sdk_python()?),
        (charts::LIBRARIES.variable, chart_python()?),
        (skopeo::TOOL.variable, skopeo()?),
        (wrk::TOOL.variable, wrk()?),
        (jq::TOOL.variable, jq()?),
    ] {
        println!("{variable}={}", path.display());
    }
    Ok(())
}
