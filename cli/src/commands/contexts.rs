//! `flowguard context`.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::{
    connection::ConnectionError,
    context::{self, Context, ContextError, Contexts},
    failure::Failure,
    output::{print, say, warn},
    server_url,
    table::Table,
    token::Token,
};

/// What is done with contexts.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ContextCommand {
    /// Give a server a name; the first one is in use from then on
    Add {
        /// The name
        #[arg(value_name = "NAME")]
        name: String,
        /// Its REST API, as in <https://flowguard.example:9091>
        #[arg(long, value_name = "URL")]
        server: String,
        /// The file of the token that it is shown
        #[arg(long, value_name = "PATH")]
        token_file: Option<PathBuf>,
        /// The authorities of its certificate, in PEM
        #[arg(long, value_name = "PATH")]
        ca_file: Option<PathBuf>,
    },
    /// Ask this server where none is named
    Use {
        /// The name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Show all; the one in use has a star
    List,
    /// Forget one
    #[command(visible_alias = "delete")]
    Remove {
        /// The name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

pub(super) fn run(command: ContextCommand) -> Result<(), Failure> {
    let path = context::path()?;
    let mut contexts = Contexts::read(&path)?;
    let done = match command {
        ContextCommand::List => return print(list(&contexts).as_bytes()),
        ContextCommand::Add { name, server, token_file, ca_file } => {
            context::check_name(&name)?;
            let server = server_url::read(&server).map_err(ConnectionError::from)?;
            if let Some(file) = &token_file {
                // A token in its place would be kept here for ever.
                Token::check_path(file)?;
            }
            let absolute =
                |path: Option<PathBuf>| path.map(|path| ContextError::absolute(&path)).transpose();
            let (token_file, ca_file) = (absolute(token_file)?, absolute(ca_file)?);
            warn_of_missing("the token's file", token_file.as_deref());
            warn_of_missing("the file of authorities", ca_file.as_deref());
            let is_used = contexts.current.get_or_insert_with(|| name.clone()) == &name;
            let context = Context { server, ca_file, token_file };
            let done = match contexts.contexts.insert(name.clone(), context) {
                Some(before) => format!("replaced; its server was {}", before.server),
                None => "added".to_owned(),
            };
            format!("context {name} was {done}{}", if is_used { "; it is in use" } else { "" })
        }
        ContextCommand::Use { name } => {
            contexts.named(&name)?;
            let done = format!("context {name} is in use");
            contexts.current = Some(name);
            done
        }
        ContextCommand::Remove { name } => {
            contexts.named(&name)?;
            contexts.contexts.remove(&name);
            if contexts.current.as_ref() == Some(&name) {
                contexts.current = None;
                format!("context {name} was removed; no context is in use now")
            } else {
                format!("context {name} was removed")
            }
        }
    };
    contexts.write(&path)?;
    say(&done);
    Ok(())
}

/// It may be written later.
fn warn_of_missing(what: &str, file: Option<&Path>) {
    if let Some(file) = file.filter(|file| !file.exists()) {
        warn(&format!("{what} {} is not there", file.display()));
    }
}

fn list(contexts: &Contexts) -> String {
    let mut table = Table::new(["", "CONTEXT", "SERVER", "TOKEN-FILE", "CA-FILE"]);
    for (name, Context { server, ca_file, token_file }) in &contexts.contexts {
        let is_used = contexts.current.as_ref() == Some(name);
        let path = |path: &Option<PathBuf>| {
            path.as_ref().map_or_else(|| "-".to_owned(), |path| path.display().to_string())
        };
        table.row([
            if is_used { "*" } else { " " }.to_owned(),
            name.clone(),
            server.to_string(),
            path(token_file),
            path(ca_file),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_in_use_has_a_star() {
        let mut contexts = Contexts { current: Some("b".to_owned()), ..Contexts::default() };
        for name in ["a", "b"] {
            let server = server_url::read(&format!("https://{name}:1")).unwrap();
            let token_file = (name == "b").then(|| "/t".into());
            contexts
                .contexts
                .insert(name.to_owned(), Context { server, ca_file: None, token_file });
        }
        assert_eq!(
            list(&contexts),
            "   CONTEXT  SERVER        TOKEN-FILE  CA-FILE\n\
             \u{20}  a        https://a:1/  -           -\n\
             *  b        https://b:1/  /t          -\n"
        );
    }
}
