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
const PREFIX: &str = "FLOWGUARD_";
const UPSTREAM: &str = "UPSTREAM_URL";
const UPSTREAM_FLAG: &str = "--upstream-url";

/// The program `flowguard` with the user's settings.
#[derive(Debug)]
pub(crate) struct Flowguard {
    program: PathBuf,
    settings: Vec<String>,
    /// Settings that this command chooses, where the user has not.
    chosen: Vec<(String, String)>,
}

/// Builds the control plane, unless it is built.
pub(crate) fn control_plane(
    built: Option<&Built>,
    settings: Vec<String>,
    demo: bool,
) -> Result<Flowguard> {
    let program = match built {
        Some(built) => built.flowguard(),
        None => cargo::build_program("flowguard", Profile::Release)?,
    };
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
    fn choose(&mut self, name: &str, value: String) {
        if variable(name).is_none() {
            self.chosen.push((name.to_owned(), value));
        }
    }

    /// Shares what is at `url` with others, all of which are asked for decisions.
    pub(crate) fn share(&mut self, url: String, control_planes: String) -> Result<()> {
        for name in ["STORE_URL", "CONTROL_PLANES"] {
            let flag = format!("--{}", name.to_ascii_lowercase().replace('_', "-"));
            let is_flag = |given: &String| {
                given
                    .strip_prefix(&flag)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
            };
            if variable(name).is_some_and(|value| !value.is_empty())
                || self.settings.iter().any(is_flag)
            {
                bail!("{name} is set, and --scale starts a store and control planes of its own");
            }
        }
        self.chosen.push(("FLOWGUARD_STORE_URL".to_owned(), url));
        self.chosen.push(("FLOWGUARD_CONTROL_PLANES".to_owned(), control_planes));
        Ok(())
    }

    /// Another one with the same settings but for these.
    pub(crate) fn another(&self, changes: &[(&str, String)]) -> Result<Self> {
        let settings = self.settings()?;
        let same =
            settings.iter().filter(|(name, _)| changes.iter().all(|(other, _)| other != name));
        let same = same.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let changes = changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let chosen = same.chain(changes).map(|(name, value)| (strongest(&name), value));
        let program = self.program.clone();
        Ok(Self { program, settings: Vec::new(), chosen: chosen.collect() })
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

/// The variable of a setting that goes before all others that the user may have set.
fn strongest(name: &str) -> String {
    if name.starts_with(PREFIX) { name.to_owned() } else { format!("{PREFIX}{name}") }
}

/// What is built already: by a test, or by a release.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    /// The folder of the programs.
    pub(crate) programs: PathBuf,
    pub(crate) filter: PathBuf,
}

impl Built {
    fn flowguard(&self) -> PathBuf {
        self.programs.join("flowguard")
    }

    fn mock(&self) -> PathBuf {
        self.programs.join("mock-llm")
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
    pub(crate) fn get(flowguard: Flowguard, built: Option<&Built>, demo: bool) -> Result<Self> {
        let given = upstream_is_given(&flowguard.settings, variable(UPSTREAM).as_deref());
        if demo && given {
            eprintln!("{UPSTREAM} is set: no mock LLM is started");
        }
        let mock = || match built {
            Some(built) => Ok(built.mock()),
            None => cargo::build_program("mock-llm", Profile::Release),
        };
        let mock = (demo && !given).then(mock).transpose()?;
        let filter = match built {
            Some(built) => built.filter.clone(),
            None => filter::build()?,
        };
        Ok(Self { flowguard, filter, envoy: tools::envoy()?, mock })
    }
}

/// What the environment says of a setting.
fn variable(name: &str) -> Option<String> {
    let given = |name: &str| env::var(name).ok();
    given(&strongest(name)).or_else(|| given(name))
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
