//! Something between a server and whoever asks it that cuts between request and reply: the server did it,
//! and nobody hears of it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use harness::deadline::eventually;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

pub(crate) struct Cutter {
    address: SocketAddr,
    cuts: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Cutter {
    pub(crate) async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let cuts = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(accept(listener, server, Arc::clone(&cuts)));
        Self { address, cuts, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nobody hears the next reply, and its connection ends, before this does.
    pub(crate) async fn cut_at_the_next_reply(&self) {
        self.cuts.store(true, Ordering::Relaxed);
        eventually("a reply", || async { (!self.cuts.load(Ordering::Relaxed)).then_some(()) })
            .await;
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, cuts: Arc<AtomicBool>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(lead(client, server, Arc::clone(&cuts)));
    }
}

async fn lead(mut client: TcpStream, server: SocketAddr, cuts: Arc<AtomicBool>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let (mut requests, mut client) = client.split();
    let (mut replies, mut server) = server.split();
    let answer = async {
        let mut bytes = [0; 16_384];
        while let Ok(len @ 1..) = replies.read(&mut bytes).await {
            if cuts.swap(false, Ordering::Relaxed) || client.write_all(&bytes[..len]).await.is_err()
            {
                return;
            }
        }
    };
    tokio::select! {
        _ = copy(&mut requests, &mut server) => {}
        () = answer => {}
    }
}
