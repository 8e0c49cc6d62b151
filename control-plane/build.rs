//! What of the program is no Rust: the console's files, and of the archive of Swagger UI what the page of the
//! API's description is made of.

#[path = "build/console.rs"]
mod console;
#[path = "build/script.rs"]
mod script;
#[path = "build/shortened.rs"]
mod shortened;
#[path = "build/stripped.rs"]
mod stripped;
#[path = "build/style.rs"]
mod style;

use std::{
    env,
    error::Error,
    fs,
    io::{Cursor, Read as _},
    path::{Path, PathBuf},
};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// All that its page needs, and who wrote it: what else is there is for other ways to use it.
const FILES: [&str; 3] = ["dist/swagger-ui.css", "dist/swagger-ui-bundle.js", "NOTICE"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    console::embed(&out_dir)?;
    swagger_ui(&out_dir.join("swagger-ui"))
}

fn swagger_ui(folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        // The archive's one folder has the version in its name.
        let path = file.enclosed_name().ok_or("a path that leads elsewhere")?;
        let path = path.iter().skip(1).collect::<PathBuf>();
        let is_wanted = FILES.iter().any(|wanted| path == Path::new(wanted));
        if let (true, Some(name)) = (is_wanted, path.file_name()) {
            let mut content = Vec::new();
            file.read_to_end(&mut content)?;
            fs::write(folder.join(name), content)?;
        }
    }
    for wanted in FILES {
        let name = wanted.rsplit('/').next().unwrap_or(wanted);
        if !folder.join(name).is_file() {
            return Err(format!("the archive has no {wanted}").into());
        }
    }
    Ok(())
}
