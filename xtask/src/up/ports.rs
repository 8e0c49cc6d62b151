//! The ports must be free before anything starts.
//!
//! Envoy shares its listening ports with any other Envoy of the same user (`SO_REUSEPORT`), so two
//! of them on one port start without a word and split the traffic. A plain bind is refused by both
//! kinds of listener.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};

use anyhow::{Result, bail};

use super::settings::Settings;

/// The settings that hold ports; Envoy's admin interface is apart, on loopback.
const SETTINGS: [&str; 5] =
    ["PROXY_PORT", "METRICS_PORT", "CONFIG_PORT", "GRPC_PORT", "DECISION_PORT"];
const ADMIN_SETTING: &str = "ENVOY_ADMIN_PORT";

/// Tries every port. The error names all that are not free, with the settings that change them.
pub(crate) fn check(settings: &Settings) -> Result<()> {
    let address = settings.bind_address()?;
    let mut wanted = Vec::new();
    for name in SETTINGS {
        wanted.push((name, SocketAddr::new(address, settings.port(name)?)));
    }
    wanted.push((ADMIN_SETTING, settings.envoy_admin()?));
    let mut problems = problems(&wanted);
    problems.dedup();
    if problems.is_empty() { Ok(()) } else { bail!("{}", problems.join("\n       ")) }
}

/// So many ports that nobody has now, each another one.
pub(crate) fn free<const N: usize>(address: IpAddr) -> Result<[u16; N]> {
    let mut listeners = Vec::with_capacity(N);
    for _ in 0..N {
        listeners.push(TcpListener::bind((address, 0))?);
    }
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

fn problems(wanted: &[(&str, SocketAddr)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, &(name, socket)) in wanted.iter().enumerate() {
        if socket.port() == 0 {
            problems.push(format!(
                "{name} is 0, and the other parts have to know the port: {}",
                choose(name)
            ));
            continue;
        }
        let earlier = wanted[..index].iter().find(|(_, other)| other.port() == socket.port());
        if let Some((other, _)) = earlier {
            problems.push(format!(
                "port {} is both {other} and {name}: {}",
                socket.port(),
                choose(name)
            ));
        } else if let Err(error) = TcpListener::bind(socket) {
            problems.push(problem(name, socket, &error));
        }
    }
    problems
}

fn problem(name: &str, socket: SocketAddr, error: &io::Error) -> String {
    let port = socket.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {port} ({name}) is taken: stop what listens there, or {}", choose(name))
        }
        io::ErrorKind::PermissionDenied => {
            format!("port {port} ({name}) is not allowed to this user: {}", choose(name))
        }
        _ => format!("address {} (BIND_ADDRESS) can't be listened on: {error}", socket.ip()),
    }
}

fn choose(name: &str) -> String {
    let flag = name.to_ascii_lowercase().replace('_', "-");
    format!("choose another with {name}=… or --{flag} …")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((LOOPBACK, 0)).unwrap();
        let socket = listener.local_addr().unwrap();
        (listener, socket)
    }

    #[test]
    fn a_port_that_would_be_chosen_later_is_refused() {
        assert_eq!(
            problems(&[("GRPC_PORT", SocketAddr::new(LOOPBACK, 0))]),
            ["GRPC_PORT is 0, and the other parts have to know the port: \
              choose another with GRPC_PORT=… or --grpc-port …"]
        );
    }

    #[test]
    fn every_taken_port_is_told_with_the_setting_that_changes_it() {
        let (_proxy, proxy_socket) = listener();
        let (_admin, admin_socket) = listener();
        assert_eq!(
            problems(&[("PROXY_PORT", proxy_socket), ("ENVOY_ADMIN_PORT", admin_socket)]),
            [
                format!(
                    "port {} (PROXY_PORT) is taken: stop what listens there, \
                     or choose another with PROXY_PORT=… or --proxy-port …",
                    proxy_socket.port()
                ),
                format!(
                    "port {} (ENVOY_ADMIN_PORT) is taken: stop what listens there, \
                     or choose another with ENVOY_ADMIN_PORT=… or --envoy-admin-port …",
                    admin_socket.port()
                ),
            ]
        );
    }

    #[test]
    fn a_listener_on_all_addresses_takes_the_port_on_each() {
        let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_eq!(problems(&[("PROXY_PORT", SocketAddr::new(LOOPBACK, port))]).len(), 1);
    }

    #[test]
    fn one_port_for_two_settings_is_told() {
        let (_listener, socket) = listener();
        let problems = problems(&[("GRPC_PORT", socket), ("DECISION_PORT", socket)]);
        assert_eq!(
            problems[1],
            format!(
                "port {} is both GRPC_PORT and DECISION_PORT: \
                 choose another with DECISION_PORT=… or --decision-port …",
                socket.port()
            )
        );
    }

    #[test]
    fn an_address_of_another_machine_is_told_as_such() {
        let [problem] = &problems(&[("PROXY_PORT", "192.0.2.1:8080".parse().unwrap())])[..] else {
            panic!("one problem expected");
        };
        assert!(
            problem.starts_with("address 192.0.2.1 (BIND_ADDRESS) can't be listened on: "),
            "{problem}"
        );
    }
}
