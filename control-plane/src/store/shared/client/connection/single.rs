//! One server, at an address that stays.

use std::{fmt, sync::Arc, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo, Pipeline,
    RedisConnectionInfo, RedisError, RedisFuture, RedisResult, ServerErrorKind, TlsCertificates,
    Value,
    aio::{ConnectionLike, MultiplexedConnection},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::address::Address;
use crate::store::shared::client::{Failure, Target, Trust};

/// A connection that all calls share. It ends with an error when it breaks, and is never repaired:
/// whoever owns it makes another one and says what has to be said on that.
#[derive(Clone)]
pub struct Connection {
    server: MultiplexedConnection,
    address: Arc<Address>,
    watch: Option<Watch>,
}

/// Tells when the server is not the one any more that should be asked.
#[derive(Clone)]
struct Watch {
    is_over: CancellationToken,
    /// Ends with the last one who has the connection.
    _task: Arc<AbortOnDropHandle<()>>,
}

/// Connects within a time.
pub(super) async fn connect(
    address: &Address,
    target: &Target,
    within: Duration,
) -> Result<Connection, Failure> {
    let open = async {
        let config = config(within);
        client(address, target)?.get_multiplexed_async_connection_with_config(&config).await
    };
    let server = open.await.map_err(|error| Failure::of_connecting(&error))?;
    Ok(Connection { server, address: Arc::new(address.clone()), watch: None })
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
            Ok(Ok((server, drive))) => {
                tokio::spawn(drive);
                let address = Address { host: "a stream".to_owned(), port: 0 };
                Ok(Self { server, address: Arc::new(address), watch: None })
            }
            Ok(Err(error)) => Err(Failure::of_connecting(&error)),
            Err(_) => Err(Failure::NotConnected("it did not greet in time".to_owned())),
        }
    }
}

fn client(address: &Address, target: &Target) -> RedisResult<Client> {
    let (host, port) = (address.host.clone(), address.port);
    let address = match &target.tls {
        None => ConnectionAddr::Tcp(host, port),
        Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
    };
    let mut settings = RedisConnectionInfo::default();
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

impl Connection {
    /// Where it leads.
    pub(in super::super) fn address(&self) -> &impl fmt::Display {
        &*self.address
    }

    /// The same until `moved` has come to its end: then it is of no use any more.
    pub(super) fn until(self, moved: impl Future<Output = ()> + Send + 'static) -> Self {
        let is_over = CancellationToken::new();
        let over = is_over.clone();
        let task = tokio::spawn(async move {
            moved.await;
            over.cancel();
        });
        let task = Arc::new(AbortOnDropHandle::new(task));
        Self { watch: Some(Watch { is_over, _task: task }), ..self }
    }
}

/// A call, unless the connection is of no use any more.
async fn while_it_leads_there<T>(
    watch: Option<&Watch>,
    call: RedisFuture<'_, T>,
) -> RedisResult<T> {
    let Some(Watch { is_over, .. }) = watch else { return call.await };
    if is_over.is_cancelled() {
        // What this server would answer if it knew.
        let kind = ErrorKind::Server(ServerErrorKind::ReadOnly);
        return Err(RedisError::from((kind, "another server is the master now")));
    }
    tokio::select! {
        biased;
        answered = call => answered,
        () = is_over.cancelled() => {
            let text = "another server became the master in the middle of it";
            Err(RedisError::from((ErrorKind::Io, text)))
        }
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let Self { server, watch, .. } = self;
        Box::pin(while_it_leads_there(watch.as_ref(), server.req_packed_command(command)))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let Self { server, watch, .. } = self;
        let call = server.req_packed_commands(commands, offset, count);
        Box::pin(while_it_leads_there(watch.as_ref(), call))
    }

    fn get_db(&self) -> i64 {
        self.server.get_db()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.address)
    }
}
