//! A TCP relay whose connections can be made to swallow everything: the network between two parts,
//! gone bad.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// A relay to one server. Dropping it closes every connection.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    /// Connections that were opened in an earlier generation are dead.
    generation: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Starts one on a free loopback port.
    pub async fn start(server: SocketAddr) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (generation, watched) = watch::channel(0);
        let task = tokio::spawn(accept(listener, server, watched));
        Self { address, generation, task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the open connections deliver nothing in either direction, and stay open; new
    /// ones work.
    pub fn swallow_open_connections(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, generation: watch::Receiver<u64>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    connections.spawn(relay(client, server, generation.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn relay(mut client: TcpStream, server: SocketAddr, mut generation: watch::Receiver<u64>) {
    generation.mark_unchanged();
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = generation.changed() => std::future::pending().await,
    }
}
