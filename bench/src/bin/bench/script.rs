//! What the shared store works for a request, beside its script alone on the same server: called with as many requests
//! at a time, of one client and one worker, each remembered until its end, one call after the other.

use std::time::{Duration, Instant};

use flowguard::store::shared::StoreUrl;
use flowguard::store::shared::client::{Client, Target};
use flowguard_bench::bare_script::{Clients, Load};
use harness::metrics::Metrics;
use harness::redis::Redis;
use serde::Serialize;

use super::cpu::CpuMeter;
use super::error::BenchError;
use super::sample::median;

/// Requests and tokens a minute, as the clients of a scenario have them.
const LIMITS: u32 = 2;

/// Calls before a measurement.
const WARM_UP_CALLS: u32 = 1_000;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The figures of one measurement, in the report's order.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct ScriptSample {
    /// Requests that are decided in one call, and as many that end in it.
    pub(crate) asks: f64,
    /// CPU time of the store for each request.
    pub(crate) store_cpu_us: f64,
    /// The same of the script alone.
    pub(crate) bare_cpu_us: f64,
}

impl ScriptSample {
    /// The median of each figure by itself, to two decimals; `samples` is not empty.
    pub(crate) fn median(samples: &[Self]) -> Self {
        let of =
            |figure: fn(&Self) -> f64| (median(samples.iter().map(figure)) * 100.0).round() / 100.0;
        Self {
            asks: of(|sample| sample.asks),
            store_cpu_us: of(|sample| sample.store_cpu_us),
            bare_cpu_us: of(|sample| sample.bare_cpu_us),
        }
    }
}

/// How many calls a control plane has made, and what it asked in them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calls {
    calls: f64,
    operations: f64,
}

impl Calls {
    pub(crate) fn of(metrics: &Metrics) -> Self {
        let all = |name| metrics.sum(name, &[]);
        Self {
            calls: all("flowguard_store_call_operations_count"),
            operations: all("flowguard_store_call_operations_sum"),
        }
    }

    /// Requests a call since then: each is decided and ends.
    pub(crate) fn asks_since(self, before: Self) -> f64 {
        (self.operations - before.operations) / (self.calls - before.calls) / 2.0
    }
}

/// CPU time that the script alone takes for each request, in µs, at so many requests a call.
pub(crate) async fn bare_cpu_us(
    store: &mut Redis,
    asks: f64,
    seconds: u32,
) -> Result<f64, BenchError> {
    let url = StoreUrl::parse(&format!("redis://{}", store.address())).expect("an address");
    let target = Target::plain(url.topology);
    let client = Client::connect(&target, "{bench}:", CONNECT_TIMEOUT).await;
    let client = client.map_err(|failure| BenchError::Store(failure.to_string()))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few, and no debt")]
    let asks = (asks.round() as u32).max(1);
    let load = Load { limits: LIMITS, asks, clients: Clients::Same, keeps_notes: true };
    for number in 0..WARM_UP_CALLS {
        call(load, &client, number).await?;
    }
    let store_cpu = CpuMeter::start(store.process().id())?;
    let started = Instant::now();
    let mut calls = 0;
    while started.elapsed() < Duration::from_secs(seconds.into()) {
        call(load, &client, WARM_UP_CALLS + calls).await?;
        calls += 1;
    }
    Ok(store_cpu.used()?.as_secs_f64() * 1e6 / f64::from(calls) / f64::from(asks))
}

async fn call(load: Load, client: &Client, number: u32) -> Result<(), BenchError> {
    let called = load.call(client, number).await;
    called.map_err(|error| BenchError::Store(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_a_call_are_half_of_what_is_asked_in_it() {
        let before = Calls { calls: 10.0, operations: 100.0 };
        let after = Calls { calls: 30.0, operations: 700.0 };
        assert!((after.asks_since(before) - 15.0).abs() < f64::EPSILON);
    }
}
