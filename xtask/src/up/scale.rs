//! `cargo xtask up --scale`: two control planes over one Redis, two Envoys that ask both, and Prometheus,
//! which watches all four.

use std::net::SocketAddr;

use anyhow::Result;

use super::parts::{Flowguard, Parts};
use super::prometheus::{self, Watched};
use super::services::Services;
use super::settings::Settings;
use super::stack::{folder, make};
use super::summary::Summary;
use super::{ports, redis, start};
use crate::tools;

/// The settings that hold the ports of a control plane and its Envoy.
const PORTS: [&str; 6] =
    ["PROXY_PORT", "METRICS_PORT", "CONFIG_PORT", "GRPC_PORT", "DECISION_PORT", "ENVOY_ADMIN_PORT"];

/// Starts everything, tells where it is, and waits until Ctrl-C or until a part ends. The first control
/// plane and the first Envoy are where the settings say, all else is on ports that are free.
pub(crate) fn serve(mut parts: Parts, settings: &Settings) -> Result<()> {
    let [redis_program, prometheus_program] = [tools::redis()?, tools::prometheus()?];
    let folder = folder(settings)?;
    let second_folder = folder.join("second");
    make(&second_folder)?;
    let [redis_port, prometheus_port, others @ ..] = ports::free::<8>(settings.bind_address()?)?;
    let changes: Vec<_> = PORTS.into_iter().zip(others.map(|port| port.to_string())).collect();
    let [_, _, _, _, decision_port, _] = others;
    let first_decisions = settings.reachable("DECISION_PORT")?;
    let second_decisions = SocketAddr::new(first_decisions.ip(), decision_port);
    parts.flowguard.share(
        format!("redis://127.0.0.1:{redis_port}"),
        format!("{first_decisions},{second_decisions}"),
    )?;

    let mut services = Services::default();
    if let Some(mock) = &parts.mock {
        let url = start::mock(&mut services, mock, &folder)?;
        parts.flowguard.forward_to(url);
    }
    let store = redis::start(&mut services, &redis_program, redis_port, &folder)?;
    let second: Flowguard = parts.flowguard.another(&changes)?;
    let [of_first, of_second] = [parts.flowguard.settings()?, second.settings()?];
    let both = [
        ("first", (&parts.flowguard, &of_first), &folder),
        ("second", (&second, &of_second), &second_folder),
    ];
    for (which, one, folder) in both {
        let name = format!("the {which} control plane");
        start::control_plane(&mut services, &name, one, folder)?;
    }
    for (which, one, folder) in both {
        start::envoy(&mut services, &format!("the {which} Envoy"), &parts, one, folder)?;
    }
    let watched = Watched {
        control_planes: vec![
            of_first.reachable("METRICS_PORT")?,
            of_second.reachable("METRICS_PORT")?,
        ],
        envoys: vec![of_first.envoy_admin()?, of_second.envoy_admin()?],
    };
    let prometheus =
        prometheus::start(&mut services, &prometheus_program, prometheus_port, &watched, &folder)?;

    let summary = Summary { settings: &of_first, mock: parts.mock.is_some(), logs: &folder };
    println!("{}", summary.text_of_two(&of_second, &store, prometheus)?);
    services.serve()
}
