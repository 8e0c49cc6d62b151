//! Chromium and its driver, by which the tests look at the console. They are good for each other in one
//! version only.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::search::{self, Tool};
use super::{debian, private_copy};
use crate::whole_folder;

/// The first version whose headless mode is the browser that people have.
const OLDEST: u32 = 112;

/// What it is called, on one machine or another; Chrome will do.
const BROWSERS: [Tool; 4] = [
    browser("chromium"),
    browser("chromium-browser"),
    browser("google-chrome"),
    browser("google-chrome-stable"),
];

const DRIVER: Tool = Tool {
    variable: "CHROMEDRIVER_BIN",
    program: "chromedriver",
    accepts: |printed| printed.starts_with("ChromeDriver "),
    wanted: "the driver of Chromium or Chrome",
};

/// Debian's packages of the two.
const PACKAGES: [&str; 2] = ["chromium", "chromium-driver"];

/// The fonts that were unpacked along, where the machine has none.
const FONTS: &str = "<?xml version=\"1.0\"?>\n\
                     <!DOCTYPE fontconfig SYSTEM \"fonts.dtd\">\n\
                     <fontconfig><dir prefix=\"relative\">usr/share/fonts</dir></fontconfig>\n";

const fn browser(program: &'static str) -> Tool {
    Tool {
        variable: "CHROMIUM_BIN",
        program,
        accepts: is_browser,
        wanted: "Chromium or Chrome 112 or newer",
    }
}

fn is_browser(printed: &str) -> bool {
    ["Chromium ", "Google Chrome "].iter().any(|name| printed.contains(name))
        && version(printed).is_some_and(|version| version >= OLDEST)
}

/// The browser and its driver, each with the variable that names it: what the variables say, else a pair on
/// `PATH`, else private copies.
pub(crate) fn chromium() -> Result<[(&'static str, PathBuf); 2]> {
    let [first, ..] = BROWSERS;
    let (browser, driver) = match found()? {
        Some(pair) => pair,
        None => private_copies(&first)?,
    };
    Ok([(first.variable, browser), (DRIVER.variable, driver)])
}

/// A pair of one version that is here already.
fn found() -> Result<Option<(PathBuf, PathBuf)>> {
    let mut browser = None;
    for tool in &BROWSERS {
        browser = tool.find()?;
        if browser.is_some() {
            break;
        }
    }
    let [first, ..] = BROWSERS;
    let is_named = [first.variable, DRIVER.variable]
        .iter()
        .any(|variable| env::var_os(variable).is_some_and(|path| !path.is_empty()));
    let problem = match (browser, DRIVER.find()?) {
        (Some(browser), Some(driver)) => {
            let versions = [&browser, &driver].map(|path| version_of(path));
            if versions[0] == versions[1] {
                return Ok(Some((browser, driver)));
            }
            format!("{} and {} are of two versions", browser.display(), driver.display())
        }
        (Some(browser), None) => format!("{} has no chromedriver beside it", browser.display()),
        (None, Some(driver)) => format!("{} has no browser to drive", driver.display()),
        (None, None) => return Ok(None),
    };
    if is_named {
        bail!("{problem}: name both with {} and {}", first.variable, DRIVER.variable);
    }
    eprintln!("passing over a browser: {problem}");
    Ok(None)
}

fn private_copies(browser: &Tool) -> Result<(PathBuf, PathBuf)> {
    let folder = private_copy::folder("chromium");
    let paths = [folder.join("chromium"), folder.join("chromedriver")];
    if !paths.iter().all(|path| search::is_executable(path)) {
        whole_folder::fill(&folder, fill)
            .and_then(|()| browser.check(&paths[0]))
            .and_then(|()| DRIVER.check(&paths[1]))
            .with_context(|| {
                format!(
                    "can't get Chromium: run `{}` as root, or name an installed one with {}=PATH and {}=PATH",
                    debian::advice(&PACKAGES),
                    browser.variable,
                    DRIVER.variable
                )
            })?;
    }
    let [browser, driver] = paths;
    Ok((browser, driver))
}

/// Unpacks the packages, and writes scripts that call the programs with what was unpacked along.
fn fill(folder: &Path) -> Result<()> {
    debian::unpack(&PACKAGES, folder)?;
    let fonts = folder.join("fonts.conf");
    fs::write(&fonts, FONTS).with_context(|| format!("can't write {}", fonts.display()))?;
    let libraries = debian::libraries(folder).unwrap_or_default();
    let libraries = libraries.display();
    for (name, program) in
        [("chromium", "usr/lib/chromium/chromium"), ("chromedriver", "usr/bin/chromedriver")]
    {
        // The library of sound has a part of itself in a folder below the others'.
        private_copy::write_script(
            &folder.join(name),
            &format!(
                "folder=$(dirname \"$0\")\n\
                 [ -e /etc/fonts/fonts.conf ] || export FONTCONFIG_FILE=\"$folder/fonts.conf\"\n\
                 LD_LIBRARY_PATH=\"$folder/{libraries}:$folder/{libraries}/pulseaudio\" \
                 exec \"$folder/{program}\" \"$@\"\n"
            ),
        )?;
    }
    Ok(())
}

fn version_of(program: &Path) -> Option<u32> {
    version(&search::ask(Command::new(program).arg("--version"))?)
}

/// The first number of `Chromium 156.0.8078.108 built on Debian`.
fn version(printed: &str) -> Option<u32> {
    let mut words = printed.split_whitespace();
    let version = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_and_its_driver_are_told_by_what_they_print() {
        assert_eq!(version("Chromium 156.0.8078.108 built on Debian\n"), Some(156));
        assert_eq!(
            version("ChromeDriver 155.0.1.2 (730482a9-refs/branch-heads/8078@{#2244})"),
            Some(155)
        );
        assert_eq!(version("no number"), None);
        for printed in ["Chromium 156.0.8078.108 built on Debian", "Google Chrome 112.0.5615.49 "] {
            assert!(is_browser(printed), "{printed}");
        }
        for printed in ["Chromium 111.0.5563.64", "Mozilla Firefox 140.0", "Chromium", ""] {
            assert!(!is_browser(printed), "{printed}");
        }
        assert!((DRIVER.accepts)("ChromeDriver 156.0.8078.108"));
    }
}
