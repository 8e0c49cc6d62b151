//! Load through two Envoys on two control planes, and what balances say of what they admitted.

use harness::TestStack;
use harness::control_plane::ControlPlane;
use harness::deadline::eventually;
use harness::http_client::HttpClient;
use harness::load::Load;
use serde_json::json;

use super::{USED, admitted, chat, follows, stack_at};

/// How many requests are under way at a time.
pub(crate) const TASKS: i64 = 16;

/// So slow a window refills next to nothing while a test runs: 38 tokens a second, and a request in 27.
const TOKENS: u64 = 100_000_000;
const REQUESTS: u64 = 100_000;
const REFILLED_TOKENS: u64 = 38 * 40;
const REFILLED_REQUESTS: u64 = 2;

/// Two Envoys under load, each of which has a control plane of its own.
pub(crate) struct UnderLoad {
    pub(crate) stack: TestStack,
    pub(crate) loads: Vec<Load>,
}

/// What was admitted beyond what balances say: less than nothing where they say more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMuch {
    pub(crate) requests: i64,
    pub(crate) tokens: i64,
}

impl UnderLoad {
    /// On the store of this URL.
    pub(crate) async fn start(url: &str) -> Self {
        let stack = stack_at(url, 2).setting("DECISION_TIMEOUT_MS", "1000").start().await;
        let (first, other) = (stack.admin(), stack.other_control_planes[0].admin());
        for (name, kind, amount) in
            [("tokens", "tokens", TOKENS), ("requests", "requests", REQUESTS)]
        {
            let limit = json!({"match": {}, "each": ["client"], kind: amount, "per": "31d"});
            first.put_limit(name, &limit).await;
        }
        first.put_client("a", 1_000_000_000, None).await;
        follows(&other, &first, "a").await;
        let loads = stack.envoys.iter().map(|envoy| {
            let proxy = HttpClient::http1(envoy.proxy_address());
            Load::start(usize::try_from(TASKS / 2).expect("few"), move || chat(&proxy))
        });
        Self { loads: loads.collect(), stack }
    }

    /// Until each Envoy has admitted so many more.
    pub(crate) async fn admits(&self, more: usize) {
        for load in &self.loads {
            load.wait_for(more, 200).await;
        }
    }

    pub(crate) fn planes(&self) -> [&ControlPlane; 2] {
        [&self.stack.control_plane, &self.stack.other_control_planes[0]]
    }

    /// Until both control planes write to the store.
    pub(crate) async fn is_configured_again(&self) {
        for plane in self.planes() {
            eventually("it configures the store again", || async {
                let written = plane.admin().put("b", &json!({"rpm": 7})).await;
                written.status.is_success().then_some(())
            })
            .await;
        }
    }

    /// Once nothing is under way any more: how many were admitted, which is all that the upstream got, and what
    /// both control planes say of that.
    pub(crate) async fn stop(self) -> (u64, TooMuch) {
        let Self { stack, loads } = self;
        let mut all = 0;
        for load in loads {
            all += admitted(&load.stop().await);
        }
        assert_eq!(stack.upstream.requests().len() as u64, all);
        let (first, other) = (&stack.control_plane, &stack.other_control_planes[0]);
        let left = eventually("both say the same at rest", || async {
            let (one, two) = (at_rest(first).await?, at_rest(other).await?);
            let is_same = one.0.abs_diff(two.0) <= 1 && one.1.abs_diff(two.1) <= REFILLED_TOKENS;
            is_same.then_some(two)
        })
        .await;
        let beyond = |left: u64, amount: u64, used: u64, refilled: u64| {
            let beyond =
                i64::try_from(left + used).expect("few") - i64::try_from(amount).expect("few");
            if beyond > 0 {
                (beyond - i64::try_from(refilled).expect("few")).max(0)
            } else {
                beyond
            }
        };
        let requests = beyond(left.0, REQUESTS, all, REFILLED_REQUESTS);
        let tokens = beyond(left.1, TOKENS, all * USED, REFILLED_TOKENS);
        (all, TooMuch { requests, tokens })
    }
}

/// How many requests and tokens are left, as a control plane says that has nothing more to tell the store.
async fn at_rest(plane: &ControlPlane) -> Option<(u64, u64)> {
    let metrics = plane.metrics().await;
    let open = metrics.value("flowguard_open_requests", &[])?;
    let queued = metrics.value("flowguard_store_queue_length", &[])?;
    (open < 1.0 && queued < 1.0).then_some(())?;
    // What is left of a limit is read from the store with its client's statistics.
    plane.admin().stats("a").await;
    let left = async |limit: &str| {
        let path = format!("/api/v1/limits/{limit}/stats");
        let stats = plane.admin().http().get(&path).send().await.json();
        stats["buckets"][0]["remaining"].as_u64()
    };
    Some((left("requests").await?, left("tokens").await?))
}
