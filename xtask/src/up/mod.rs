//! `cargo xtask up`: the whole of FlowGuard on this machine until Ctrl-C.

mod http;
mod parts;
mod ports;
mod prometheus;
mod redis;
mod scale;
mod services;
mod settings;
mod stack;
mod start;
mod summary;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use supervisor::interrupt::{self, Interrupted};

use self::parts::{Built, Parts};

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Send the traffic to a mock LLM on this machine, unless `UPSTREAM_URL` is set: no key and no
    /// internet needed
    #[arg(long)]
    demo: bool,
    /// Run two control planes and two Envoys over one Redis, with Prometheus beside them and the mock
    /// LLM behind, unless `UPSTREAM_URL` is set
    #[arg(long)]
    scale: bool,
    /// The folder of `flowguard` and `mock-llm`, where they are built already
    #[arg(long, value_name = "FOLDER", hide = true, requires = "filter")]
    programs: Option<PathBuf>,
    /// The filter, where it is built already
    #[arg(long, value_name = "FILE", hide = true, requires = "programs")]
    filter: Option<PathBuf>,
    /// Settings of the control plane, as `flowguard` takes them (--proxy-port 8081); variables work
    /// as well
    #[arg(value_name = "SETTINGS", trailing_var_arg = true, allow_hyphen_values = true)]
    settings: Vec<String>,
}

/// Builds what is missing, starts everything, and stops it in order on Ctrl-C or SIGTERM.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match build_and_serve(arguments) {
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("stopped");
            Ok(())
        }
        result => result,
    }
}

fn build_and_serve(arguments: &Arguments) -> Result<()> {
    let Wanted { demo, scale, settings } = arguments.split();
    let built = arguments.built();
    // The control plane first: it knows the settings, so a taken port is told before anything else
    // takes its time.
    let flowguard = parts::control_plane(built.as_ref(), settings, demo || scale)?;
    eprint!("{}", flowguard.warnings()?);
    ports::check(&flowguard.settings()?)?;
    let parts = Parts::get(flowguard, built.as_ref(), demo || scale)?;
    // Building takes minutes the first time; meanwhile a port may have been taken.
    let settings = parts.flowguard.settings()?;
    ports::check(&settings)?;
    if parts.mock.is_none() {
        settings.check_upstream_ca_file()?;
    }
    interrupt::check()?;
    if scale { scale::serve(parts, &settings) } else { stack::serve(parts, &settings) }
}

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    demo: bool,
    scale: bool,
    settings: Vec<String>,
}

impl Arguments {
    /// Everything after the first setting is a setting to clap, but a person may well write `--demo`
    /// last.
    fn split(&self) -> Wanted {
        let mut wanted = Wanted { demo: self.demo, scale: self.scale, settings: Vec::new() };
        for argument in &self.settings {
            match argument.as_str() {
                "--demo" => wanted.demo = true,
                "--scale" => wanted.scale = true,
                _ => wanted.settings.push(argument.clone()),
            }
        }
        wanted
    }

    fn built(&self) -> Option<Built> {
        let (programs, filter) = (self.programs.clone()?, self.filter.clone()?);
        Some(Built { programs, filter })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn split(line: &[&str]) -> Wanted {
        Line::parse_from([&["up"], line].concat()).arguments.split()
    }

    #[test]
    fn demo_and_scale_are_understood_before_and_after_the_settings() {
        let settings = ["--proxy-port".to_owned(), "8081".to_owned()];
        for (flag, demo) in [("--demo", true), ("--scale", false)] {
            for line in [[flag, "--proxy-port", "8081"], ["--proxy-port", "8081", flag]] {
                let expected = Wanted { demo, scale: !demo, settings: settings.to_vec() };
                assert_eq!(split(&line), expected, "{line:?}");
            }
        }
        let neither =
            |settings: &[String]| Wanted { demo: false, scale: false, settings: settings.to_vec() };
        assert_eq!(split(&["--proxy-port", "8081"]), neither(&settings));
        assert_eq!(split(&[]), neither(&[]));
    }
}
