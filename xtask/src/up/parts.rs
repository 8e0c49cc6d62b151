//! The programs that make up the stack, and how the control plane's one is called.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::{Resource, getrlimit};
use supervisor::leash;
use supervisor::process::{self, Output};

use super::settings::Settings;
use crate::cargo::{self, Profile};
use crate::{filter, tools};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
const UPSTREAM: &str = "UPSTREAM_URL";
const UPSTREAM_FLAG: &str = "--upstream-url";

/// The program `flowguard` with the user's settings.
#[derive(Debug)]
pub(crate) struct Flowguard {
    program: PathBuf,
    settings: Vec<String>,
    /// Settings that this command chooses, where the user has not.
    chosen: Vec<(&'static str, String)>,
}

/// Builds the control plane.
pub(crate) fn control_plane(settings: Vec<String>, demo: bool) -> Result<Flowguard> {
    let program = cargo::build_program("flowguard", Profile::Release)?;
    let mut flowguard = Flowguard { program, settings, chosen: Vec::new() };
    if let Some(connections) = connections_max(getrlimit(Resource::Nofile).current) {
        flowguard.choose("ENVOY_CONNECTIONS_MAX", connections);
    }
    if demo {
        // What a vendor's SDK can read; a demo has no clients yet that rely on another form.
        flowguard.choose("ERROR_FORMAT", "auto".to_owned());
    }
    Ok(flowguard)
}

/// Half of the descriptors that a process may have, since a connection of a client takes one more
/// to the upstream; nothing where the setting's own default is less.
fn connections_max(descriptors: Option<u64>) -> Option<String> {
    const DEFAULT: u64 = 50_000;
    let half = descriptors? / 2;
    (half < DEFAULT).then(|| half.max(1).to_string())
}

impl Flowguard {
    /// Forwards to `url` from here on.
    pub(crate) fn forward_to(&mut self, url: String) {
        self.choose(UPSTREAM, url);
    }

    /// Keeps in `folder` what outlives the control plane, unless the user has a folder for that.
    pub(crate) fn keep_in(&mut self, folder: &Path) {
        self.choose("DATA_DIR", folder.display().to_string());
    }

    /// Sets a setting that has no flag, or whose flag is not given, unless a variable does.
    fn choose(&mut self, name: &'static str, value: String) {
        if variable(name).is_none() {
            self.chosen.push((name, value));
        }
    }

    /// The settings in effect. The error is the program's own when it refuses one.
    pub(crate) fn settings(&self) -> Result<Settings> {
        self.ask(&["settings"]).map(|answer| Settings::parse(&answer.stdout))
    }

    /// What the program has to say of the environment, a line each: of a variable, say, that is
    /// misspelt.
    pub(crate) fn warnings(&self) -> Result<String> {
        self.ask(&["settings"]).map(|answer| answer.stderr)
    }

    /// A complete Envoy configuration that loads the filter from `filter`.
    pub(crate) fn envoy_config(&self, filter: &str) -> Result<String> {
        self.ask(&["envoy-config", "--filter", filter]).map(|answer| answer.stdout)
    }

    /// The control plane as a program that ends with xtask.
    pub(crate) fn serve(&self) -> Command {
        let mut command = leash::leashed(&self.program);
        self.configure(command.arg("serve"));
        command
    }

    fn ask(&self, question: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.program);
        self.configure(command.args(question));
        let output = process::output(&mut command, ANSWER_TIMEOUT)?;
        if !output.status.success() {
            let said = output.stderr.trim();
            // A refused setting is one line already; "error:" is what xtask puts before it.
            bail!("{}", said.strip_prefix("error: ").unwrap_or(said));
        }
        Ok(output)
    }

    /// The settings come last, where one that lacks its value can't take the command for it.
    fn configure(&self, command: &mut Command) {
        command.args(&self.settings);
        for (name, value) in &self.chosen {
            command.env(name, value);
        }
    }
}

/// Everything that has to be there before the first program starts.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) flowguard: Flowguard,
    pub(crate) filter: PathBuf,
    pub(crate) envoy: PathBuf,
    /// The mock LLM, where traffic is to go there.
    pub(crate) mock: Option<PathBuf>,
}

impl Parts {
    /// Builds and installs what is missing.
    pub(crate) fn get(flowguard: Flowguard, demo: bool) -> Result<Self> {
        let given = upstream_is_given(&flowguard.settings, variable(UPSTREAM).as_deref());
        if demo && given {
            eprintln!("{UPSTREAM} is set: no mock LLM is started");
        }
        let mock = (demo && !given)
            .then(|| cargo::build_program("mock-llm", Profile::Release))
            .transpose()?;
        Ok(Self { flowguard, filter: filter::build()?, envoy: tools::envoy()?, mock })
    }
}

/// What the environment says of a setting.
fn variable(name: &str) -> Option<String> {
    let given = |name: &str| env::var(name).ok();
    given(&format!("FLOWGUARD_{name}")).or_else(|| given(name))
}

fn upstream_is_given(settings: &[String], variable: Option<&str>) -> bool {
    let flag = |argument: &String| {
        argument
            .strip_prefix(UPSTREAM_FLAG)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    variable.is_some_and(|url| !url.is_empty()) || settings.iter().any(flag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(settings: &[&str], variable: Option<&str>) -> bool {
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        upstream_is_given(&settings, variable)
    }

    #[test]
    fn connections_are_bound_by_half_of_the_descriptors() {
        assert_eq!(connections_max(Some(1024)).as_deref(), Some("512"));
        assert_eq!(connections_max(Some(1)).as_deref(), Some("1"));
        assert_eq!(connections_max(Some(100_000)), None);
        assert_eq!(connections_max(None), None, "descriptors without a limit");
    }

    #[test]
    fn the_user_s_upstream_is_seen_as_flag_and_as_variable() {
        assert!(given(&["--upstream-url", "http://h"], None));
        assert!(given(&["--proxy-port", "1", "--upstream-url=http://h"], None));
        assert!(given(&[], Some("http://h")));
    }

    #[test]
    fn no_upstream_is_given_by_other_settings_or_an_empty_variable() {
        assert!(!given(&["--proxy-port", "8081"], None));
        assert!(!given(&["--upstream-urls", "x"], None));
        assert!(!given(&[], Some("")));
    }
}
