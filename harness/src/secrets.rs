//! Looks for keys and tokens of FlowGuard's where everybody may read: in what each process of a test
//! logged, in the pages of a control plane and an Envoy, in files of an audit, in answers that are
//! errors. Every test that runs these looks.
//!
//! The form is written down here a second time: the search is to find what the product misses.

use std::fmt;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

const PREFIXES: [&str; 2] = ["fgk_", "fga_"];
const PREFIX_LEN: usize = 4;
const PUBLIC_LEN: usize = 12;

/// A text shows so many characters of a secret before it leaks one: of the 43 that nobody can guess,
/// fewer are left then.
const SHOWN_LEN: usize = 8;

/// Bytes of a page or a file that are looked through: metrics and logs of tests are far smaller.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How long a page may take at the end of a test: a process that was frozen answers none.
const PAGE_TIMEOUT: Duration = Duration::from_millis(500);

/// A key or a token, or most of one, where none may stand.
#[derive(Clone, PartialEq, Eq)]
pub struct Leak {
    /// Where that is.
    pub place: String,
    /// The number of its line, from 1 on.
    pub line: usize,
    /// The line, in which all secrets are masked.
    pub text: String,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a key or a token stands in {}, line {}: {}", self.place, self.line, self.text)
    }
}

impl fmt::Debug for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Every line in which a key or a token stands.
pub fn leaks(place: &str, text: &[u8]) -> Vec<Leak> {
    // Logs of a test under load are long, and what compares regardless of case is slow.
    let whole = String::from_utf8_lossy(text);
    if !PREFIXES.iter().any(|one| whole.contains(one) || whole.contains(&one.to_uppercase())) {
        return Vec::new();
    }
    let lines = text.split(|byte| *byte == b'\n').enumerate();
    let masked = lines.filter_map(|(index, line)| Some((index, masked(line)?)));
    masked.map(|(index, text)| Leak { place: place.to_owned(), line: index + 1, text }).collect()
}

/// Fails the test where a key or a token stands in a text; one that fails already says it beside.
#[track_caller]
pub fn none_in(place: &str, text: &[u8]) {
    let Some(leak) = leaks(place, text).into_iter().next() else { return };
    if std::thread::panicking() {
        eprintln!("{leak}");
    } else {
        panic!("{leak}");
    }
}

/// The same of a file; one that is not there has none.
#[track_caller]
pub fn none_in_file(file: &Path) {
    let mut bytes = Vec::new();
    if let Ok(opened) = fs::File::open(file) {
        // What can be read of it counts.
        let _ = opened.take(BYTES_MAX).read_to_end(&mut bytes);
    }
    none_in(&file.display().to_string(), &bytes);
}

/// The same of the files of a folder whose names begin so.
#[track_caller]
pub fn none_in_files(folder: &Path, name_begins: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let begins = entry.file_name().to_string_lossy().starts_with(name_begins);
        if begins && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            none_in_file(&entry.path());
        }
    }
}

/// The same of a page as its server has it now. One that gives none has none: it may be gone, speak
/// TLS, or want a token.
#[track_caller]
pub fn none_in_page(server: SocketAddr, path: &str) {
    let Ok(page) = page(server, path) else { return };
    none_in(&format!("http://{server}{path}"), &page);
}

/// For the end of a test, where nothing can be awaited.
fn page(server: SocketAddr, path: &str) -> std::io::Result<Vec<u8>> {
    let mut connection = TcpStream::connect_timeout(&server, PAGE_TIMEOUT)?;
    connection.set_read_timeout(Some(PAGE_TIMEOUT))?;
    connection.set_write_timeout(Some(PAGE_TIMEOUT))?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes())?;
    let mut page = Vec::new();
    // A page that is cut short is looked through as far as it came.
    let _ = connection.take(BYTES_MAX).read_to_end(&mut page);
    Ok(page)
}

/// The line with each secret in it masked; `None` where there is none.
fn masked(line: &[u8]) -> Option<String> {
    let mut shown = String::new();
    let mut rest = line;
    while let Some((begin, end)) = secret(rest) {
        shown.push_str(&String::from_utf8_lossy(&rest[..begin]));
        shown.push_str("***");
        rest = &rest[end..];
    }
    if shown.is_empty() {
        return None;
    }
    shown.push_str(&String::from_utf8_lossy(rest));
    Some(shown)
}

