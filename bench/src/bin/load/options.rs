//! What the load is to be.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Parser;
use http::{Method, Uri};

/// The most tokens that a request may announce: the proxy refuses more as a wrong header.
const TOKENS_MAX: u64 = 1_000_000_000_000;

/// The most clients of one load: each is asked for, and has its lines in the table.
const CLIENTS_MAX: usize = 100;

/// Sends requests as one client or several, and shows how they were answered.
#[derive(Clone, Debug, Parser)]
#[command(name = "load", bin_name = "cargo xtask load", version)]
pub(crate) struct Options {
    /// The clients that the requests are sent as, in turn, at most 100; they must be configured
    #[arg(value_name = "CLIENT", default_value = "demo-client", num_args = 1..=CLIENTS_MAX,
        value_parser = client_id)]
    pub(crate) clients: Vec<String>,
    /// The model that the requests are for: chats on Azure's path, of which the mock LLM says that
    /// they used their estimates. Given several times, each client asks for each in turn
    #[arg(long = "model", value_name = "NAME", value_parser = model,
        conflicts_with_all = ["method", "path"])]
    pub(crate) models: Vec<String>,
    /// How many requests to send, at most a million
    #[arg(long, value_name = "N", default_value = "50", value_parser = requests)]
    pub(crate) requests: NonZeroU32,
    /// The token estimate of each request
    #[arg(long, value_name = "T", default_value_t = 100,
        value_parser = clap::value_parser!(u64).range(..=TOKENS_MAX))]
    pub(crate) tokens: u64,
    /// Requests a second: each is sent at its time, whether or not the ones before are answered
    #[arg(long, value_name = "R", default_value = "10", value_parser = rate)]
    pub(crate) rate: Rate,
    /// The method of each request; a GET gives its tokens back when it has ended
    #[arg(long, default_value = "POST")]
    pub(crate) method: Method,
    /// The path of each request, with its query
    #[arg(long, default_value = "/test", value_parser = path)]
    pub(crate) path: String,
    /// The proxy; by default the one on this machine.
    #[arg(long, value_name = "URL", value_parser = origin,
        help = "The proxy [default: http://localhost:$PROXY_PORT]")]
    pub(crate) url: Option<Origin>,
    /// The REST API, which is asked for the clients' limits; by default the one on this machine.
    #[arg(long, value_name = "URL", value_parser = origin,
        help = "Who is asked for the clients' limits [default: http://localhost:$CONFIG_PORT]")]
    pub(crate) config_url: Option<Origin>,
    /// The proxy's port on this machine
    #[arg(long, env = "PROXY_PORT", default_value_t = 8080, hide = true)]
    pub(crate) proxy_port: u16,
    /// The REST API's port on this machine
    #[arg(long, env = "CONFIG_PORT", default_value_t = 9091, hide = true)]
    pub(crate) config_port: u16,
    /// How many seconds an answer may take
    #[arg(long, value_name = "S", default_value_t = 30,
        value_parser = clap::value_parser!(u16).range(1..=600))]
    pub(crate) timeout: u16,
}

impl Options {
    /// Where the requests go.
    pub(crate) fn proxy(&self) -> Origin {
        self.url.clone().unwrap_or_else(|| Origin::local(self.proxy_port))
    }

    /// Where the clients' limits are read.
    pub(crate) fn rest_api(&self) -> Origin {
        self.config_url.clone().unwrap_or_else(|| Origin::local(self.config_port))
    }

    /// How long an answer may take.
    pub(crate) fn answer_timeout(&self) -> Duration {
        Duration::from_secs(self.timeout.into())
    }
}

/// Requests a second, above 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate(f64);

impl Rate {
    /// When a request is due, counted from the first one, whose number is 0.
    pub(crate) fn due(self, number: u32) -> Duration {
        Duration::from_secs_f64(f64::from(number) / self.0)
    }
}

/// Scheme, host and port of an HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// As it goes before a path.
    pub(crate) text: String,
    /// The name or the address, an IPv6 address without its brackets.
    pub(crate) host: String,
    /// The port, 80 where none is written.
    pub(crate) port: u16,
}

impl Origin {
    fn local(port: u16) -> Self {
        Self { text: format!("http://localhost:{port}"), host: "localhost".to_owned(), port }
    }
}

