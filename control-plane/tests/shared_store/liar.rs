//! Something between a server and whoever asks it that has the server run another rule than it was given.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// A line of the script, and one as long by which all is charged twice.
const RIGHT: &[u8] = b"bucket.hi = bucket.hi - costs[i]";
const WRONG: &[u8] = b"bucket.hi=bucket.hi-costs[i]*2.0";

pub(crate) struct Liar {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Liar {
    pub(crate) async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(lead(client, server));
            }
        });
        Self { address, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn lead(mut client: TcpStream, server: SocketAddr) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let (mut requests, mut client) = client.split();
    let (mut replies, mut server) = server.split();
    let lie = async {
        let (mut held, mut bytes) = (Vec::new(), [0; 16_384]);
        while let Ok(len @ 1..) = requests.read(&mut bytes).await {
            held.extend_from_slice(&bytes[..len]);
            while let Some(at) = held.windows(RIGHT.len()).position(|part| part == RIGHT) {
                held.splice(at..at + RIGHT.len(), WRONG.iter().copied());
            }
            // What may become the line with the next bytes waits for them.
            let begun = (0..RIGHT.len()).rev().find(|len| held.ends_with(&RIGHT[..*len]));
            let rest = held.split_off(held.len() - begun.unwrap_or(0));
            if server.write_all(&held).await.is_err() {
                return;
            }
            held = rest;
        }
    };
    tokio::select! {
        () = lie => {}
        _ = copy(&mut replies, &mut client) => {}
    }
}

#[test]
fn both_lines_are_as_long_and_the_right_one_is_the_scripts() {
    assert_eq!(RIGHT.len(), WRONG.len());
    let script = flowguard::store::shared::script::SCRIPT.as_bytes();
    assert_eq!(script.windows(RIGHT.len()).filter(|part| *part == RIGHT).count(), 1);
}
