//! Debian's packages, where xtask may install them: as root, or where sudo asks for no password.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::search;
use supervisor::process;

const SUDO_TIMEOUT: Duration = Duration::from_secs(5);

/// Another apt may be at work in the same moment; it is waited for that many seconds.
const LOCK_OPTION: &str = "DPkg::Lock::Timeout=300";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Privilege {
    Root,
    Sudo,
}

/// Whether packages can be installed here without asking anybody.
pub(crate) fn can_install() -> bool {
    privilege().is_some()
}

/// The command that installs `packages`, for a person to type.
pub(crate) fn advice(packages: &[&str]) -> String {
    format!("sudo apt-get install {}", packages.join(" "))
}

/// Installs `packages`. What is installed already stays: nothing is removed to make room.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let Some(privilege) = privilege() else {
        bail!("run `{}`", advice(packages));
    };
    update(privilege);
    eprintln!("installing {} with apt-get", packages.join(" "));
    let mut command =
        apt_get(privilege, &["install", "--yes", "--no-install-recommends", "--no-remove"]);
    process::run_aside(command.args(packages))
        .with_context(|| format!("run `{}`", advice(packages)))
}

/// Unpacks `package` into the folder `into`, and installs nothing: for a package whose installation
/// would start a service. Its dependencies are the caller's matter.
pub(crate) fn unpack(package: &str, into: &Path) -> Result<()> {
    if search::on_path("apt-get").is_none() || search::on_path("dpkg-deb").is_none() {
        bail!("there is no apt-get here");
    }
    if let Some(privilege) = privilege() {
        update(privilege);
    }
    eprintln!("getting {package} with apt-get");
    let download = into.join("download");
    fs::create_dir_all(&download)
        .with_context(|| format!("can't create {}", download.display()))?;
    process::run_aside(
        Command::new("apt-get").args(["download", "-qq", package]).current_dir(&download),
    )?;
    let archives =
        fs::read_dir(&download).with_context(|| format!("can't read {}", download.display()))?;
    for archive in archives {
        let archive = archive.with_context(|| format!("can't read {}", download.display()))?.path();
        process::run_aside(Command::new("dpkg-deb").arg("--extract").args([&archive, into]))?;
    }
    fs::remove_dir_all(&download).with_context(|| format!("can't remove {}", download.display()))
}

fn privilege() -> Option<Privilege> {
    static FOUND: OnceLock<Option<Privilege>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        search::on_path("apt-get")?;
        if rustix::process::geteuid().is_root() {
            return Some(Privilege::Root);
        }
        search::on_path("sudo")?;
        let answer =
            process::output(Command::new("sudo").args(["-n", "true"]), SUDO_TIMEOUT).ok()?;
        answer.status.success().then_some(Privilege::Sudo)
    })
}

/// Fetches the package lists, once per run. Old lists will often do, so a failure is left to what
/// comes next.
fn update(privilege: Privilege) {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        if let Err(error) = process::run_aside(&mut apt_get(privilege, &["update"])) {
            eprintln!("{error:#}");
        }
    });
}

fn apt_get(privilege: Privilege, arguments: &[&str]) -> Command {
    // sudo drops the environment, so the variable goes through env.
    let (program, before): (_, &[&str]) = match privilege {
        Privilege::Root => ("env", &[]),
        Privilege::Sudo => ("sudo", &["-n", "env"]),
    };
    let mut command = Command::new(program);
    command
        .args(before)
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", LOCK_OPTION])
        .args(arguments);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_installed_without_questions_with_and_without_sudo() {
        assert_eq!(
            process::line(&apt_get(Privilege::Root, &["update"])),
            "env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 update"
        );
        assert_eq!(
            process::line(&apt_get(Privilege::Sudo, &["update"])),
            "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 update"
        );
    }
}
