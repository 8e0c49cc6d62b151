//! Whom a command asks: what was given in the command line, in variables and in the file of contexts,
//! as one connection.

use std::{
    env,
    path::{Path, PathBuf},
};

use http::StatusCode;
use serde_json::{Map, Value};
use url::Url;

use crate::{
    call::Call,
    connection::{Answer, Connection, ConnectionError},
    context::{self, Context, Contexts},
    failure::{Failure, Refusal},
    json,
    options::{Format, Options},
    output::{self, View, warn},
    server_url,
    token::Token,
};

/// Where a control plane listens that nobody configured.
const DEFAULT_SERVER: &str = "http://localhost:9091";

/// A connection, and how answers are shown.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) connection: Connection,
}

/// Whom a command asks, and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    server: Url,
    ca_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
}

/// What stands in variables.
#[derive(Clone, Debug, Default)]
struct Given {
    server: Option<String>,
    token_file: Option<PathBuf>,
}

impl Target {
    /// The command line counts before the variables, and these before the context in use. A context's
    /// token and authority are for its own server: they are never used for another one.
    fn of(
        options: &Options,
        given: Given,
        contexts: impl FnOnce() -> Result<Contexts, Failure>,
    ) -> Result<Self, Failure> {
        let server = options.server.clone();
        let server = server.or_else(|| given.server.filter(|_| options.context.is_none()));
        let context = match (&options.context, &server) {
            (Some(name), _) => Some(contexts()?.named(name)?.clone()),
            (None, Some(_)) => None,
            (None, None) => contexts()?.current()?.cloned(),
        };
        let is_named = options.context.is_some();
        let Context { server: known, ca_file, token_file } = context.unwrap_or(Context {
            server: server_url::read(server.as_deref().unwrap_or(DEFAULT_SERVER))
                .map_err(ConnectionError::from)?,
            ca_file: None,
            token_file: None,
        });
        let of_variable = given.token_file;
        let token_file =
            if is_named { token_file.or(of_variable) } else { of_variable.or(token_file) };
        Ok(Self {
            server: known,
            ca_file: options.ca_file.clone().or(ca_file),
            token_file: options.token_file.clone().or(token_file),
        })
    }
}

impl Session {
    /// What is given in the command line, the variables and the context in use.
    pub(crate) fn open(options: &Options) -> Result<Self, Failure> {
        let text = |name| env::var(name).ok().filter(|value: &String| !value.is_empty());
        let path = env::var_os("FLOWGUARD_TOKEN_FILE").filter(|path| !path.is_empty());
        let given = Given { server: text("FLOWGUARD_SERVER"), token_file: path.map(PathBuf::from) };
        let contexts = || match context::path() {
            Ok(path) => Ok(Contexts::read(&path)?),
            // Nobody has a file there, and nobody named a context.
            Err(_) if options.context.is_none() => Ok(Contexts::default()),
            Err(error) => Err(error.into()),
        };
        let Target { server, ca_file, token_file } = Target::of(options, given, contexts)?;
        let token = token_file.as_deref().map(read_token).transpose()?;
        if token.is_some() && server.scheme() == "http" && !server_url::is_here(&server) {
            warn(&format!("the token goes to {server} without TLS, where others may read it"));
        }
        Ok(Self { connection: Connection::new(server, ca_file.as_deref(), token)? })
    }

    /// What a call is answered that the server does not refuse.
    pub(crate) async fn call(&self, call: Call) -> Result<Answer, Failure> {
        let answer = self.connection.answer(call).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(Refusal::new(&answer, self.connection.token()).into())
    }

