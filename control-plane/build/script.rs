//! All modules of the console as one script. Of a hundred small files a browser fetches twice as many bytes, since
//! each is compressed alone, and those of an import only when the one before has come.
//!
//! Each module becomes a function that is called once and returns what it exports, after those that it imports.
//! Files of the folder run as they are, too; what is understood here of the language is what they use, and
//! anything else is an error that names the line.

use std::{error::Error, fmt::Write as _, fs, path::Path};

use crate::stripped;

/// What may stand behind `export`, before a name.
const DECLARED: [&str; 6] =
    ["const ", "class ", "function* ", "function ", "async function* ", "async function "];

/// The module at `entry` in `folder`, and before it all that it needs.
pub(crate) fn joined(folder: &Path, entry: &str) -> Result<String, Box<dyn Error>> {
    let mut script =
        Script { folder, modules: Vec::new(), under_way: Vec::new(), text: String::new() };
    script.add(entry)?;
    Ok(script.text)
}

struct Script<'a> {
    folder: &'a Path,
    /// Those whose functions stand in `text`, by which they are numbered.
    modules: Vec<Module>,
    under_way: Vec<String>,
    text: String,
}

struct Module {
    path: String,
    exports: Vec<String>,
}

impl Script<'_> {
    /// The number of the module at `path`, which then stands in the text.
    fn add(&mut self, path: &str) -> Result<usize, Box<dyn Error>> {
        if let Some(number) = self.modules.iter().position(|module| module.path == path) {
            return Ok(number);
        }
        if self.under_way.iter().any(|other| other == path) {
            return Err(
                format!("{} → {path} is a circle of imports", self.under_way.join(" → ")).into()
            );
        }
        self.under_way.push(path.to_owned());
        let text = fs::read_to_string(self.folder.join(path))
            .map_err(|error| format!("{path}: {error}"))?;
        let (mut body, mut exports, mut import) = (String::new(), Vec::new(), String::new());
        for line in stripped::lines(&text) {
            if line.matches('`').count() % 2 == 1 {
                return Err(format!("{path}: a text goes over the end of the line {line:?}").into());
            }
            if !import.is_empty() || line.starts_with("import ") {
                import.push_str(line);
                import.push(' ');
                if line.ends_with(';') {
                    writeln!(body, "{}", self.imported(path, import.trim())?)?;
                    import.clear();
                }
                continue;
            }
            match line.strip_prefix("export ") {
                Some(declaration) => {
                    exports.push(
                        name(declaration)
                            .ok_or_else(|| format!("{path}: {line:?} is not understood"))?,
                    );
                    writeln!(body, "{declaration}")?;
                }
                None => writeln!(body, "{line}")?,
            }
        }
        self.under_way.pop();
        let number = self.modules.len();
        writeln!(
            self.text,
            "const m{number} = (() => {{\n{body}return {{ {} }};\n}})();",
            exports.join(", ")
        )?;
        self.modules.push(Module { path: path.to_owned(), exports });
        Ok(number)
    }

    /// `import { a, b as c } from "./x.js";` takes `a` and `b` from what that module returned.
    fn imported(&mut self, path: &str, statement: &str) -> Result<String, Box<dyn Error>> {
        let unknown = || format!("{path}: {statement:?} is not understood");
        let words = statement
            .strip_prefix("import ")
            .and_then(|words| words.strip_suffix(';'))
            .ok_or_else(unknown)?;
        let (names, from) = words.rsplit_once("from ").unwrap_or(("", words));
        let from = from
            .trim()
            .strip_prefix('"')
            .and_then(|from| from.strip_suffix('"'))
            .ok_or_else(unknown)?;
        let number = self.add(&resolved(path, from).ok_or_else(unknown)?)?;
        let names = names.trim();
        if names.is_empty() {
            return Ok(String::new());
        }
        if let Some(all) = names.strip_prefix("* as ") {
            return Ok(format!("const {all} = m{number};"));
        }
        let names = names
            .strip_prefix('{')
            .and_then(|names| names.strip_suffix('}'))
            .ok_or_else(unknown)?;
        let mut taken = Vec::new();
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let (exported, here) = name.split_once(" as ").unwrap_or((name, name));
            let module = self.modules.get(number).ok_or_else(unknown)?;
            if !module.exports.iter().any(|export| export == exported) {
                return Err(format!("{path}: {} exports no {exported}", module.path).into());
            }
            taken.push(if exported == here {
                here.to_owned()
            } else {
                format!("{exported}: {here}")
            });
        }
        Ok(format!("const {{ {} }} = m{number};", taken.join(", ")))
    }
}

/// What a declaration declares.
fn name(declaration: &str) -> Option<String> {
    let rest = DECLARED.iter().find_map(|kind| declaration.strip_prefix(kind))?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let name = rest.split(|c| !is_part(c)).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// Where `from` leads, of a module at `path`.
fn resolved(path: &str, from: &str) -> Option<String> {
    let mut parts = path.split('/').collect::<Vec<_>>();
    parts.pop();
    for part in from.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    from.starts_with('.').then(|| parts.join("/"))
}
