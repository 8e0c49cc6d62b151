//! `cargo xtask load`: requests of one client at a steady rate, to see a limit at work.
//!
//! The load generator is a program of the tests' crate, because it needs an HTTP client. It reads
//! and judges the values, so that they are known in one place.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::cargo::{self, Profile};
use supervisor::interrupt;

/// What to send, and where to.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The client that the requests are sent as [default: demo-client]
    client: Option<String>,
    /// How many requests to send [default: 50]
    #[arg(long, value_name = "N")]
    requests: Option<String>,
    /// The token estimate of each request [default: 100]
    #[arg(long, value_name = "T")]
    tokens: Option<String>,
    /// Requests a second: each is sent at its time, whether or not the ones before are answered
    /// [default: 10]
    #[arg(long, value_name = "R")]
    rate: Option<String>,
    /// The method of each request [default: GET]
    #[arg(long)]
    method: Option<String>,
    /// The path of each request, with its query [default: /test]
    #[arg(long)]
    path: Option<String>,
    #[arg(long, help = "The proxy [default: http://localhost:$PROXY_PORT]")]
    url: Option<String>,
    #[arg(
        long,
        value_name = "URL",
        help = "Who is asked for the client's limits [default: http://localhost:$CONFIG_PORT]"
    )]
    config_url: Option<String>,
    /// How many seconds an answer may take [default: 30]
    #[arg(long, value_name = "S")]
    timeout: Option<String>,
}

/// Builds the load generator and becomes it: Ctrl-C, the exit code and the terminal are then its
/// own.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let program = cargo::build_program("load", Profile::Release)?;
    interrupt::check()?;
    let mut command = Command::new(&program);
    command.args(arguments.line());
    Err(command.exec()).with_context(|| format!("can't run {}", program.display()))
}

impl Arguments {
    /// What was given, as the load generator reads it.
    fn line(&self) -> Vec<String> {
        let values = [
            ("--requests", &self.requests),
            ("--tokens", &self.tokens),
            ("--rate", &self.rate),
            ("--method", &self.method),
            ("--path", &self.path),
            ("--url", &self.url),
            ("--config-url", &self.config_url),
            ("--timeout", &self.timeout),
        ];
        let given = values.into_iter().filter_map(|(flag, value)| Some((flag, value.as_ref()?)));
        let flags = given.map(|(flag, value)| format!("{flag}={value}"));
        flags.chain(self.client.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_given_is_handed_on() {
        let arguments = Arguments {
            client: Some("a".to_owned()),
            requests: Some("5".to_owned()),
            tokens: None,
            rate: Some("-1".to_owned()),
            method: None,
            path: None,
            url: None,
            config_url: None,
            timeout: None,
        };
        assert_eq!(arguments.line(), ["--requests=5", "--rate=-1", "a"]);
    }
}
