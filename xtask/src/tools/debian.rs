//! Debian's packages, as private copies: they are unpacked into a folder, which takes no rights, and
//! nothing on the machine changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use supervisor::process;

use super::search;

/// Unpacks `packages` into the folder `into`, and with them what they need and this machine lacks.
pub(crate) fn unpack(packages: &[&str], into: &Path) -> Result<()> {
    let wanted = ["install", "--reinstall", "--yes", "--download-only", "--no-install-recommends"];
    get(packages, &wanted, into)
}

/// Unpacks `package` into the folder `into`, and nothing that it depends on.
pub(crate) fn unpack_alone(package: &str, into: &Path) -> Result<()> {
    get(&[package], &["download"], into)
}

/// The command that installs `packages`, for a person to type.
pub(crate) fn advice(packages: &[&str]) -> String {
    format!("apt-get install {}", packages.join(" "))
}

/// The folder of the libraries that were unpacked into `folder`, by its path in there.
pub(crate) fn libraries(folder: &Path) -> Option<PathBuf> {
    let below = Path::new("usr/lib");
    let entries = fs::read_dir(folder.join(below)).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    // Named by the machine: x86_64-linux-gnu.
    names.into_iter().find(|name| name.contains("-linux-gnu")).map(|name| below.join(name))
}

fn get(packages: &[&str], command: &[&str], into: &Path) -> Result<()> {
    let names = packages.join(" ");
    if ["apt-get", "dpkg-deb"].iter().any(|program| search::on_path(program).is_none()) {
        bail!("there is no apt-get here");
    }
    eprintln!("getting {names} with apt-get");
    let apt = Apt::new(&into.join("apt"))?;
    process::run_aside(&mut apt.get(&["update"]))?;
    process::run_aside(apt.get(command).args(packages))?;
    for archive in apt.archives()? {
        process::run_aside(Command::new("dpkg-deb").arg("--extract").args([&archive, into]))?;
    }
    fs::remove_dir_all(&apt.folder)
        .with_context(|| format!("can't remove {}", apt.folder.display()))
}

/// apt-get with the machine's sources and with lists and archives of its own, so that it needs to
/// write nowhere else.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn new(folder: &Path) -> Result<Self> {
        for below in ["state/lists/partial", "cache/archives/partial"] {
            let folder = folder.join(below);
            fs::create_dir_all(&folder)
                .with_context(|| format!("can't create {}", folder.display()))?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    fn archives_folder(&self) -> PathBuf {
        self.folder.join("cache/archives")
    }

    fn get(&self, arguments: &[&str]) -> Command {
        let option = |name: &str, value: &Path| format!("{name}={}", value.display());
        let mut command = Command::new("apt-get");
        command
            .arg("-qq")
            .args(["-o", &option("Dir::State", &self.folder.join("state"))])
            .args(["-o", &option("Dir::Cache", &self.folder.join("cache"))])
            // What is installed here, to see what is missing. It is only read, so nobody has to be
            // kept from writing it meanwhile.
            .args(["-o", "Dir::State::status=/var/lib/dpkg/status"])
            .args(["-o", "Debug::NoLocking=true"])
            // Root would hand the download to a user who can't write here.
            .args(["-o", "APT::Sandbox::User="])
            .env("DEBIAN_FRONTEND", "noninteractive")
            // `apt-get download` writes into the current folder.
            .current_dir(self.archives_folder())
            .args(arguments);
        command
    }

    fn archives(&self) -> Result<Vec<PathBuf>> {
        let folder = self.archives_folder();
        let cannot_read = || format!("can't read {}", folder.display());
        let mut archives = Vec::new();
        for entry in fs::read_dir(&folder).with_context(cannot_read)? {
            let path = entry.with_context(cannot_read)?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                archives.push(path);
            }
        }
        Ok(archives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_got_without_any_rights() {
        let folder = std::env::temp_dir().join(format!("xtask-apt-{}", std::process::id()));
        let command = Apt::new(&folder).unwrap().get(&["update"]);
        fs::remove_dir_all(&folder).unwrap();
        let line = process::line(&command);
        let [state, cache] = ["state", "cache"].map(|name| folder.join(name).display().to_string());
        assert_eq!(
            line,
            format!(
                "apt-get -qq -o Dir::State={state} -o Dir::Cache={cache} \
                 -o Dir::State::status=/var/lib/dpkg/status -o Debug::NoLocking=true \
                 -o APT::Sandbox::User= update"
            )
        );
    }

    #[test]
    fn the_libraries_of_an_unpacked_package_are_found_on_every_machine() {
        let folder = std::env::temp_dir().join(format!("xtask-libraries-{}", std::process::id()));
        assert_eq!(libraries(&folder), None);
        fs::create_dir_all(folder.join("usr/lib/aarch64-linux-gnu")).unwrap();
        fs::create_dir_all(folder.join("usr/lib/rustlib")).unwrap();
        let found = libraries(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found.as_deref(), Some(Path::new("usr/lib/aarch64-linux-gnu")));
    }
}
