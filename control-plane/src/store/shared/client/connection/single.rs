//! One server, at an address that stays.

use std::{fmt, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, IntoConnectionInfo, Pipeline,
    RedisConnectionInfo, RedisFuture, RedisResult, TlsCertificates, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use crate::store::shared::client::{Failure, Target, Trust};

/// A connection that all calls share. It ends with an error when it breaks, and is never repaired:
/// whoever owns it makes another one and says what has to be said on that.
#[derive(Clone)]
pub struct Connection(MultiplexedConnection);

/// Connects within a time.
pub(super) async fn connect(target: &Target, within: Duration) -> Result<Connection, Failure> {
    let config = config(within);
    let open =
        async { client(target)?.get_multiplexed_async_connection_with_config(&config).await };
    open.await.map(Connection).map_err(|error| Failure::of_connecting(&error))
}

/// No call is repeated or given up by the library.
fn config(within: Duration) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(within)).set_response_timeout(None)
}

impl Connection {
    /// The connection over a stream of bytes that is open already, to a server that wants no password;
    /// within a time it has greeted.
    pub async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        within: Duration,
    ) -> Result<Self, Failure> {
        let info = RedisConnectionInfo::default();
        let greet = MultiplexedConnection::new_with_config(&info, stream, config(within));
        match timeout(within, greet).await {
            Ok(Ok((connection, drive))) => {
                tokio::spawn(drive);
                Ok(Self(connection))
            }
            Ok(Err(error)) => Err(Failure::of_connecting(&error)),
            Err(_) => Err(Failure::NotConnected("it did not greet in time".to_owned())),
        }
    }
}

fn client(target: &Target) -> RedisResult<Client> {
    let (host, port) = (target.host.clone(), target.port);
    let address = match &target.tls {
        None => ConnectionAddr::Tcp(host, port),
        Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
    };
    let mut settings = RedisConnectionInfo::default().set_db(target.database);
    if let Some(user) = &target.credentials.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &target.credentials.password {
        settings = settings.set_password(password.reveal());
    }
    let info = address.into_connection_info()?.set_redis_settings(settings);
    match &target.tls {
        Some(Trust::Authorities(pem)) => {
            let root_cert = Some(pem.clone());
            Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
        }
        Some(Trust::System) | None => Client::open(info),
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        self.0.req_packed_command(command)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.0.req_packed_commands(commands, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}
