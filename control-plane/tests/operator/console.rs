//! The console's files as they are served, and what holds for all of them.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, Method, Request, StatusCode, header};
use tower::ServiceExt as _;

use crate::{console_script::script::joined, world::World};

/// What all of it may take: it is to be there at once on any line.
const BYTES_MAX: usize = 250_000;
const BYTES_SENT_MAX: usize = 60_000;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What is served: all modules are one script, and all sheets are one.
const SERVED: [&str; 4] = ["icon.svg", "index.html", "main.js", "style/main.css"];

/// Ways to make a page of a text, by which a text that somebody chose could become a script.
const FORBIDDEN: [&str; 8] = [
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "DOMParser",
    "new Function",
    "srcdoc",
    "javascript:",
];

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

async fn send(world: &World, method: Method, path: &str, headers: &[(&str, &str)]) -> Got {
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).expect("a request");
    let (head, body) = world.rest().oneshot(request).await.expect("an answer").into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    Got { status: head.status, headers: head.headers, body }
}

async fn get(world: &World, path: &str, headers: &[(&str, &str)]) -> Got {
    send(world, Method::GET, path, headers).await
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("console")
}

/// Every file of the folder by its path in there.
fn files() -> BTreeMap<String, String> {
    fn add(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_str().expect("text");
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                add(&path, &format!("{prefix}{name}/"), files);
            } else {
                files.insert(format!("{prefix}{name}"), fs::read_to_string(&path).expect("text"));
            }
        }
    }
    let mut files = BTreeMap::new();
    add(&folder(), "", &mut files);
    assert!(files.contains_key("index.html"), "{files:?}");
    files
}

fn unpacked(body: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(body).read_to_string(&mut text).expect("gzip");
    text
}

#[tokio::test]
async fn every_file_is_served_in_both_forms_to_everybody_within_what_all_may_take() {
    let world = World::new();
    let (mut bytes, mut sent, mut zipped) = (0, 0, 0);
    for path in SERVED {
        let url = format!("/console/{path}");
        let plain = get(&world, &url, &[]).await;
        assert_eq!(plain.status, StatusCode::OK, "{path}");
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        let gzip = get(&world, &url, &[("accept-encoding", "gzip")]).await;
        assert_eq!(gzip.header("content-encoding"), "gzip", "{path}");
        assert!(unpacked(&gzip.body).as_bytes() == plain.body, "{path}");
        // What browsers ask for: over TLS, and of their own machine.
        let brotli = get(&world, &url, &[("accept-encoding", "gzip, deflate, br, zstd")]).await;
        assert_eq!(brotli.header("content-encoding"), "br", "{path}");
        assert!(brotli.body.len() < gzip.body.len(), "{path}");
        for got in [&plain, &gzip, &brotli] {
            let content_type = match path.rsplit('.').next() {
                Some("html") => "text/html; charset=utf-8",
                Some("css") => "text/css; charset=utf-8",
                Some("js") => "text/javascript; charset=utf-8",
                Some("svg") => "image/svg+xml; charset=utf-8",
                other => panic!("{other:?}"),
            };
            assert_eq!(got.header("content-type"), content_type, "{path}");
            assert_eq!(got.header("content-security-policy"), POLICY, "{path}");
            assert_eq!(got.header("cache-control"), "no-cache", "{path}");
            assert_eq!(got.header("vary"), "accept-encoding", "{path}");
        }
        bytes += plain.body.len();
        sent += brotli.body.len();
        zipped += gzip.body.len();
    }
    println!("{bytes} bytes, {sent} as they are sent, {zipped} with gzip");
    assert!(bytes <= BYTES_MAX, "{bytes} bytes are more than {BYTES_MAX}");
    assert!(sent <= BYTES_SENT_MAX, "{sent} bytes are sent, more than {BYTES_SENT_MAX}");
}

#[tokio::test]
async fn what_is_served_is_made_of_all_files_of_the_folder() {
    let world = World::new();
    let [script, style] = ["main.js", "style/main.css"].map(|path| format!("/console/{path}"));
    let served = get(&world, &script, &[]).await.body;
    // As it is before its names are shortened, of which texts stay what they are.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("console");
    let script = Bytes::from(joined(&folder, "main.js").expect("a script"));
    let text = "Nobody configured this id.";
    assert!(String::from_utf8_lossy(&served).contains(text), "build it again");
    let style = get(&world, &style, &[]).await.body;
    for (path, content) in files() {
        let served = match path.rsplit('.').next() {
            Some("js") => &script,
            Some("css") => &style,
            _ => continue,
        };
        let served = std::str::from_utf8(served).expect("text");
        let is_entry = SERVED.contains(&path.as_str());
        let mut lines = content.lines().map(str::trim).filter(|line| {
            line.len() > 30
                && !["import", "export", "//", "/*", "*", "}", "@"]
                    .iter()
                    .any(|start| line.starts_with(start))
        });
        let Some(line) = lines.next() else {
            assert!(is_entry || content.len() < 400, "{path}");
            continue;
        };
        assert!(
            served.contains(line),
            "{path} is not in what is served: build it again, or import it"
        );
    }
}

