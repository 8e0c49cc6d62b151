//! Servers by a name of one's own, in a file: where each is, what its certificate is checked by, and in
//! which file its token stands. No token is in it.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs::{DirBuilder, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    message::in_one_line,
    own_file::{self, NotOwn},
    server_url,
};

/// A thousand servers have a hundred kilobytes.
const BYTES_MAX: u64 = 1_024 * 1_024;

/// Where the file is, below the folder of configurations.
const FILE: &str = "flowguard/contexts.yaml";

/// Whoever else may write it sends this user's tokens elsewhere, and who reads it knows where they are.
const MODE: u32 = 0o600;

/// All that is in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contexts {
    /// The one that is meant where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    #[serde(default)]
    pub(crate) contexts: BTreeMap<String, Context>,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    pub(crate) server: Url,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
}

/// What is wrong with the file, or with what is to be in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContextError {
    #[error("neither XDG_CONFIG_HOME nor HOME says where the file of contexts is: set one of them")]
    NoHome,
    #[error("the file of contexts {} cannot be {done}: {error}", path.display())]
    File { path: PathBuf, done: &'static str, error: io::Error },
    #[error(transparent)]
    NotOwn(#[from] NotOwn),
    #[error("the file of contexts {} is wrong: {reason}", path.display())]
    Wrong { path: PathBuf, reason: String },
    #[error("there is no context {name}: {known}")]
    Unknown { name: String, known: String },
    #[error("{0} is no name of a context: 1 to 64 of A-Z a-z 0-9 . _ : @ + = ~ - are one")]
    Name(String),
}

/// The file's path: in `$XDG_CONFIG_HOME`, else in `~/.config`.
pub(crate) fn path() -> Result<PathBuf, ContextError> {
    path_of(env::var_os("XDG_CONFIG_HOME"), env::var_os("HOME"))
}

fn path_of(config: Option<OsString>, home: Option<OsString>) -> Result<PathBuf, ContextError> {
    // A relative one is to be passed over, says the specification of the variable.
    let is_usable = |path: &PathBuf| path.is_absolute();
    let config = config.map(PathBuf::from).filter(is_usable);
    let home = || home.map(PathBuf::from).filter(is_usable).map(|home| home.join(".config"));
    config.or_else(home).map(|folder| folder.join(FILE)).ok_or(ContextError::NoHome)
}

/// Whether something can be a context's name.
pub(crate) fn check_name(name: &str) -> Result<(), ContextError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:@+=~-".contains(&byte);
    if (1..=64).contains(&name.len()) && name.bytes().all(is_allowed) {
        return Ok(());
    }
    Err(ContextError::Name(in_one_line(name)))
}

impl Contexts {
    /// What is in the file, which may be missing.
    pub(crate) fn read(path: &Path) -> Result<Self, ContextError> {
        let failed = |error| ContextError::File { path: path.to_owned(), done: "read", error };
        let Some(file) = own_file::open(path)? else { return Ok(Self::default()) };
        let mut text = String::new();
        file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
        let wrong = |reason| ContextError::Wrong { path: path.to_owned(), reason };
        if u64::try_from(text.len()).is_ok_and(|len| len > BYTES_MAX) {
            return Err(wrong(format!("it has more than {BYTES_MAX} bytes")));
        }
        let options = serde_saphyr::options! { with_snippet: false };
        let contexts: Self = serde_saphyr::from_str_with_options(&text, options)
            .map_err(|error| wrong(first_line(&error.to_string())))?;
        for (name, context) in &contexts.contexts {
            // A password would stand in the file, and in lists of contexts.
            server_url::read(context.server.as_str())
                .map_err(|error| wrong(format!("the server of {}: {error}", in_one_line(name))))?;
        }
        Ok(contexts)
    }

