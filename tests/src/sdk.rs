//! The vendors' own Python libraries, called by the programs in `tests/sdk/`.

use harness::deadline::SOON;
use harness::process::printed;
use harness::tools;
use serde_json::Value;
use tokio::process::Command;

/// What one of the programs prints.
pub async fn call(program: &str, arguments: &[&str]) -> Value {
    let what = format!("{program} {}", arguments.join(" "));
    let mut command = Command::from(tools::sdk_python());
    command.arg(tools::workspace().join("tests/sdk").join(program)).args(arguments);
    // No proxy of the machine's may stand between the library and this one.
    command.env("NO_PROXY", "*");
    // Python reads thousands of files before it begins, and some programs call for half a minute.
    let text = printed(&what, 6 * SOON, &mut command).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}: {text}"))
}
