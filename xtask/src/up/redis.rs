//! The store that the control planes of `--scale` share.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use supervisor::{Logs, Reach, Service, leash};

use super::services::Services;
use super::stack::make;
use super::start::READY_TIMEOUT;

const TIMEOUT: Duration = Duration::from_secs(1);

/// It writes its last second down.
const GRACE: Duration = Duration::from_secs(10);

/// Starts one that keeps what it is told in `folder`, and tells its URL.
pub(super) fn start(
    services: &mut Services,
    program: &Path,
    port: u16,
    folder: &Path,
) -> Result<String> {
    let data = folder.join("store");
    make(&data)?;
    let mut command = leash::leashed(program);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(&data);
    // What was told is on the disk within a second, and nothing is thrown away when memory is short.
    command.args(["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]);
    command.args(["--maxmemory-policy", "noeviction"]);
    let logs = Logs::together(folder.join("store.log")).emptied()?;
    let redis = Service::start("Redis", &mut command, logs, Reach::Group)?;
    let socket = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    services.push(redis, GRACE, READY_TIMEOUT, |_| is_ready(socket).then_some(()))?;
    Ok(format!("redis://{socket}"))
}

/// While it reads its file it says that it is loading.
fn is_ready(socket: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&socket, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(answer == *b"+PONG")
    };
    ask().unwrap_or(false)
}
