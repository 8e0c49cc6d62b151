//! The environment variables that may hold settings, and those that look as if they should.
//!
//! A setting `NAME` is read from `FLOWGUARD_NAME`, else from `NAME`. Nobody else has a reason to
//! make a variable with this prefix, so a misspelt one is refused. A bare name that is nearly a
//! setting's may be somebody else's, so that is only a warning. A setting whose bare name many
//! environments hold already has the prefix in its name, and is read from that variable alone.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::PathBuf,
};

use super::{Setting, table::Echo};

/// What the names of this program's own variables begin with.
const PREFIX: &str = "FLOWGUARD_";

/// The file of a token, for commands that call a control plane.
const TOKEN_FILE: &str = "FLOWGUARD_TOKEN_FILE";

/// Variables that look like settings and are none: of the command line client, of the project's tests,
/// and of OpenSSL, where nobody meant `TLS_CERT_FILE`.
const READ_BY_OTHERS: [&str; 5] =
    ["FLOWGUARD_SERVER", TOKEN_FILE, "FLOWGUARD_BIN", "FLOWGUARD_FILTER", "SSL_CERT_FILE"];

/// Names that differ in at most so many letters are taken for misspellings of each other.
const LETTERS_MAX: usize = 2;

/// The variables of a process, by their names.
#[derive(Debug)]
pub(crate) struct Variables(BTreeMap<OsString, OsString>);

/// The value that an operator gave for a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenText {
    /// The value.
    pub value: OsString,
    /// The variable that holds it, where that is not named as the setting is.
    pub variable: Option<String>,
}

impl From<OsString> for GivenText {
    fn from(value: OsString) -> Self {
        Self { value, variable: None }
    }
}

impl From<&str> for GivenText {
    fn from(value: &str) -> Self {
        OsString::from(value).into()
    }
}

/// A variable that has no effect, though it looks as if it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithoutEffect {
    variable: String,
    meant: Option<String>,
}

/// A variable of this program's own whose name is nearly a setting's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is not a setting: {meant} is one")]
pub struct Misspelt {
    variable: String,
    meant: String,
}

impl Variables {
    pub(crate) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// What is given for a setting: under its name with the prefix, else without.
    pub(crate) fn given(&self, setting: &Setting) -> Option<GivenText> {
        let prefixed = prefixed(setting);
        if prefixed != setting.name
            && let Some(value) = self.value(&prefixed)
        {
            return Some(GivenText { value: value.clone(), variable: Some(prefixed.into_owned()) });
        }
        self.value(setting.name).cloned().map(GivenText::from)
    }

    /// The file of the token that a command shows to a control plane.
    pub(crate) fn token_file(&self) -> Option<PathBuf> {
        let file = self.0.get(OsStr::new(TOKEN_FILE)).filter(|file| !file.is_empty());
        file.map(PathBuf::from)
    }

    fn value(&self, name: &str) -> Option<&OsString> {
        let value = self.0.get(OsStr::new(name))?;
        // A service in Kubernetes may be named `proxy`, or `flowguard-proxy`.
        let is_a_service = name.ends_with("_PORT") && is_an_address(value);
        (!is_a_service).then_some(value)
    }

    /// The variables that look like settings and are none.
    ///
    /// # Errors
    /// One of this program's own is a setting's, but for two letters at most.
    pub(crate) fn check(&self) -> Result<Vec<WithoutEffect>, Misspelt> {
        let mut without_effect = Vec::new();
        for (variable, value) in &self.0 {
            let name = variable.to_string_lossy().to_ascii_uppercase();
            if is_known(variable) || is_made_for_a_service(&name, value) {
                continue;
            }
            let shown = super::shown(variable, Echo::Whole);
            match (name.strip_prefix(PREFIX), nearest(&name)) {
                (Some(_), Some(setting)) => {
                    return Err(Misspelt {
                        variable: shown,
                        meant: prefixed(setting).into_owned(),
                    });
                }
                (Some(_), None) => {
                    without_effect.push(WithoutEffect { variable: shown, meant: None });
                }
                (None, Some(setting)) => {
                    let meant = Some(setting.name.to_owned());
                    without_effect.push(WithoutEffect { variable: shown, meant });
                }
                (None, None) => {}
            }
        }
        Ok(without_effect)
    }
}

