//! What the console is made of, as one table that the program includes: its page, its script, its style sheet and
//! its pictures.

use std::{error::Error, fmt::Write as _, fs, io::Write as _, path::Path};

use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};

use crate::{script, shortened, style};

/// Where they are, in the folder of the package.
const FOLDER: &str = "console";

/// The page.
const PAGE: &str = "index.html";

/// The first module, with which all are served as one.
const SCRIPT: &str = "main.js";

/// The first style sheet, likewise.
const STYLE: &str = "style/main.css";

/// What is served, by the ends of names.
const CONTENT_TYPES: [(&str, &str); 4] = [
    ("html", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("svg", "image/svg+xml; charset=utf-8"),
];

/// Bytes of a hash that tell two contents of one file apart.
const TAG_BYTES: usize = 16;

/// Writes `console.rs` into `out_dir`, and there into the folder `console` what it includes.
pub(crate) fn embed(out_dir: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed={FOLDER}");
    let folder = Path::new(FOLDER);
    let mut served = vec![
        (PAGE.to_owned(), fs::read(folder.join(PAGE))?),
        (
            SCRIPT.to_owned(),
            shortened::script(&script::joined(folder, SCRIPT)?, SCRIPT)?.into_bytes(),
        ),
        (STYLE.to_owned(), style::joined(folder, STYLE)?.into_bytes()),
    ];
    for picture in pictures(folder)? {
        let content = fs::read(folder.join(&picture))?;
        served.push((picture, content));
    }
    fs::create_dir_all(out_dir.join(FOLDER))?;
    let mut table = String::from("[\n");
    for (number, (path, content)) in served.iter().enumerate() {
        let (tag, content_type) = (tag(content), content_type(path)?);
        writeln!(table, "    File {{ path: {path:?}, content_type: {content_type:?}, forms: &[")?;
        for (coding, form) in
            [("br", brotli(content)?), ("gzip", gzip(content)?), ("", content.clone())]
        {
            let file = format!("{FOLDER}/{number}.{coding}");
            fs::write(out_dir.join(&file), form)?;
            // A tag is of a form: what it names has the same bytes wherever it comes from.
            let etag = format!("\"{tag}{coding}\"");
            let content = format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}\"))");
            writeln!(
                table,
                "        Form {{ coding: {coding:?}, etag: {etag:?}, content: {content} }},"
            )?;
        }
        writeln!(table, "    ] }},")?;
    }
    table.push_str("]\n");
    fs::write(out_dir.join("console.rs"), table)?;
    Ok(())
}

/// The pictures, which stand in the folder itself.
fn pictures(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "svg") {
            names.extend(path.file_name().and_then(|name| name.to_str()).map(str::to_owned));
        }
    }
    names.sort();
    Ok(names)
}

fn content_type(path: &str) -> Result<&'static str, String> {
    let end = path.rsplit('.').next().unwrap_or_default();
    let found = CONTENT_TYPES.iter().find(|(known, _)| *known == end);
    found.map(|(_, content_type)| *content_type).ok_or_else(|| {
        let known = CONTENT_TYPES.map(|(known, _)| known).join(", ");
        format!("{FOLDER}/{path} is none of {known}: what a browser is to make of it is not known")
    })
}

fn tag(content: &[u8]) -> String {
    let mut tag = String::new();
    for byte in Sha256::digest(content).iter().take(TAG_BYTES) {
        // Writing to a text does not fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag
}

fn gzip(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

fn brotli(mut content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut content, &mut compressed, &BrotliEncoderParams::default())?;
    Ok(compressed)
}
