//! The programs that `FlowGuard` is run and tested with: what the user brings along, else what the
//! machine has, else a private copy.

pub(crate) mod cxx;
pub(crate) mod target;
pub(crate) mod wasm_toolchain;

mod axe;
mod buf;
mod charts;
mod chromium;
mod envoy;
mod jq;
mod prometheus;
mod redis;
mod schemathesis;
mod sdks;
mod skopeo;
mod valkey;
mod wrk;

mod debian;
mod debian_program;
mod private_copy;
mod python;
mod search;

use std::path::PathBuf;

use anyhow::Result;

pub(crate) use self::envoy::{TOOL as ENVOY, envoy};
pub(crate) use self::prometheus::prometheus;
pub(crate) use self::redis::{TOOL as REDIS, redis};
pub(crate) use self::wrk::{TOOL as WRK, wrk};

/// The foreign clients of the tests, by the variables that name them.
pub(crate) fn for_tests() -> Result<Vec<(&'static str, PathBuf)>> {
    let mut tools = vec![
        (buf::TOOL.variable, buf::buf()?),
        (prometheus::TOOL.variable, prometheus::prometheus()?),
        (sdks::LIBRARIES.variable, sdks::sdk_python()?),
        (charts::LIBRARIES.variable, charts::chart_python()?),
        (schemathesis::LIBRARIES.variable, schemathesis::schemathesis_python()?),
        (skopeo::TOOL.variable, skopeo::skopeo()?),
        (jq::TOOL.variable, jq::jq()?),
    ];
    tools.extend(chromium::chromium()?);
    tools.push((axe::VARIABLE, axe::axe()?));
    tools.extend(store_servers()?);
    Ok(tools)
}

/// The servers of a shared store, of which Valkey is not for every machine.
pub(crate) fn store_servers() -> Result<Vec<(&'static str, PathBuf)>> {
    let redis = (redis::TOOL.variable, redis::redis()?);
    let valkey = valkey::valkey()?.map(|path| (valkey::TOOL.variable, path));
    Ok([redis].into_iter().chain(valkey).collect())
}

/// `cargo xtask envoy`
pub(crate) fn print_envoy() -> Result<()> {
    println!("{}", envoy()?.display());
    Ok(())
}

/// `cargo xtask tools`
pub(crate) fn print_all() -> Result<()> {
    let others = [(ENVOY.variable, envoy()?), (WRK.variable, wrk()?)];
    for (variable, path) in for_tests()?.into_iter().chain(others) {
        println!("{variable}={}", path.display());
    }
    Ok(())
}
