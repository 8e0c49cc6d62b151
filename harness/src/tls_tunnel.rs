//! A way into a server that speaks TLS, for clients that do not.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

pub use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A listener that speaks TLS with a server for whoever connects to it. Dropping it closes every
/// connection.
#[derive(Debug)]
pub struct TlsTunnel {
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// What a client shows.
#[derive(Debug)]
pub struct ClientCertificate {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

impl TlsTunnel {
    /// Starts one to `server`, which has to show a certificate for `localhost` that `ca` has signed.
    pub async fn start(
        server: SocketAddr,
        ca: CertificateDer<'static>,
        client: Option<ClientCertificate>,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(ca).expect("a certificate");
        let config = ClientConfig::builder().with_root_certificates(roots);
        let mut config = match client {
            Some(ClientCertificate { certificate, key }) => config
                .with_client_auth_cert(vec![certificate], key)
                .expect("a certificate with its key"),
            None => config.with_no_client_auth(),
        };
        // A session that is resumed would hide whose certificate it is.
        config.resumption = tokio_rustls::rustls::client::Resumption::disabled();
        let connector = TlsConnector::from(Arc::new(config));
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound listener has an address");
        Self { address, task: tokio::spawn(accept(listener, connector, server)) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TlsTunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, connector: TlsConnector, server: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((inner, _)) = listener.accept().await {
        connections.spawn(connect(inner, connector.clone(), server));
    }
}

/// What goes wrong ends the connection, as its client sees.
async fn connect(mut inner: TcpStream, connector: TlsConnector, server: SocketAddr) {
    let Ok(outer) = TcpStream::connect(server).await else { return };
    let name = ServerName::try_from("localhost").expect("a name");
    let Ok(mut outer) = connector.connect(name, outer).await else { return };
    let _ = copy_bidirectional(&mut inner, &mut outer).await;
}
