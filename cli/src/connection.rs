//! The connection to a server: HTTP/1.1, with TLS where its URL says so.

use std::{
    error::Error,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{StatusCode, header};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use url::Url;

use crate::{
    body::{Body, Unfinished},
    call::{Call, Condition},
    message::in_one_line,
    server_url::{self, WrongServer, is_here},
    token::Token,
};

/// For a machine that is there and answers nothing at all; no network takes as long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A server gives up a call after half a minute, and says so.
const SILENCE_MAX: Duration = Duration::from_secs(40);

/// A million clients with a key each are less than this as one document.
const ANSWER_BYTES_MAX: usize = 512 * 1_024 * 1_024;

/// What is wrong with a document of a million clients fits into it many times.
const REFUSAL_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// The system's own file of authorities has a quarter of a megabyte.
const CA_BYTES_MAX: u64 = 4 * 1_024 * 1_024;

/// A way to one server.
#[derive(Clone, Debug)]
pub struct Connection {
    http: reqwest::Client,
    server: Url,
    token: Option<Token>,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) etag: Option<String>,
    /// Where it sends whoever follows.
    pub(crate) location: Option<String>,
    pub(crate) body: Bytes,
}

/// A server that cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// Not a URL of a server.
    #[error(transparent)]
    Server(#[from] WrongServer),
    /// The file of authorities.
    #[error("the file of authorities {} {fault}", path.display())]
    Authorities {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// The system has none.
    #[error("the system trusts no authority that could be read: name one with --ca-file")]
    NoAuthorities,
    /// What the HTTP client says before there is a call.
    #[error("no connection can be prepared: {0}")]
    Unprepared(String),
    /// No answer, or no whole one.
    #[error("{server} is out of reach: {reason}")]
    Unreachable {
        /// Who was asked.
        server: String,
        /// What happened.
        reason: String,
    },
    /// More than is read.
    #[error("{server} answered more than {max} bytes")]
    TooLong {
        /// Who was asked.
        server: String,
        /// So many are read.
        max: usize,
    },
}

impl Connection {
    /// A connection to the server at this URL, whose certificate is checked by the authorities in this
    /// file, else by the system's.
    pub(crate) fn new(
        server: Url,
        ca_file: Option<&Path>,
        token: Option<Token>,
    ) -> Result<Self, ConnectionError> {
        let unprepared = |error: &dyn Error| ConnectionError::Unprepared(chain(error));
        let mut builder = reqwest::Client::builder()
            .http1_only()
            .user_agent(concat!("flowguard/", env!("CARGO_PKG_VERSION")))
            // A token is for one server, and no answer of the API sends anybody elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(SILENCE_MAX)
            .tls_backend_preconfigured(tls(&server, ca_file)?);
        if is_here(&server) {
            // What is behind a proxy is another machine's.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| unprepared(&error))?;
        Ok(Self { http, server, token })
    }

    /// One without TLS and without a token, for tests.
    pub fn plain(server: &str) -> Result<Self, ConnectionError> {
        Self::new(server_url::read(server)?, None, None)
    }

    /// Who is asked.
    pub(crate) fn server(&self) -> &Url {
        &self.server
    }

    /// What it is shown.
    pub(crate) fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// What a call is answered, whatever it is.
    pub(crate) async fn answer(&self, call: Call) -> Result<Answer, ConnectionError> {
        let response = self.send(call).await?;
        self.whole(response).await
    }

    /// All of an answer.
    pub(crate) async fn whole(
        &self,
        mut response: reqwest::Response,
    ) -> Result<Answer, ConnectionError> {
        let status = response.status();
        let max = if status.is_success() { ANSWER_BYTES_MAX } else { REFUSAL_BYTES_MAX };
        let too_long = |max| ConnectionError::TooLong { server: self.server.to_string(), max };
        // Much of it would be read first, and then thrown away.
        let is_said = |max| response.content_length().is_some_and(|len| len > max);
        if u64::try_from(max).is_ok_and(is_said) {
            return Err(too_long(max));
        }
        let text = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let (etag, location) = (text(header::ETAG), text(header::LOCATION));
        let mut body = Body::new(max);
        let failed = |unfinished| match unfinished {
            Unfinished::TooLong(max) => too_long(max),
            Unfinished::TooSlow(bytes) => ConnectionError::Unreachable {
                server: self.server.to_string(),
                reason: format!("its answer comes too slowly, {bytes} bytes until now"),
            },
            Unfinished::Broken(error) => self.unreachable(&error),
        };
        while body.take(response.chunk()).await.map_err(failed)? {}
        Ok(Answer { status, etag, location, body: body.whole() })
    }

    /// The answer's head; its body comes in pieces.
    pub(crate) async fn send(&self, call: Call) -> Result<reqwest::Response, ConnectionError> {
        let Call { method, path, query, body, condition, last_event_id } = call;
        let mut url = self.server.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
            // The API takes a plus sign for one, and a space is %20.
            let query = url.query().unwrap_or_default().replace('+', "%20");
            url.set_query(Some(&query));
        }
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, token.authorization());
        }
        request = match condition {
            Some(Condition::HasTag(tag)) => request.header(header::IF_MATCH, tag),
            Some(Condition::IsAbsent) => request.header(header::IF_NONE_MATCH, "*"),
            None => request,
        };
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, body.media_type).body(body.bytes);
        }
        request.send().await.map_err(|error| self.unreachable(&error))
    }

    pub(crate) fn unreachable(&self, error: &reqwest::Error) -> ConnectionError {
        let mut reason = if error.is_timeout() {
            "it does not answer in time".to_owned()
        } else {
            // Its own text repeats the URL, and so do the client's words; what is below says what
            // happened.
            let below = error.source().unwrap_or(error);
            chain(below.source().filter(|_| error.is_connect()).unwrap_or(below))
        };
        if reason.contains("InvalidContentType") {
            reason.push_str("; does it speak TLS? http:// is without");
        }
        if reason.contains("certificate") {
            reason.push_str("; --ca-file names the authority that signed it");
        }
        ConnectionError::Unreachable { server: self.server.to_string(), reason }
    }
}

/// How a server's certificate is checked.
fn tls(server: &Url, ca_file: Option<&Path>) -> Result<ClientConfig, ConnectionError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let wrong = |fault| ConnectionError::Authorities { path: path.to_owned(), fault };
            let pem = read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate =
                    certificate.map_err(|error| wrong(format!("is wrong: {error}")))?;
                roots.add(certificate).map_err(|error| wrong(format!("is wrong: {error}")))?;
            }
            if roots.is_empty() {
                return Err(wrong("has no certificate in PEM".to_owned()));
            }
        }
        None if server.scheme() == "https" => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(ConnectionError::NoAuthorities);
            }
        }
        None => {}
    }
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConnectionError::Unprepared(error.to_string()))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(CA_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What an error says, and what is below it.
fn chain(error: &dyn Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        source = error.source();
    }
    in_one_line(&texts.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_an_authority_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let told = || {
            let server = server_url::read("https://h").unwrap();
            Connection::new(server, Some(&path), None).unwrap_err().to_string()
        };
        assert!(told().contains("ca.pem cannot be read: "), "{}", told());
        fs::write(&path, "nothing").unwrap();
        assert!(told().ends_with("ca.pem has no certificate in PEM"), "{}", told());
    }
}
