//! No request is admitted that the bucket did not pay for, and hardly any is refused that it could
//! have paid for, with many workers deciding at once.

use std::time::{Duration, Instant};

use harness::TestStack;
use harness::check;
use harness::http_client::{Answer, HttpClient};
use harness::load::send_many;

const TASKS: usize = 32;

/// Two Envoys with two workers each, and a client of each that opens many connections.
async fn four_workers() -> (TestStack, Vec<HttpClient>) {
    let stack = TestStack::builder().envoys(2).workers(2).start().await;
    let proxies =
        stack.envoys.iter().map(|envoy| HttpClient::http1(envoy.proxy_address())).collect();
    (stack, proxies)
}

struct Offered {
    answers: Vec<Answer>,
    elapsed: Duration,
}

/// Sends requests of the client `a` until well after the bucket is empty.
async fn offer(proxies: &[HttpClient], requests: usize, tokens: u64) -> Offered {
    let started = Instant::now();
    let proxies = proxies.to_vec();
    let request =
        move |number: usize| proxies[number % proxies.len()].post("/").client("a").tokens(tokens);
    let answers = send_many(requests, TASKS, request).await;
    for answer in &answers {
        assert!(matches!(answer.status.as_u16(), 200 | 429), "{} {}", answer.status, answer.text());
    }
    Offered { answers, elapsed: started.elapsed() }
}

impl Offered {
    fn admitted(&self) -> u64 {
        self.answers.iter().filter(|answer| answer.status.is_success()).count() as u64
    }

    /// The bucket of `limit` a minute was full at the start. No more was spent than that and what it
    /// gained meanwhile, and no less than what is missing in it now.
    fn spent_what_the_bucket_held(&self, limit: u64, cost: u64, remaining: Option<u64>) {
        let spent = self.admitted() * cost;
        let most = limit + check::refill(limit, self.elapsed);
        assert!(
            spent <= most,
            "{spent} of {limit} a minute were spent in {:?}, at most {most} were there",
            self.elapsed
        );
        let left = remaining.expect("a limited client has a balance");
        assert!(
            spent + left >= limit,
            "{spent} of {limit} were spent although only {left} are left"
        );
        assert!(
            left <= cost + check::refill(limit, Duration::from_secs(1)),
            "{left} were left over"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_admitted_by_four_workers_never_exceed_what_one_bucket_holds() {
    let (stack, proxies) = four_workers().await;
    stack.admin().put_client("a", 1200, None).await;
    let offered = offer(&proxies, 5000, 1).await;
    let stats = stack.admin().stats("a").await;
    offered.spent_what_the_bucket_held(1200, 1, stats.rpm_remaining);
    check::counted(&stats, offered.admitted(), 5000 - offered.admitted(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_spent_by_four_workers_never_exceed_what_one_bucket_holds() {
    let (stack, proxies) = four_workers().await;
    stack.admin().put_client("a", None, 9000).await;
    let offered = offer(&proxies, 5000, 7).await;
    let stats = stack.admin().stats("a").await;
    offered.spent_what_the_bucket_held(9000, 7, stats.tpm_remaining);
    check::counted(&stats, offered.admitted(), 0, 5000 - offered.admitted());
    assert_eq!(stats.tokens_used, offered.admitted() * 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_one_bucket_refuses_takes_nothing_from_the_other_under_concurrency() {
    let (stack, proxies) = four_workers().await;
    // The tokens run out long before the requests do.
    stack.admin().put_client("a", 3000, 1000).await;
    let started = Instant::now();
    let offered = offer(&proxies, 4000, 10).await;
    let stats = stack.admin().stats("a").await;
    offered.spent_what_the_bucket_held(1000, 10, stats.tpm_remaining);
    check::counted(&stats, offered.admitted(), 0, 4000 - offered.admitted());
    check::balance(stats.rpm_remaining, 3000 - offered.admitted(), 3000, started);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_exactly_at_its_rate_is_never_refused() {
    let stack = TestStack::builder().envoys(2).start().await;
    stack.admin().put_client("a", 600, None).await;
    let proxies: Vec<_> =
        stack.envoys.iter().map(|envoy| HttpClient::http1(envoy.proxy_address())).collect();
    // Empties the bucket, then sends one request each tenth of a second, which is the rate.
    let mut number = 0_usize;
    let mut send = || {
        number += 1;
        proxies[number % proxies.len()].post("/").client("a").tokens(1).send()
    };
    let mut answer = send().await;
    while answer.status.is_success() {
        answer = send().await;
    }
    let first = answer.received + check::refused_for_now(&answer, &check::RPM_EXCEEDED);
    for step in 0..20 {
        #[expect(clippy::disallowed_methods, reason = "paces requests by the clock")]
        tokio::time::sleep_until((first + Duration::from_millis(100) * step).into()).await;
        check::admitted(&send().await);
    }
}
