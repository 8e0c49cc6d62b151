//! Loopback ports that no other test and no outgoing connection takes.
//!
//! A part gets its port on its command line, and a restarted one must come back on the same port,
//! so port 0 won't do. Ports come from below the ephemeral range, in blocks; a block belongs to the
//! one process that holds its lock file, and a port is handed out once per process. A bind check
//! skips what strangers listen on.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::BuildHasher;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Linux hands out ephemeral ports from 32768, macOS and Windows from 49152.
const PORTS: Range<u16> = 10_000..32_000;
const PORTS_PER_BLOCK: u16 = 100;
const BLOCKS: u16 = (PORTS.end - PORTS.start) / PORTS_PER_BLOCK;

struct Pool {
    unused: Range<u16>,
    /// Held until the process ends: a test may still use a port of an exhausted block.
    locks: Vec<File>,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { unused: 0..0, locks: Vec::new() });

/// A port on 127.0.0.1 that nothing listens on and that this process hands out once.
pub fn free_port() -> u16 {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(port) = pool.unused.next() {
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return port;
            }
        } else {
            let (lock, block) = claim_block();
            pool.locks.push(lock);
            pool.unused = block;
        }
    }
}

fn claim_block() -> (File, Range<u16>) {
    let folder = lock_folder();
    let first = u16::try_from(RandomState::new().hash_one(std::process::id()) % u64::from(BLOCKS))
        .expect("a remainder of u16 fits");
    for offset in 0..BLOCKS {
        let block = (first + offset) % BLOCKS;
        let Ok(lock) = File::create(folder.join(format!("{block}.lock"))) else { continue };
        if lock.try_lock().is_ok() {
            let start = PORTS.start + block * PORTS_PER_BLOCK;
            return (lock, start..start + PORTS_PER_BLOCK);
        }
    }
    panic!("all {BLOCKS} blocks of test ports are in use: see {}", folder.display());
}

fn lock_folder() -> PathBuf {
    let folder = std::env::temp_dir().join("flowguard-test-ports");
    fs::create_dir_all(&folder)
        .unwrap_or_else(|error| panic!("can't create {}: {error}", folder.display()));
    folder
}
