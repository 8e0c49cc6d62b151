//! A TCP relay whose connections can be made to swallow everything, or be cut: the network between
//! two parts, gone bad.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// A relay to one server. Dropping it closes every connection.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    /// Where new connections lead.
    server: watch::Sender<SocketAddr>,
    /// Befalls the connections that are open when it is sent.
    fault: watch::Sender<Fault>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Swallow,
    Cut,
}

impl Relay {
    /// Starts one on a free loopback port.
    pub async fn start(server: SocketAddr) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound listener has an address");
        // No connection is open yet that the first value could befall.
        let (fault, faults) = watch::channel(Fault::Cut);
        let (server, servers) = watch::channel(server);
        let task = tokio::spawn(accept(listener, servers, faults));
        Self { address, server, fault, task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections lead to another server from now on.
    pub fn lead_to(&self, server: SocketAddr) {
        self.server.send_replace(server);
    }

    /// From now on the open connections deliver nothing in either direction, and stay open; new
    /// ones work.
    pub fn swallow_open_connections(&self) {
        self.fault.send_replace(Fault::Swallow);
    }

    /// Closes the open connections, those that swallow everything too; new ones work.
    pub fn cut_open_connections(&self) {
        self.fault.send_replace(Fault::Cut);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    servers: watch::Receiver<SocketAddr>,
    faults: watch::Receiver<Fault>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    let server = *servers.borrow();
                    connections.spawn(relay(client, server, faults.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn relay(mut client: TcpStream, server: SocketAddr, mut faults: watch::Receiver<Fault>) {
    faults.mark_unchanged();
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => return,
        _ = faults.changed() => {}
    }
    // An error means that the relay has gone, and its connections with it.
    let _ = faults.wait_for(|fault| *fault == Fault::Cut).await;
}
