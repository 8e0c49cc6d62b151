//! Secrets where a command takes something else: most often the secret in place of its file.

use crate::world::{World, flowguard, variants};

const OF_FILES: [&str; 8] = [
    "ADMIN_TOKEN_FILE",
    "ADMIN_JWKS_FILE",
    "CONFIG_FILE",
    "TLS_CERT_FILE",
    "TLS_CLIENT_CA_FILE",
    "STORE_PASSWORD_FILE",
    "STORE_URL",
    "UPSTREAM_URL",
];

/// None of them does what it was called for, and none repeats what it was given.
pub(crate) async fn given_secrets(world: &mut World) {
    let mut said = Vec::new();
    let folder = world.folder.path();
    let secrets = [&world.keys[0], &world.tokens[0]];
    for text in secrets.into_iter().flat_map(|secret| variants(secret).into_iter().take(3)) {
        let text = text.as_str();
        let memory = ("DATA_DIR", "memory");
        for setting in OF_FILES {
            // An address that is not this host's ends a process that takes the value for right.
            let settings = [
                memory,
                (setting, text),
                ("BIND_ADDRESS", "192.0.2.1"),
                ("TRUST_CLIENT_HEADER", "true"),
                ("ADMIN_AUTH", "off"),
                ("DECIDE_AUTH", "off"),
            ];
            said.push((setting, flowguard(folder, &[], &settings).await));
        }
        for arguments in [
            &[text][..],
            &["--config-port", text],
            &["--admin-token", text],
            &["health", text],
            &["validate", text],
            &["data", "check", text],
            &["data", "import", text],
            &["data", "backup", "-", "--token-file", text],
            &["tokens", "create", "--local", "--name", text, "--scopes", "read"],
            &["tokens", "create", "--local", "--name", "x", "--scopes", text],
            &["envoy-config", "--decide-token-file", text],
        ] {
            said.push(("arguments", flowguard(folder, arguments, &[memory]).await));
        }
        let token = ("FLOWGUARD_TOKEN_FILE", text);
        said.push(("FLOWGUARD_TOKEN_FILE", flowguard(folder, &["health"], &[token]).await));
    }
    for (what, output) in said {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let told = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
        assert!(!output.status.success() || what == "FLOWGUARD_TOKEN_FILE", "{what}: {told}");
        assert!(!told.trim().is_empty() || output.status.success(), "{what} says why");
        world.told.push((format!("a command ({what})"), told));
    }
}