impl fmt::Display for WithoutEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, meant } = self;
        match meant {
            Some(meant) => {
                write!(f, "the variable {variable} has no effect: {meant} is the setting's name")
            }
            None => write!(f, "the variable {variable} has no effect: no setting has this name"),
        }
    }
}

fn prefixed(setting: &Setting) -> Cow<'static, str> {
    if setting.name.starts_with(PREFIX) {
        return setting.name.into();
    }
    format!("{PREFIX}{}", setting.name).into()
}

fn is_known(variable: &OsStr) -> bool {
    let Some(name) = variable.to_str() else { return false };
    READ_BY_OTHERS.contains(&name)
        || Setting::all().any(|setting| setting.name == name || prefixed(setting) == name)
}

/// What Kubernetes makes in every pod for a service, and Docker for a linked container, both from
/// names that somebody chose for other reasons: `…_SERVICE_HOST`, `…_SERVICE_PORT_HTTP`,
/// `…_PORT=tcp://10.0.0.1:80`, `…_PORT_80_TCP_ADDR`.
fn is_made_for_a_service(name: &str, value: &OsStr) -> bool {
    let after = |part: &str| name.split_once(part).map(|(_, rest)| rest);
    name.ends_with("_SERVICE_HOST")
        || after("_SERVICE_PORT").is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        || after("_PORT_").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        || is_an_address(value)
}

fn is_an_address(value: &OsStr) -> bool {
    let value = value.as_encoded_bytes();
    [&b"tcp://"[..], b"udp://", b"sctp://"].iter().any(|scheme| value.starts_with(scheme))
}

/// The setting whose name, with the prefix or without, is the nearest to `name`, if one is near.
fn nearest(name: &str) -> Option<&'static Setting> {
    let bare = name.strip_prefix(PREFIX).unwrap_or(name);
    let distance =
        |setting: &Setting| distance(bare, setting.name).min(distance(name, &prefixed(setting)));
    let near = Setting::all().map(|setting| (distance(setting), setting));
    let (letters, setting) = near.min_by_key(|(letters, _)| *letters)?;
    // Of a short name two letters are half of it.
    let own = setting.name.strip_prefix(PREFIX).unwrap_or(setting.name);
    (letters <= LETTERS_MAX.min(own.len() / 3)).then_some(setting)
}

/// How many letters were left out, added, mistaken for others, or swapped with their neighbours
/// (the optimal string alignment distance). Above [`LETTERS_MAX`] the number need not be exact.
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > LETTERS_MAX {
        return usize::MAX;
    }
    // Rows of the usual table: of the letter before the last one, the last one, and this one.
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (index, letter) in a.bytes().enumerate() {
        let mut row = vec![index + 1];
        let mut previous_in_b = None;
        let diagonals = last.iter().zip(last.iter().skip(1));
        for (column, (other, (diagonal, above))) in b.bytes().zip(diagonals).enumerate() {
            let left = row.last().copied().unwrap_or_default();
            let mut best = (left + 1).min(above + 1).min(diagonal + usize::from(letter != other));
            if previous == Some(other) && previous_in_b == Some(letter) {
                let swapped = column.checked_sub(1).and_then(|column| before.get(column));
                best = swapped.map_or(best, |swapped| best.min(swapped + 1));
            }
            row.push(best);
            previous_in_b = Some(other);
        }
        previous = Some(letter);
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_a_number_of_letters() {
        for (a, b, letters) in [
            ("ERROR_FORMAT", "ERROR_FORMAT", 0),
            ("ERORR_FORMAT", "ERROR_FORMAT", 1),
            ("EROR_FORMAT", "ERROR_FORMAT", 1),
            ("ERROR_FORMATS", "ERROR_FORMAT", 1),
            ("ERROR_FORMET", "ERROR_FORMAT", 1),
            ("ERORR_FROMAT", "ERROR_FORMAT", 2),
            ("ERROR-FORMATT", "ERROR_FORMAT", 2),
            ("AB", "CD", 2),
            ("", "AB", 2),
            ("ABC", "CBA", 2),
            ("GRPC_HOST", "GRPC_PORT", 2),
            ("ABCD", "EFGH", 4),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (letters, letters), "{a} {b}");
        }
        assert!(distance("ABC", "ABCDEF") > LETTERS_MAX);
    }
}
