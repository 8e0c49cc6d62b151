//! The token that a server is shown. It comes from a file: what stands in a command line is seen by
//! everybody on the machine, and kept by the shell.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use http::HeaderValue;

use crate::secret;

/// How long the file may be: an issuer's token has some kilobytes.
const BYTES_MAX: u64 = 16 * 1_024;

/// A shorter one may be a word of any message.
const SECRET_LEN_MIN: usize = 16;

/// What stands before it in a header.
const SCHEME: &str = "Bearer ";

/// What a call shows.
#[derive(Clone)]
pub(crate) struct Token(HeaderValue);

/// A file that has no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// A token where a file is named. It is not repeated.
    #[error(
        "the file of a token is expected, not a token: what stands in a command line or a variable is \
         seen by others; revoke it, and write another one into a file of mode 0600"
    )]
    IsOne,
    /// It is not there, or may not be read.
    #[error("the token's file {} cannot be read: {error}", path.display())]
    Unread { path: PathBuf, error: io::Error },
    /// There is something else in it.
    #[error(
        "the token's file {} has no token: it has one line of text, {BYTES_MAX} bytes at most",
        path.display()
    )]
    NoLine { path: PathBuf },
}

/// A token that others on this machine may read.
#[derive(Debug)]
pub(crate) struct ReadByOthers {
    path: PathBuf,
    mode: u32,
}

impl Token {
    /// What stands in this file, and whether others may read it. That is no error: what a secret of
    /// Kubernetes is mounted as cannot be changed by who reads it.
    pub(crate) fn read(path: &Path) -> Result<(Self, Option<ReadByOthers>), TokenError> {
        Self::check_path(path)?;
        let unread = |error| TokenError::Unread { path: path.to_owned(), error };
        let file = File::open(path).map_err(unread)?;
        let mode = file.metadata().map_err(unread)?.permissions().mode() & 0o777;
        let mut bytes = Vec::new();
        // One byte more tells that it goes on.
        file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unread)?;
        let token =
            Self::parse(&bytes).ok_or_else(|| TokenError::NoLine { path: path.to_owned() })?;
        let seen = (mode & 0o077 != 0).then(|| ReadByOthers { path: path.to_owned(), mode });
        Ok((token, seen))
    }

    /// Refuses a token that stands where its file is named.
    pub(crate) fn check_path(path: &Path) -> Result<(), TokenError> {
        let is_one = path.to_str().is_some_and(secret::begins_one);
        if is_one { Err(TokenError::IsOne) } else { Ok(()) }
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let is_whole = u64::try_from(bytes.len()).is_ok_and(|len| len <= BYTES_MAX);
        let token = str::from_utf8(bytes).ok()?.trim_end_matches(['\r', '\n']);
        if !is_whole || token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut value = HeaderValue::try_from(format!("{SCHEME}{token}")).ok()?;
        value.set_sensitive(true);
        Some(Self(value))
    }

    /// As `Authorization` has it.
    pub(crate) fn authorization(&self) -> HeaderValue {
        self.0.clone()
    }

    /// A text without it: a server may repeat what it was shown.
    pub(crate) fn left_out_of(&self, text: &str) -> String {
        let token = self.0.to_str().ok().and_then(|value| value.strip_prefix(SCHEME));
        match token.filter(|token| token.len() >= SECRET_LEN_MIN) {
            Some(token) => text.replace(token, "…"),
            None => text.to_owned(),
        }
    }
}

/// Never what it is.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl fmt::Display for ReadByOthers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, mode } = self;
        let path = path.display();
        write!(f, "others may read the token's file {path} (mode {mode:04o}): chmod 600 {path}")
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    #[test]
    fn a_token_is_one_line_and_never_shown() {
        let token = Token::parse(b"fga_abc\r\n").unwrap();
        assert_eq!(token.authorization(), "Bearer fga_abc");
        assert_eq!(format!("{token:?}{:?}", token.authorization()), "TokenSensitive");
        let long = "x".repeat(16 * 1_024 + 1);
        for wrong in ["", "\n", "a b", "a\nb", "\u{e9}", &long] {
            assert!(Token::parse(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_server_that_repeats_a_token_is_shown_without_it() {
        let token = Token::parse(b"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln\n").unwrap();
        let said = "no Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln here";
        assert_eq!(token.left_out_of(said), "no Bearer … here");
        assert_eq!(Token::parse(b"wrong").unwrap().left_out_of("it is wrong"), "it is wrong");
    }

    #[test]
    fn a_token_in_place_of_its_file_is_refused_and_not_repeated() {
        let error = Token::read(Path::new("fga_secret")).unwrap_err().to_string();
        assert!(error.contains("a file of mode 0600") && !error.contains("fga_secret"), "{error}");
    }

    #[test]
    fn whether_others_may_read_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "fga_abc\n").unwrap();
        for (mode, is_seen) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let (_, seen) = Token::read(&path).unwrap();
            assert_eq!(seen.is_some(), is_seen, "{mode:o}");
            if let Some(seen) = seen {
                assert!(seen.to_string().contains(&format!("(mode {mode:04o})")), "{seen}");
            }
        }
    }
}