/// Where the first secret begins and ends, without the part that names it.
fn secret(text: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = text[from..].windows(2).position(|two| two.eq_ignore_ascii_case(b"fg"))
    {
        let at = from + found;
        let begin = at + PREFIX_LEN + PUBLIC_LEN + 1;
        if let Some(head) = text.get(at..begin) {
            let (prefix, named) = head.split_at(PREFIX_LEN);
            let is_one = PREFIXES.iter().any(|one| prefix.eq_ignore_ascii_case(one.as_bytes()));
            let (public, underscore) = named.split_at(PUBLIC_LEN);
            let is_named = public.iter().all(u8::is_ascii_alphanumeric) && underscore == b"_";
            let shown = text[begin..].iter().take_while(|byte| byte.is_ascii_alphanumeric());
            let shown = shown.count();
            if is_one && is_named && shown >= SHOWN_LEN {
                let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
                return Some((begin, begin + text[begin..].iter().take_while(is_part).count()));
            }
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::process::Command;

    use tempfile::TempDir;

    use super::*;
    use crate::process::Process;

    /// What it must find, which no product of this project has made.
    fn planted() -> [String; 2] {
        let secret = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";
        PREFIXES.map(|prefix| format!("{prefix}abcDEF123456_{secret}"))
    }

    fn message(of: impl FnOnce()) -> String {
        let panicked = catch_unwind(AssertUnwindSafe(of)).expect_err("a leak is found");
        *panicked.downcast::<String>().expect("a message")
    }

    #[test]
    fn a_secret_is_found_in_any_line_and_not_repeated() {
        for secret in planted() {
            let cut = &secret[..30];
            let text = format!("first\n{{\"a\":\"{secret}\"}} {cut}é\nlast {}", &secret[..17]);
            let found = leaks("a log", text.as_bytes());
            let [leak] = &found[..] else { panic!("{found:?}") };
            assert_eq!((leak.line, leak.text.matches("***").count()), (2, 2));
            let told = leak.to_string();
            assert!(told.contains("abcDEF123456") && !told.contains("0123456789"), "{told}");
        }
        for innocent in ["fgk_made_up", "fgk_abcDEF123456", "fgk_abcDEF123456_…", "fg", ""] {
            assert_eq!(leaks("a log", innocent.as_bytes()), [], "{innocent}");
        }
    }

    #[test]
    fn a_process_that_logs_a_secret_fails_its_test_when_it_ends() {
        for stream in ["1", "2"] {
            let folder = TempDir::new().expect("a temporary folder");
            let [key, _] = planted();
            let mut command = Command::new("sh");
            command.args(["-c", &format!("echo 'it shows {key}' >&{stream}; exec sleep 600")]);
            let process = Process::spawn("sh", command, folder.path());
            while process.stdout().is_empty() && process.stderr().is_empty() {
                supervisor::pause();
            }
            let told = message(|| drop(process));
            assert!(told.contains("it shows fgk_abcDEF123456_***"), "{told}");
        }
    }

    #[test]
    fn a_file_and_a_page_that_have_a_secret_are_found() {
        let folder = TempDir::new().expect("a temporary folder");
        let [_, token] = planted();
        fs::write(folder.path().join("audit.jsonl.1"), format!("{{}}\n{token}")).expect("written");
        none_in_files(folder.path(), "other");
        let told = message(|| none_in_files(folder.path(), "audit"));
        assert!(told.contains("audit.jsonl.1, line 2: fga_abcDEF123456_***"), "{told}");

        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let server = std::thread::spawn(move || {
            let (mut peer, _) = listener.accept().expect("a caller");
            let mut request = [0; 512];
            let _ = peer.read(&mut request).expect("a request");
            write!(peer, "HTTP/1.1 200 OK\r\n\r\nmetric{{a=\"{token}\"}} 1\n").expect("sent");
        });
        let told = message(|| none_in_page(address, "/metrics"));
        assert!(told.contains("/metrics, line 3: metric{a=\"fga_abcDEF123456_***\"} 1"), "{told}");
        server.join().expect("it served");
    }
}
