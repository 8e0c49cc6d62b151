//! The binary `flowguard`.

use std::process::ExitCode;

fn main() -> ExitCode {
    flowguard::process::run()
}
