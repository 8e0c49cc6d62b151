//! `cargo xtask fuzz`: feeds the targets in `tests/fuzz`, their seeds first, and bytes that a fuzzer
//! makes of what reached new code.
//!
//! The fuzzer is libFuzzer. What it needs of the compiler, counters at every branch, any stable Rust
//! can make: by flags, for a build with a folder of its own.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use supervisor::process;

use crate::campaigns::Ran;
use crate::cargo::{self, cargo};
use crate::tools::cxx;
use crate::workspace;

const PACKAGE: &str = "flowguard-fuzz";
const PROFILE: &str = "fuzz";

/// Counters at every edge, and what is compared with what.
const INSTRUMENTATION: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Bytes of an input, at most. What is longer reaches no other code, and slows all down.
const INPUT_BYTES_MAX: u32 = 8_192;

/// An input that takes longer is a finding.
const INPUT_TIMEOUT_S: u32 = 5;

/// A target that takes more memory is a finding: none keeps anything from input to input.
const MEMORY_MIB_MAX: u32 = 512;

/// What a fuzzer may take beyond its time, to begin and to end.
const GRACE: Duration = Duration::from_mins(1);

const RUSTC_TIMEOUT: Duration = Duration::from_secs(20);

/// Lines of a finding that are shown; the names of functions take most of them.
const LINES_SHOWN: usize = 40;

/// What to feed, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// The targets, which are the names in tests/fuzz/seeds; all of them where none is named
    targets: Vec<String>,
}

/// `cargo xtask fuzz`
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let all = targets()?;
    for target in &arguments.targets {
        if !all.contains(target) {
            bail!("there is no target {target}: {} are", all.join(", "));
        }
    }
    let chosen = if arguments.targets.is_empty() { all } else { arguments.targets.clone() };
    if !cxx::is_here() {
        bail!("the fuzzer is compiled by a C++ compiler: install g++ or clang, or set CXX");
    }
    feed(chosen, arguments.seconds)
}

/// Feeds all targets, where this machine can.
pub(crate) fn campaign(seconds: u32) -> Result<Ran> {
    if !cxx::is_here() {
        return Ok(Ran::NotHere);
    }
    feed(targets()?, seconds)?;
    Ok(Ran::ToTheEnd)
}

fn targets() -> Result<Vec<String>> {
    let seeds = seeds();
    let entries =
        fs::read_dir(&seeds).with_context(|| format!("can't read {}", seeds.display()))?;
    let mut names = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

fn seeds() -> PathBuf {
    workspace::root().join("tests/fuzz/seeds")
}

/// Feeds as many targets at a time as there are CPUs. The first finding ends it, when the others at
/// work have had their time.
fn feed(mut targets: Vec<String>, seconds: u32) -> Result<()> {
    let fuzzers = build()?;
    targets.reverse();
    let at_a_time = thread::available_parallelism()?.get().min(targets.len());
    let waiting = Mutex::new(targets);
    let next = || waiting.lock().ok()?.pop();
    thread::scope(|scope| {
        let feed_some = || {
            while let Some(target) = next() {
                feed_one(&fuzzers, &target, seconds)?;
            }
            Ok(())
        };
        let threads: Vec<_> = (0..at_a_time).map(|_| scope.spawn(feed_some)).collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect()
    })
}

/// The folder with a fuzzer for each target.
fn build() -> Result<PathBuf> {
    let host = host()?;
    let folder = workspace::target().join("fuzz");
    let mut command = cargo(&["build", "--locked", "--package", PACKAGE, "--bins"]);
    cargo::without(&mut command, cargo::changes_the_compilation);
    // With a target, what runs while compiling is not instrumented.
    command
        .args(["--features", "fuzzers", "--profile", PROFILE, "--target", &host, "--target-dir"])
        .arg(&folder)
        .env("CARGO_ENCODED_RUSTFLAGS", INSTRUMENTATION.join("\u{1f}"));
    process::run_aside(&mut command)?;
    Ok(folder.join(host).join(PROFILE))
}

/// What cargo calls this machine.
fn host() -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--print", "host-tuple"]).current_dir(workspace::root());
    let output = process::output(&mut command, RUSTC_TIMEOUT)?;
    process::succeeded(&command, output.status)?;
    Ok(output.stdout.trim().to_owned())
}

fn feed_one(fuzzers: &Path, target: &str, seconds: u32) -> Result<()> {
    let corpus = made(workspace::target().join("fuzz/corpus").join(target))?;
    let findings = made(workspace::target().join("fuzz/findings").join(target))?;
    let mut command = Command::new(fuzzers.join(target));
    command
        .arg(corpus)
        .arg(seeds().join(target))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg(format!("-timeout={INPUT_TIMEOUT_S}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .args(["-print_final_stats=1", "-verbosity=0"]);
    let dictionary = workspace::root().join(format!("tests/fuzz/dictionaries/{target}.dict"));
    if dictionary.exists() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let timeout = Duration::from_secs(seconds.into()) + GRACE;
    let output = process::output(&mut command, timeout)?;
    if !output.status.success() {
        supervisor::interrupt::check()?;
        let lines: Vec<_> = output.stderr.lines().collect();
        let shown = lines.get(lines.len().saturating_sub(LINES_SHOWN)..).unwrap_or_default();
        bail!("{target}: something was found ({})\n{}", output.status, shown.join("\n"));
    }
    let figure = |name| figure(&output.stderr, name).unwrap_or("?");
    let (inputs, a_second) = (figure("number_of_executed_units"), figure("average_exec_per_sec"));
    eprintln!("xtask: {target} held for {inputs} inputs, {a_second} a second");
    Ok(())
}

fn made(folder: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&folder).with_context(|| format!("can't create {}", folder.display()))?;
    Ok(folder)
}

/// One of the figures that the fuzzer ends with, such as `stat::average_exec_per_sec: 2349`.
fn figure<'a>(output: &'a str, name: &str) -> Option<&'a str> {
    let of_name = |line: &'a str| line.strip_prefix("stat::")?.strip_prefix(name);
    output.lines().find_map(of_name).map(|rest| rest.trim_start_matches(':').trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_fuzzer_are_read() {
        let output =
            "Done 5 runs\nstat::number_of_executed_units: 5\nstat::average_exec_per_sec:     3\n";
        assert_eq!(figure(output, "number_of_executed_units"), Some("5"));
        assert_eq!(figure(output, "average_exec_per_sec"), Some("3"));
        assert_eq!(figure(output, "peak_rss_mb"), None);
    }
}
