//! `cargo xtask up`: the whole of FlowGuard on this machine until Ctrl-C.

mod http;
mod parts;
mod ports;
mod services;
mod settings;
mod stack;
mod summary;

use anyhow::Result;
use clap::Args;
use supervisor::interrupt::{self, Interrupted};

use self::parts::Parts;

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Send the traffic to a mock LLM on this machine, unless `UPSTREAM_URL` is set: no key and no
    /// internet needed
    #[arg(long)]
    demo: bool,
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
    let (demo, settings) = arguments.split();
    // The control plane first: it knows the settings, so a taken port is told before anything else
    // takes its time.
    let flowguard = parts::control_plane(settings, demo)?;
    eprint!("{}", flowguard.warnings()?);
    ports::check(&flowguard.settings()?)?;
    let parts = Parts::get(flowguard, demo)?;
    // Building takes minutes the first time; meanwhile a port may have been taken.
    let settings = parts.flowguard.settings()?;
    ports::check(&settings)?;
    if parts.mock.is_none() {
        settings.check_upstream_ca_file()?;
    }
    interrupt::check()?;
    stack::serve(parts, &settings)
}

impl Arguments {
    /// Whether `--demo` is given, and the settings. Everything after the first setting is a setting
    /// to clap, but a person may well write `--demo` last.
    fn split(&self) -> (bool, Vec<String>) {
        let (demos, settings): (Vec<_>, Vec<_>) =
            self.settings.iter().cloned().partition(|argument| argument == "--demo");
        (self.demo || !demos.is_empty(), settings)
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

    fn split(line: &[&str]) -> (bool, Vec<String>) {
        Line::parse_from([&["up"], line].concat()).arguments.split()
    }

    #[test]
    fn demo_is_understood_before_and_after_the_settings() {
        let settings = ["--proxy-port".to_owned(), "8081".to_owned()];
        for line in [["--demo", "--proxy-port", "8081"], ["--proxy-port", "8081", "--demo"]] {
            assert_eq!(split(&line), (true, settings.to_vec()), "{line:?}");
        }
        assert_eq!(split(&["--proxy-port", "8081"]), (false, settings.to_vec()));
        assert_eq!(split(&[]), (false, vec![]));
    }
}
