//! Programs that end when their owner ends, even when that is killed and no drop guard runs.
//!
//! Linux signals a process whose parent has died if the process asked for it, and the wish survives
//! `exec`. The child has to ask for itself: between fork and exec that takes unsafe code, so the owner
//! starts itself once more with the arguments `leash PARENT PROGRAM…`, which it has to hand to
//! [`become_program`]: that asks, and becomes the program. Elsewhere the drop guards alone must do.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A command that runs `program` on a leash. Call it from the main thread: the signal comes when
/// the thread ends.
pub fn leashed(program: impl AsRef<OsStr>) -> Command {
    if cfg!(target_os = "linux") {
        // Not `current_exe`: that path is gone once a build in another terminal has replaced the owner.
        let mut command = Command::new("/proc/self/exe");
        command.args(["leash", &std::process::id().to_string()]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// Replaces this process by `command`, on a leash that the process `parent` holds.
pub fn become_program(parent: i32, command: &[OsString]) -> Result<()> {
    ask_for_a_signal_when_it_ends(parent)?;
    let Some((program, arguments)) = command.split_first() else {
        bail!("no program to run");
    };
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("can't run {}", program.display()))
}

#[cfg(target_os = "linux")]
fn ask_for_a_signal_when_it_ends(parent: i32) -> Result<()> {
    use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

    set_parent_process_death_signal(Some(Signal::TERM))
        .context("can't ask for the parent's death signal")?;
    // The parent may have died before it was asked for; then nobody would signal.
    if getppid() != Pid::from_raw(parent) {
        bail!("process {parent} is not the parent");
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn ask_for_a_signal_when_it_ends(_parent: i32) -> Result<()> {
    Ok(())
}