#[tokio::test]
async fn the_page_is_at_the_root_and_a_head_tells_the_same_without_it() {
    let world = World::new();
    let page = get(&world, "/", &[]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body == files()["index.html"]);
    let head = send(&world, Method::HEAD, "/", &[]).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.header("content-length"), page.body.len().to_string());
    assert_eq!(head.header("etag"), page.header("etag"));
    let post = send(&world, Method::POST, "/", &[]).await;
    assert_eq!(post.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn who_has_a_file_already_is_sent_nothing() {
    let world = World::new();
    let coding = ("accept-encoding", "gzip");
    let (plain, gzip) = (get(&world, "/", &[]).await, get(&world, "/", &[coding]).await);
    let (etag, other) = (plain.header("etag"), gzip.header("etag"));
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 20, "{etag}");
    assert_ne!(etag, other);
    let weak = format!("W/{etag}");
    let list = format!("\"nothing\", {etag}");
    for tag in [etag, other, &weak, &list, "*"] {
        for headers in [&[("if-none-match", tag)][..], &[("if-none-match", tag), coding]] {
            let got = get(&world, "/", headers).await;
            assert_eq!((got.status, got.body.len()), (StatusCode::NOT_MODIFIED, 0), "{tag}");
            let form = if headers.len() == 1 { &plain } else { &gzip };
            for name in ["etag", "cache-control", "vary", "content-security-policy"] {
                assert_eq!(got.header(name), form.header(name), "{name}");
            }
            assert_eq!(got.header("content-type"), "");
        }
    }
    for tag in ["\"nothing\"", "", etag.trim_matches('"')] {
        let got = get(&world, "/", &[("if-none-match", tag)]).await;
        assert_eq!(got.status, StatusCode::OK, "{tag}");
    }
    let main = get(&world, "/console/main.js", &[("if-none-match", etag)]).await;
    assert_eq!(main.status, StatusCode::OK);
}

#[tokio::test]
async fn a_file_is_compressed_for_who_accepts_that() {
    let world = World::new();
    for (accepted, coding) in [
        ("gzip", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("br, gzip ; q=1", "br"),
        ("*", "br"),
        ("*;q=0, gzip", "gzip"),
        ("gzip;q=0", ""),
        ("*, br;q=0.0", "gzip"),
        ("*, br;q=0.0, gzip;q=0", ""),
        ("*;q=0", ""),
        ("gzip;q=much", ""),
        ("br", "br"),
        ("deflate", ""),
        ("identity", ""),
        ("", ""),
    ] {
        let got = get(&world, "/", &[(header::ACCEPT_ENCODING.as_str(), accepted)]).await;
        assert_eq!(got.header("content-encoding"), coding, "{accepted}");
    }
}

#[tokio::test]
async fn a_path_may_be_written_with_percents() {
    let world = World::new();
    let got = get(&world, "/console/style%2fmain.css", &[]).await;
    assert_eq!(got.status, StatusCode::OK);
    for path in ["/console/%ff", "/console/style", "/console//main.js", "/console/parts/bar.js"] {
        assert_eq!(get(&world, path, &[]).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

/// The texts between two quotation marks of the same kind, each with what stands before it.
fn quoted(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for mark in ['"', '\''] {
        for line in text.lines() {
            let mut parts = line.split(mark);
            let mut before = parts.next().unwrap_or_default();
            while let (Some(inside), Some(after)) = (parts.next(), parts.next()) {
                found.push((before.trim_end(), inside));
                before = after;
            }
        }
    }
    found
}

/// The path in the folder that `reference` means in the file `from`.
fn resolved(from: &str, reference: &str) -> String {
    if let Some(path) = reference.strip_prefix("/console/") {
        return path.to_owned();
    }
    let mut segments: Vec<_> = from.split('/').collect();
    segments.pop();
    for segment in reference.split('/') {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    segments.join("/")
}

#[test]
fn whatever_a_file_refers_to_is_there() {
    let files = files();
    let mut references = 0;
    for (path, content) in &files {
        for (before, reference) in quoted(content) {
            let is_one = match path.rsplit('.').next() {
                Some("js") => {
                    let is_import = ["from", "import", "import("].iter().any(|end| {
                        before.strip_suffix(end).is_some_and(|rest| {
                            !rest.ends_with(|c: char| c.is_alphanumeric() || "_$.".contains(c))
                        })
                    });
                    is_import || reference.starts_with("/console/")
                }
                Some("html") => {
                    (before.ends_with("href=") || before.ends_with("src="))
                        && !reference.starts_with(['#', 'd'])
                }
                _ => before.ends_with("url(") || before.ends_with("@import"),
            };
            if is_one && !reference.contains("${") {
                let target = resolved(path, reference);
                let is_there = match reference.strip_prefix("/console/") {
                    Some(served) => SERVED.contains(&served),
                    None => files.contains_key(&target),
                };
                assert!(is_there, "{path} refers to {reference}: no {target}");
                references += 1;
            }
        }
    }
    assert!(references > 2, "{references}");
}

#[test]
fn no_file_makes_a_page_of_a_text_or_names_another_server() {
    for (path, content) in files() {
        for forbidden in FORBIDDEN {
            assert!(!content.contains(forbidden), "{path} has {forbidden}");
        }
        for (at, _) in content.match_indices("eval(") {
            let before = content[..at].chars().next_back();
            let is_own = before.is_some_and(|c| c.is_alphanumeric() || "_$".contains(c));
            assert!(is_own, "{path} has eval");
        }
        // The policy of the page forbids both.
        if path == "index.html" {
            assert!(!content.contains("style=") && !content.contains("<style"), "{path}");
            let mut words = content.split_whitespace();
            assert!(!words.any(|word| word.starts_with("on") && word.contains('=')), "{path}");
            assert!(!content.contains("<script>"), "{path}");
        }
        // The names of SVG and its like look like addresses, and nobody asks for them.
        let content = content.replace("http://www.w3.org/", "");
        for address in ["http://", "https://", "src=\"//", "href=\"//"] {
            assert!(!content.contains(address), "{path} has {address}");
        }
    }
}
