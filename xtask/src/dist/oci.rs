//! The filter as an image that lies in a folder, ready to be pushed to a registry.
//!
//! Istio and Envoy Gateway take a filter from any image whose last layer has a file `plugin.wasm`
//! (the "compat" variant of the Wasm image specification), so that every registry will do.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{VERSION, archive, checksums, files};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Writes the layout of an image of `filter` into a folder.
pub(super) fn write(filter: &Path, folder: &Path) -> Result<()> {
    let archive = archive::tar(&[("plugin.wasm".into(), files::read(filter)?)])?;
    let layer = blob(folder, LAYER, &archive::gzip(&archive)?)?;
    let config = json!({
        "architecture": "wasm",
        "os": "wasip1",
        "rootfs": {
            "type": "layers",
            "diff_ids": [digest(&archive)],
        },
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": blob(folder, CONFIG, &text(&config)?)?,
        "layers": [layer],
        "annotations": {
            "module.wasm.image/variant": "compat",
            "org.opencontainers.image.title": "FlowGuard's filter for Envoy",
            "org.opencontainers.image.version": VERSION,
            "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
        },
    });
    let mut manifest = blob(folder, MANIFEST, &text(&manifest)?)?;
    if let Some(fields) = manifest.as_object_mut() {
        let name = json!({ "org.opencontainers.image.ref.name": VERSION });
        fields.insert("annotations".to_owned(), name);
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest] });
    files::write(&folder.join("index.json"), &text(&index)?)?;
    files::write(&folder.join("oci-layout"), &text(&json!({ "imageLayoutVersion": "1.0.0" }))?)
}

/// Writes bytes under the name of their digest, and describes them.
fn blob(folder: &Path, media_type: &str, bytes: &[u8]) -> Result<Value> {
    files::write(&folder.join("blobs/sha256").join(checksums::sha256(bytes)), bytes)?;
    Ok(json!({ "mediaType": media_type, "digest": digest(bytes), "size": bytes.len() }))
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", checksums::sha256(bytes))
}

fn text(document: &Value) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(document).context("can't write JSON")
}
