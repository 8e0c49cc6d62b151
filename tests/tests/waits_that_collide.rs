//! 32 threads of the vendors' own Python libraries, with their default retries, at twice the limit:
//! what their users get under `RETRY_AFTER=exact` and under `spread`.

use harness::TestStack;
use repository::sdk;

const THREADS: u64 = 32;

/// Calls of one library for so many seconds, under a limit.
#[derive(Clone, Copy, Debug)]
struct Load {
    api: &'static str,
    rpm: u64,
    seconds: u64,
    seed: u64,
}

/// What the callers of the library got.
#[derive(Clone, Copy, Debug)]
struct Got {
    succeeded: u64,
    rate_limited: u64,
    attempts: u64,
}

impl Load {
    /// Twice as many calls as the limit allows.
    async fn under(self, retry_after: &str) -> Got {
        let stack = TestStack::builder()
            .setting("RETRY_AFTER", retry_after)
            .setting("ERROR_FORMAT", "auto")
            .start()
            .await;
        stack.admin().put_client("a", self.rpm, None).await;
        let origin = format!("http://{}", stack.proxy_address());
        let numbers = [THREADS, 2 * self.rpm, self.seconds, self.seed].map(|n| n.to_string());
        let mut arguments = vec![&*origin, self.api];
        arguments.extend(numbers.iter().map(String::as_str));
        let got = sdk::call("threads.py", &arguments).await;
        assert_eq!(got["others"], serde_json::json!({}), "{self:?} {retry_after}: {got}");
        let number = |name: &str| got[name].as_u64().expect("a number");
        Got {
            succeeded: number("succeeded"),
            rate_limited: number("rate_limited"),
            attempts: number("attempts"),
        }
    }

    async fn under_both(self) -> [Got; 2] {
        let (exact, spread) = tokio::join!(self.under("exact"), self.under("spread"));
        for (retry_after, got) in [("exact", exact), ("spread", spread)] {
            let Got { succeeded, rate_limited, attempts } = got;
            let calls = succeeded + rate_limited;
            println!(
                "{} {} RPM {retry_after}: {rate_limited} of {calls} calls failed, {attempts} attempts",
                self.api, self.rpm
            );
        }
        [exact, spread]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_a_moment_of_his_own_fails_at_most_a_tenth_as_often() {
    let load = Load { api: "openai", rpm: 240, seconds: 10, seed: 1 };
    let [exact, spread] = load.under_both().await;
    assert!(exact.rate_limited >= 10, "no load for a comparison: {exact:?}");
    assert!(spread.succeeded >= 35, "the limit is not used: {spread:?}");
    assert!(spread.rate_limited * 10 <= exact.rate_limited, "{spread:?} against {exact:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: five runs each of both libraries, the median of which counts"]
async fn both_libraries_fail_at_most_a_tenth_as_often_in_the_median_of_five_runs() {
    for (api, rpm) in [("openai", 60), ("openai", 240), ("anthropic", 240)] {
        let mut failed = [Vec::new(), Vec::new()];
        for seed in 1..=5 {
            let load = Load { api, rpm, seconds: 20, seed };
            for (failed, got) in failed.iter_mut().zip(load.under_both().await) {
                failed.push(got.rate_limited);
            }
        }
        let [exact, spread] = failed.map(|mut runs| {
            runs.sort_unstable();
            runs[2]
        });
        assert!(spread * 10 <= exact, "{api} at {rpm} RPM: {spread} against {exact}");
    }
}
