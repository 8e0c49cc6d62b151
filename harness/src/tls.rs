//! An https front of the mock LLM, with certificates of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A TLS server that hands the plain bytes on. Dropping it closes every connection.
#[derive(Debug)]
pub struct TlsFront {
    port: u16,
    ca_file: PathBuf,
    handshakes: Arc<Mutex<Vec<Handshake>>>,
    task: JoinHandle<()>,
}

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The server name, if the client gave one.
    pub server_name: Option<String>,
    /// The protocol that was agreed on.
    pub alpn: Option<String>,
}

impl TlsFront {
    /// Starts one before `server` that shows a certificate for `name` and offers the protocols
    /// `alpn`, the best first. `folder` gets the file of the CA that signed it.
    pub async fn start(server: SocketAddr, name: &str, alpn: &[&str], folder: &Path) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        let ca_file = folder.join("ca.pem");
        std::fs::write(&ca_file, cert.pem()).expect("the CA file can be written");
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("a certificate with its key");
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();

        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free loopback port");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let handshakes = Arc::default();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let task = tokio::spawn(accept(listener, acceptor, server, Arc::clone(&handshakes)));
        Self { port, ca_file, handshakes, task }
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The PEM file that a client has to trust.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// The handshakes that were completed.
    pub fn handshakes(&self) -> Vec<Handshake> {
        self.handshakes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    server: SocketAddr,
    handshakes: Arc<Mutex<Vec<Handshake>>>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    let handshakes = Arc::clone(&handshakes);
                    connections.spawn(relay(client, acceptor.clone(), server, handshakes));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn relay(
    client: TcpStream,
    acceptor: TlsAcceptor,
    server: SocketAddr,
    handshakes: Arc<Mutex<Vec<Handshake>>>,
) {
    // A client that does not trust the certificate goes away here.
    let Ok(mut client) = acceptor.accept(client).await else { return };
    let (_, session) = client.get_ref();
    let handshake = Handshake {
        server_name: session.server_name().map(str::to_owned),
        alpn: session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
    };
    handshakes.lock().unwrap_or_else(PoisonError::into_inner).push(handshake);
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    // An error is a connection that either side cut.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
