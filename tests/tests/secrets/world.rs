//! A control plane and an Envoy that ask everybody who they are, and all secrets that they know.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use harness::TestStack;
use harness::deadline::soon;
use harness::http_client::{Answer, HttpClient, RequestBuilder};
use harness::tools;
use http::Method;
use proto::api::flow_guard_service_client::FlowGuardServiceClient;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::process::Command;
use tonic::transport::{Channel, Endpoint};

use crate::issuer::{AUDIENCE, ISSUER, Issuer};

/// A client's key that somebody made elsewhere, and of which a backup and a document have the digest.
pub(crate) const IMPORTED_KEY: &str =
    "fgk_ImportedKey1_ImportedKeyOfATestImportedKeyOfATestImporte_0a1B2c";
pub(crate) const DOCUMENT_KEY: &str =
    "fgk_DocumentKey1_DocumentKeyOfATestDocumentKeyOfATestDocumen_3d4E5f";

pub(crate) struct World {
    pub(crate) stack: TestStack,
    pub(crate) folder: TempDir,
    pub(crate) issuer: Issuer,
    /// The token of a file, which has every scope.
    pub(crate) admin: String,
    /// Keys of client `a` that are good.
    pub(crate) keys: Vec<String>,
    /// Keys that are not: revoked, or expired.
    pub(crate) wrong_keys: Vec<String>,
    /// All tokens, whatever they are good for.
    pub(crate) tokens: Vec<String>,
    /// The issuer's tokens.
    pub(crate) jwts: Vec<String>,
    /// Every answer but those that show a new secret, and what it answers.
    pub(crate) told: Vec<(String, String)>,
}

/// `flowguard` with these arguments in `folder`, and in no other environment than this.
pub(crate) async fn flowguard(
    folder: &Path,
    arguments: &[&str],
    settings: &[(&str, &str)],
) -> Output {
    let mut command = tools::flowguard();
    command.env_clear().current_dir(folder).args(arguments).stdin(Stdio::null());
    command.envs(settings.iter().copied());
    let output = Command::from(command).kill_on_drop(true).output();
    soon(&format!("flowguard {arguments:?}"), output).await.expect("it can be run")
}

/// A token that a command makes in a folder that no control plane has.
async fn made_in(folder: &Path, data: &str, name: &str, scopes: &str) -> String {
    let create = ["tokens", "create", "--local", "--name", name, "--scopes", scopes];
    let output = flowguard(folder, &create, &[("DATA_DIR", data)]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

/// What is kept of a secret.
pub(crate) fn sha256(secret: &str) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(secret) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

impl World {
    pub(crate) async fn start() -> Self {
        let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
        let path = folder.path();
        let backup = format!(
            "{}\n{}\n{}\n{}\n",
            r#"{"flowguard":{"format":3,"version":"0.1.0","at":1700000000000}}"#,
            r#"{"client":{"client_id":"a","rpm":null,"tpm":null,"enabled":true}}"#,
            format_args!(
                r#"{{"key":{{"public_part":"ImportedKey1","client_id":"a","sha256":"{}","created_at":"2023-11-14T22:13:20Z"}}}}"#,
                sha256(IMPORTED_KEY)
            ),
            r#"{"end":{"clients":1,"records":0,"keys":1}}"#,
        );
        fs::write(path.join("backup.jsonl"), backup).expect("written");
        let data = path.join("data").display().to_string();
        let data_dir = [("DATA_DIR", &*data)];
        let imported = flowguard(path, &["data", "import", "backup.jsonl"], &data_dir).await;
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
        let local = made_in(path, &data, "local", "read,write,keys,tokens,metrics").await;
        let decide = made_in(path, &data, "envoy", "decide").await;
        let admin = made_in(path, "elsewhere", "admin", "read").await;
        fs::write(path.join("admin.token"), format!("{admin}\n")).expect("written");
        fs::write(path.join("decide.token"), format!("{decide}\n")).expect("written");
        let issuer = Issuer::new(&path.join("jwks.json"));

        let file = |name: &str| path.join(name).display().to_string();
        let stack = TestStack::builder()
            .setting("FLOWGUARD_IDENTITY", "api-key")
            .setting("LOG_LEVEL", "debug")
            .setting("DATA_DIR", &data)
            .setting("ADMIN_AUTH", "required")
            .setting("DECIDE_AUTH", "required")
            .setting("ADMIN_TOKEN_FILE", &file("admin.token"))
            .setting("ADMIN_JWKS_FILE", &file("jwks.json"))
            .setting("ADMIN_JWT_ISSUER", ISSUER)
            .setting("ADMIN_JWT_AUDIENCE", AUDIENCE)
            .decide_token(path.join("decide.token"))
            .with_whole_admin()
            .start()
            .await;
        Self {
            stack,
            issuer,
            admin: admin.clone(),
            keys: vec![IMPORTED_KEY.to_owned()],
            wrong_keys: Vec::new(),
            tokens: vec![local, decide, admin],
            jwts: Vec::new(),
            told: Vec::new(),
            folder,
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Keys, tokens and an issuer's tokens.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        let all = [&self.keys, &self.wrong_keys, &self.tokens, &self.jwts].into_iter().flatten();
        all.map(String::as_str).collect()
    }

    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.admin)
    }

    /// A request of REST by somebody who may do everything.
    pub(crate) fn rest(&self, method: Method, path: &str) -> RequestBuilder {
        let client = HttpClient::one_connection_each(self.stack.control_plane.rest_address());
        client.request(method, path).header("authorization", self.bearer())
    }

    /// The public API over gRPC.
    pub(crate) async fn grpc(&self) -> FlowGuardServiceClient<Channel> {
        let address = format!("http://{}", self.stack.control_plane.grpc_address());
        let channel = Endpoint::from_shared(address).expect("a URI").connect().await;
        FlowGuardServiceClient::new(channel.expect("connected"))
    }

    /// A call over gRPC by whoever shows this.
    pub(crate) fn call<T>(authorization: &str, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Ok(value) = authorization.parse() {
            request.metadata_mut().insert("authorization", value);
        }
        request
    }

    /// Keeps an answer, to look through it.
    pub(crate) fn heard(&mut self, what: &str, answer: &Answer) {
        let text = format!("{} {:?}\n{}", answer.status, answer.headers, answer.text());
        self.told.push((what.to_owned(), text));
    }
}

/// What everything is tried with, and in all its variants: a key that is good, a token that is, and an
/// issuer's token.
impl World {
    pub(crate) fn of_each_kind(&self) -> [&str; 3] {
        [&self.keys[0], &self.tokens[0], &self.jwts[0]]
    }

    /// Each secret as it is, and those of each kind as people get them wrong.
    pub(crate) fn shown(&self) -> Vec<String> {
        let whole = self.secrets().into_iter().map(str::to_owned);
        whole.chain(self.of_each_kind().into_iter().flat_map(variants)).collect()
    }
}

/// A secret as people get it wrong: cut, doubled, in other letters, with something around it.
pub(crate) fn variants(secret: &str) -> Vec<String> {
    vec![
        secret.to_owned(),
        secret[..secret.len() - 1].to_owned(),
        secret[..60.min(secret.len())].to_owned(),
        format!("{secret}{secret}"),
        format!("{secret},{secret}"),
        format!("{secret}x"),
        format!("\"{secret}\""),
        format!("x{secret}"),
    ]
}
