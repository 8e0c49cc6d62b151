//! The real parts that tests and benchmarks run, handed to them in environment variables.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::cargo::{self, Profile};
use crate::{filter, tools};

/// Variables and the files that they name.
#[derive(Debug, Default)]
pub(crate) struct Parts(Vec<(&'static str, PathBuf)>);

impl Parts {
    /// Builds the filter.
    pub(crate) fn add_filter(&mut self) -> Result<()> {
        self.0.push(("FLOWGUARD_FILTER", filter::build()?));
        Ok(())
    }

    /// Builds the control plane.
    pub(crate) fn add_control_plane(&mut self, profile: Profile) -> Result<()> {
        self.0.push(("FLOWGUARD_BIN", cargo::build_program("flowguard", profile)?));
        Ok(())
    }

    /// Finds or installs Envoy.
    pub(crate) fn add_envoy(&mut self) -> Result<()> {
        self.0.push((tools::ENVOY.variable, tools::envoy()?));
        Ok(())
    }

    /// Finds or installs the foreign clients of the tests.
    pub(crate) fn add_test_tools(&mut self) -> Result<()> {
        self.0.extend(tools::for_tests()?);
        Ok(())
    }

    /// Finds or installs Redis.
    pub(crate) fn add_redis(&mut self) -> Result<()> {
        self.0.push((tools::REDIS.variable, tools::redis()?));
        Ok(())
    }

    /// Finds or installs the servers of a shared store.
    pub(crate) fn add_store_servers(&mut self) -> Result<()> {
        self.0.extend(tools::store_servers()?);
        Ok(())
    }

    /// Finds or installs the load generator.
    pub(crate) fn add_wrk(&mut self) -> Result<()> {
        self.0.push((tools::WRK.variable, tools::wrk()?));
        Ok(())
    }

    /// Tells `command` where the parts are.
    pub(crate) fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.envs(self.0.iter().map(|(variable, path)| (variable, path)))
    }
}