    /// Puts it in the file's place, whole.
    pub(crate) fn write(&self, path: &Path) -> Result<(), ContextError> {
        let failed = |error| ContextError::File { path: path.to_owned(), done: "written", error };
        let text = serde_saphyr::to_string(self)
            .map_err(|error| failed(io::Error::other(error.to_string())))?;
        let path = &own_file::behind_links(path).map_err(failed)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let mut file = tempfile::Builder::new()
            .prefix(".contexts-")
            .permissions(Permissions::from_mode(MODE))
            .tempfile_in(folder)
            .map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// The context of this name.
    pub(crate) fn named(&self, name: &str) -> Result<&Context, ContextError> {
        self.contexts.get(name).ok_or_else(|| ContextError::Unknown {
            name: in_one_line(name),
            known: if self.contexts.is_empty() {
                "there is none; flowguard context add makes one".to_owned()
            } else {
                let names: Vec<_> = self.contexts.keys().map(String::as_str).collect();
                format!("there is {}", names.join(", "))
            },
        })
    }

    /// The one in use.
    pub(crate) fn current(&self) -> Result<Option<&Context>, ContextError> {
        self.current.as_deref().map(|name| self.named(name)).transpose()
    }
}

/// What it says, without where in which text, which is this file.
fn first_line(error: &str) -> String {
    let line = error.lines().next().unwrap_or_default();
    in_one_line(line.strip_prefix("error: ").unwrap_or(line))
}

impl ContextError {
    /// A path that is good from whatever folder the next command is called.
    pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Self> {
        std::path::absolute(path).map_err(|error| Self::File {
            path: path.to_owned(),
            done: "named",
            error,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn context(server: &str) -> Context {
        Context { server: Url::parse(server).unwrap(), ca_file: None, token_file: None }
    }

    #[test]
    fn the_file_is_where_configurations_are() {
        let path = |config: Option<&str>, home: Option<&str>| {
            path_of(config.map(Into::into), home.map(Into::into)).ok()
        };
        let at = |text: &str| Some(PathBuf::from(text));
        let file = "/c/flowguard/contexts.yaml";
        assert_eq!(path(Some("/c"), Some("/h")), at(file));
        assert_eq!(path(Some("c"), Some("/h")), at("/h/.config/flowguard/contexts.yaml"));
        assert_eq!(path(None, Some("/h")), at("/h/.config/flowguard/contexts.yaml"));
        assert_eq!(path(None, None), None);
    }

    #[test]
    fn what_is_written_is_read_again_and_nobody_else_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/contexts.yaml");
        assert_eq!(Contexts::read(&path).unwrap(), Contexts::default());
        let mut contexts = Contexts::default();
        contexts.contexts.insert("here".to_owned(), context("http://localhost:9091"));
        let production = Context {
            ca_file: Some("/etc/ca.pem".into()),
            token_file: Some("/run/token".into()),
            ..context("https://flowguard.example:9091")
        };
        contexts.contexts.insert("production".to_owned(), production);
        contexts.current = Some("production".to_owned());
        contexts.write(&path).unwrap();
        assert_eq!(Contexts::read(&path).unwrap(), contexts);
        assert_eq!(mode_of(&path), 0o600);
        assert_eq!(mode_of(path.parent().unwrap()), 0o700);

        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = Contexts::read(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("(mode {mode:04o}): chmod 600")), "{error}");
        }
    }

    #[test]
    fn a_name_that_is_not_there_is_told_with_those_that_are() {
        let mut contexts = Contexts::default();
        let told = |contexts: &Contexts| contexts.named("a").unwrap_err().to_string();
        assert_eq!(
            told(&contexts),
            "there is no context a: there is none; flowguard context add makes one"
        );
        contexts.contexts.insert("b".to_owned(), context("http://b"));
        assert_eq!(told(&contexts), "there is no context a: there is b");
    }

    #[test]
    fn a_name_is_a_word() {
        for name in ["a", "a.b_c:d@e+f=g~h-9"] {
            check_name(name).unwrap();
        }
        for name in ["", "a b", "a/b", "\u{1b}", &"a".repeat(65)] {
            check_name(name).unwrap_err();
        }
    }

    #[test]
    fn a_file_that_is_wrong_is_told_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("contexts.yaml");
        fs::write(&path, "contexts:\n  a:\n    server: nowhere\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let error = Contexts::read(&path).unwrap_err().to_string();
        assert!(error.contains("contexts.yaml is wrong: "), "{error}");
        for (text, told) in [
            ("contexts: [a", ""),
            ("contexts: 7", ""),
            (
                "contexts: {a: {server: 'http://me:secret@h'}}",
                "the server of a: http://…@h/ names a user",
            ),
            ("contexts: {a: {server: 'ftp://h'}}", "the server of a: ftp://h/ is no server: "),
        ] {
            fs::write(&path, text).unwrap();
            let error = Contexts::read(&path).unwrap_err().to_string();
            let (_, reason) = error.split_once("contexts.yaml is wrong: ").unwrap();
            let is_whole = reason.starts_with(told) && !reason.starts_with("error: ");
            assert!(is_whole && !error.contains("\\n") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) =
            (folder.path().join("link.yaml"), folder.path().join("kept/real.yaml"));
        Contexts::default().write(&target).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let contexts = Contexts { current: Some("a".to_owned()), ..Contexts::default() };
        contexts.write(&link).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(Contexts::read(&target).unwrap(), contexts);
        assert_eq!(Contexts::read(&link).unwrap(), contexts);
        fs::remove_file(&target).unwrap();
        contexts.write(&link).unwrap_err();
    }
}
