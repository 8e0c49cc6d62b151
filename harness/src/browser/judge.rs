//! What a page is like for people who do not see it, and what is to be told of a browser at its end.

use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::conduct::Conduct;
use super::session::Session;
use crate::{secrets, tools};

/// Lines of the console, and of the page, that are printed of a test that fails.
const LINES_SHOWN: usize = 60;

/// What axe finds, which comes into the page by a way that its policy says nothing of.
const RUN: &str =
    "return axe.run(document, { resultTypes: ['violations'] }).then((result) => result.violations)";

/// All that axe finds, in words.
pub(super) async fn violations(session: &Session) -> Vec<String> {
    let run = async |script: &str| {
        session.script(script, &[]).await.unwrap_or_else(|error| panic!("axe: {error}"))
    };
    if run("return typeof axe").await == "undefined" {
        let axe = tools::axe();
        let axe =
            fs::read_to_string(&axe).unwrap_or_else(|error| panic!("{}: {error}", axe.display()));
        run(&axe).await;
    }
    let found = run(RUN).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut violations = Vec::new();
    for violation in found.as_array().into_iter().flatten() {
        violations.push(format!("{}: {}", text(&violation["id"]), text(&violation["help"])));
        for node in violation["nodes"].as_array().into_iter().flatten() {
            let why = text(&node["failureSummary"]).replace('\n', " ");
            violations.push(format!("    {} {}: {why}", node["target"], text(&node["html"])));
        }
    }
    violations
}

/// Ends the browser, and says what is wrong with what it did. Of one whose test fails anyhow, it prints what is
/// to be seen.
pub(super) fn at_the_end(
    session: &Session,
    conduct: &Conduct,
    is_failing: bool,
    name: &str,
) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut problems = conduct.problems(session).await;
        let requests = conduct.requests(session).await;
        let console = conduct.console(session).await;
        if is_failing {
            for message in console.iter().rev().take(LINES_SHOWN).rev() {
                eprintln!("console: {}", message.text);
            }
            show(session, name).await;
        }
        // That it can't be ended is for its driver's end to mend.
        let _ = session.end().await;
        let console: Vec<_> = console.into_iter().map(|message| message.text).collect();
        for (place, lines) in
            [("the browser's console", console), ("the browser's addresses", requests)]
        {
            let leaks = secrets::leaks(place, lines.join("\n").as_bytes());
            problems.extend(leaks.iter().map(ToString::to_string));
        }
        problems
    })
}

/// Prints what stands on the page, and makes a picture of it.
async fn show(session: &Session, name: &str) {
    let script = "return location.href + '\\n' + document.body.innerText";
    match session.script(script, &[]).await {
        Ok(text) => {
            for line in text.as_str().unwrap_or_default().lines().take(LINES_SHOWN) {
                eprintln!("page: {line}");
            }
        }
        Err(error) => eprintln!("what is on the page can't be read: {error}"),
    }
    let folder = tools::failures_folder();
    let picture = session.get("/screenshot").await.ok();
    let picture = picture.and_then(|picture| BASE64_STANDARD.decode(picture.as_str()?).ok());
    if let (Some(picture), Ok(())) = (picture, fs::create_dir_all(&folder)) {
        let file = folder.join(format!("{name}.png"));
        match fs::write(&file, picture) {
            Ok(()) => eprintln!("a picture of the page: {}", file.display()),
            Err(error) => eprintln!("no picture of the page: {error}"),
        }
    }
}
