//! Takes out of the archive of Swagger UI what the page of the API's description is made of.

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
    let folder = PathBuf::from(env::var("OUT_DIR")?).join("swagger-ui");
    fs::create_dir_all(&folder)?;
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