fn client_id(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._:@-+|=/~".contains(c);
    let is_segment = matches!(text, "." | "..");
    if (1..=128).contains(&text.len()) && text.chars().all(allowed) && !is_segment {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~, but not . or .. alone"
            .to_owned())
    }
}

fn model(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._:@+=~/-".contains(c);
    // A path with a segment of dots names no model.
    let is_segment = matches!(text, "." | "..");
    if (1..=128).contains(&text.len()) && text.chars().all(allowed) && !is_segment {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ + = ~ / -, but not . or .. alone"
            .to_owned())
    }
}

fn requests(text: &str) -> Result<NonZeroU32, String> {
    let number = text.parse().ok().filter(|number: &NonZeroU32| number.get() <= 1_000_000);
    number.ok_or_else(|| "must be a whole number from 1 to 1000000".to_owned())
}

fn rate(text: &str) -> Result<Rate, String> {
    let rate = text.parse().ok().filter(|rate| (0.01..=10_000.0).contains(rate));
    rate.map(Rate).ok_or_else(|| "must be a number from 0.01 to 10000".to_owned())
}

fn path(text: &str) -> Result<String, String> {
    let valid = text.starts_with('/') && text.parse::<Uri>().is_ok();
    if valid { Ok(text.to_owned()) } else { Err("must be a path that starts with /".to_owned()) }
}

fn origin(text: &str) -> Result<Origin, String> {
    let wrong = || "must be http://HOST[:PORT], without a path".to_owned();
    let uri = text.parse::<Uri>().map_err(|_| wrong())?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    let user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if uri.scheme_str() != Some("http") || !matches!(path, "" | "/") || user {
        return Err(wrong());
    }
    Ok(Origin {
        text: text.trim_end_matches('/').to_owned(),
        host: host.trim_matches(['[', ']']).to_owned(),
        port: uri.port_u16().unwrap_or(80),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(arguments: &[&str]) -> String {
        let line = ["load"].iter().chain(arguments);
        let error = Options::try_parse_from(line).expect_err("a wrong argument");
        error.to_string().lines().next().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_wrong_argument_is_one_line_with_what_is_allowed() {
        assert_eq!(
            refused(&["--rate", "0"]),
            "error: invalid value '0' for '--rate <R>': must be a number from 0.01 to 10000"
        );
        for (arguments, allowed) in [
            (["--rate", "NaN"], "from 0.01 to 10000"),
            (["--rate", "inf"], "from 0.01 to 10000"),
            (["--requests", "0"], "from 1 to 1000000"),
            (["--requests", "1000001"], "from 1 to 1000000"),
            (["--tokens", "1000000000001"], "1000000000000"),
            (["--path", "test"], "starts with /"),
            (["--url", "https://localhost"], "must be http://HOST"),
            (["--url", "http://localhost/v1"], "must be http://HOST"),
            (["--url", "localhost:8080"], "must be http://HOST"),
            (["--requests=1", "no client"], "A-Z a-z 0-9"),
            (["--model", "no model"], "A-Z a-z 0-9"),
            (["--model", ".."], "not . or .. alone"),
            (["--model=m", "--path=/v1"], "cannot be used with '--path"),
        ] {
            let line = refused(&arguments);
            assert!(line.contains(allowed), "{arguments:?}: {line}");
        }
    }

    #[test]
    fn a_load_has_a_hundred_clients_at_most() {
        let clients: Vec<String> = (0..=CLIENTS_MAX).map(|number| format!("c{number}")).collect();
        let mut line: Vec<&str> = clients.iter().map(String::as_str).collect();
        refused(&line);
        line.pop();
        line.insert(0, "load");
        let options = Options::try_parse_from(line).expect("as many as it may have");
        assert_eq!(options.clients.len(), CLIENTS_MAX);
    }

    #[test]
    fn requests_are_due_at_their_rate() {
        let rate = rate("4").expect("a rate");
        assert_eq!(rate.due(0), Duration::ZERO);
        assert_eq!(rate.due(6), Duration::from_millis(1500));
    }

    #[test]
    fn a_port_is_80_unless_it_is_written() {
        let port = |text| origin(text).expect("an origin").port;
        assert_eq!(port("http://[::1]:8080/"), 8080);
        assert_eq!(port("http://proxy.example"), 80);
        assert_eq!(origin("http://[::1]:8080/").expect("an origin").host, "::1");
    }
}