    /// What there is of a thing, and its tag; nothing where it is not there.
    pub(crate) async fn known(
        &self,
        path: &[&str],
    ) -> Result<(Map<String, Value>, Option<String>), Failure> {
        match self.call(Call::get(path)?).await {
            Ok(answer) => {
                let wrong =
                    |wrong| Failure::Answer { server: self.connection.server().to_string(), wrong };
                let known = json::read(&answer.body).map_err(wrong)?;
                Ok((known.as_object().cloned().unwrap_or_default(), answer.etag))
            }
            Err(Failure::Refused(refusal)) if refusal.status() == StatusCode::NOT_FOUND => {
                Ok((Map::new(), None))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Shows an answer.
    pub(crate) fn show(&self, format: Format, answer: &Answer, view: View) -> Result<(), Failure> {
        output::show(format, self.connection.server(), &answer.body, view)
    }

    /// Calls, and shows the answer.
    pub(crate) async fn ask(&self, call: Call, format: Format, view: View) -> Result<(), Failure> {
        let answer = self.call(call).await?;
        self.show(format, &answer, view)
    }

    /// Calls what changes something: its message is words, and the rest of the answer is data.
    pub(crate) async fn change(
        &self,
        call: Call,
        format: Format,
        view: View,
    ) -> Result<(), Failure> {
        let answer = self.call(call).await?;
        self.show_change(format, &answer, view)
    }

    pub(crate) fn show_change(
        &self,
        format: Format,
        answer: &Answer,
        view: View,
    ) -> Result<(), Failure> {
        output::say_message(&answer.body, self.connection.token());
        self.show(format, answer, view)
    }
}

fn read_token(path: &Path) -> Result<Token, Failure> {
    let (token, seen) = Token::read(path)?;
    if let Some(seen) = seen {
        warn(&seen);
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contexts() -> Contexts {
        let mut contexts = Contexts { current: Some("used".to_owned()), ..Contexts::default() };
        for name in ["used", "other"] {
            let context = Context {
                server: Url::parse(&format!("https://{name}")).unwrap(),
                ca_file: Some(format!("/{name}.ca").into()),
                token_file: Some(format!("/{name}.token").into()),
            };
            contexts.contexts.insert(name.to_owned(), context);
        }
        contexts
    }

    #[track_caller]
    fn check(options: &Options, given: Given, server: &str, ca: Option<&str>, token: Option<&str>) {
        let target = Target::of(options, given, || Ok(contexts())).unwrap();
        let expected = Target {
            server: Url::parse(server).unwrap(),
            ca_file: ca.map(PathBuf::from),
            token_file: token.map(PathBuf::from),
        };
        assert_eq!(target, expected);
    }

    #[test]
    fn the_command_line_counts_before_the_variables_and_these_before_the_context() {
        let none = Options::default;
        let named = Options { context: Some("other".to_owned()), ..none() };
        let server = Options { server: Some("http://line".to_owned()), ..none() };
        let file = Options { token_file: Some("/line.token".into()), ..none() };
        let variables =
            || Given { server: Some("http://v".to_owned()), token_file: Some("/v.token".into()) };
        let token = || Given { server: None, ..variables() };
        let used = (Some("/used.ca"), Some("/used.token"));
        check(&none(), Given::default(), "https://used", used.0, used.1);
        check(&none(), token(), "https://used", used.0, Some("/v.token"));
        check(&file, token(), "https://used", used.0, Some("/line.token"));
        check(&named, variables(), "https://other", Some("/other.ca"), Some("/other.token"));
        check(&none(), variables(), "http://v", None, Some("/v.token"));
        check(&server, token(), "http://line", None, Some("/v.token"));
    }

    #[test]
    fn the_token_of_a_context_goes_to_no_other_server() {
        let server = Options { server: Some("http://line".to_owned()), ..Options::default() };
        check(&server, Given::default(), "http://line", None, None);
    }

    #[test]
    fn without_anything_it_is_the_control_plane_of_this_machine() {
        let target =
            Target::of(&Options::default(), Given::default(), || Ok(Contexts::default())).unwrap();
        assert_eq!(target.server.as_str(), "http://localhost:9091/");
    }
}
