//! Helm and the schemas of others, as `tests/chart/chart.py` has them.

use std::io::Write as _;
use std::process::Stdio;

use harness::tools;
use serde_json::Value;

/// What the program answers to values on its standard input, or what it writes to stderr when it
/// fails.
pub fn call(arguments: &[&str], values: &Value) -> Result<Value, String> {
    let mut command = tools::chart_python();
    command.arg(tools::workspace().join("tests/chart/chart.py")).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut python = command.spawn().expect("a Python that runs");
    let mut stdin = python.stdin.take().expect("a pipe");
    // One that does not look at the values may have ended before they are written.
    let _ = stdin.write_all(values.to_string().as_bytes());
    drop(stdin);
    let output = python.wait_with_output().expect("the end of Python");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(stderr);
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}")))
}
