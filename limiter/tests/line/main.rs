//! The laws of the line: what is told to those who wait.
//!
//! It is told by [`line_up`] beside the decision and cannot change it, since it only reads the
//! buckets.

mod crowd;
mod model;

use std::collections::BTreeMap;

use limiter::{
    AMOUNT_MAX, Bucket, Charge, Decision, Demand, LINE_MS_MAX, Line, PerMinute, Quota, Tokens,
    UnixMillis, Wait, Waiting, Window, decide, line_up,
};
use model::exact;
use proptest::{collection::vec, option, prelude::*};

const START: u64 = 1_700_000_000_000;

/// Buckets of one client, and their lines.
struct Client {
    buckets: Vec<Bucket>,
    lines: Vec<Line>,
}

/// What a request is answered: its charges, or the exact wait and the one that it is told.
enum Answer {
    Admitted(Vec<Charge>),
    Refused { exact: Wait, told: Wait },
}

impl Client {
    fn full(quotas: &[Quota]) -> Self {
        let buckets: Vec<_> =
            quotas.iter().map(|quota| Bucket::full(*quota, UnixMillis(START))).collect();
        let lines = buckets.iter().map(Line::empty).collect();
        Self { buckets, lines }
    }

    fn ask(&mut self, costs: &[u64], now: u64) -> Answer {
        let now = UnixMillis(now);
        let costs: Vec<_> = costs.iter().map(|cost| Tokens::new(*cost).unwrap()).collect();
        let demands = self.buckets.iter_mut().zip(&costs);
        let mut demands: Vec<_> =
            demands.map(|(bucket, cost)| Demand::new(bucket, *cost)).collect();
        match decide(&mut demands, now) {
            Decision::Admitted => {
                let charges = demands.iter().filter_map(Demand::charge).collect();
                for (line, bucket) in self.lines.iter_mut().zip(&self.buckets) {
                    line.follow(bucket, now);
                }
                Answer::Admitted(charges)
            }
            Decision::Refused(refusal) => {
                let waits = self.buckets.iter().zip(&mut self.lines).zip(&costs);
                let mut waits: Vec<_> = waits
                    .map(|((bucket, line), cost)| Waiting { bucket, line, cost: *cost })
                    .collect();
                let told = line_up(refusal.wait(), &mut waits, now);
                Answer::Refused { exact: refusal.wait(), told }
            }
        }
    }

    /// All 60 requests of a minute pass at once.
    fn spend(&mut self, costs: &[u64]) {
        for _ in 0..60 {
            assert!(matches!(self.ask(costs, START), Answer::Admitted(_)));
        }
    }

    /// The millisecond at which a refused request is told to come back; `None`: it has no place.
    fn told(&mut self, costs: &[u64], now: u64) -> Option<u64> {
        match self.ask(costs, now) {
            Answer::Refused { told: Wait::Millis(wait_ms), .. } => Some(now + wait_ms),
            Answer::Refused { told: Wait::Never, .. } | Answer::Admitted(_) => None,
        }
    }
}

fn per_minute(amount: u64) -> Quota {
    PerMinute::new(amount).unwrap().into()
}

#[test]
fn those_who_wait_for_one_bucket_are_told_moments_a_refill_apart() {
    let mut client = Client::full(&[per_minute(60)]);
    client.spend(&[1]);
    let told: Vec<_> = (0..20).map(|_| client.told(&[1], START).unwrap() - START).collect();
    assert_eq!(told, (1..=20).map(|place| place * 1_000).collect::<Vec<_>>());
}

#[test]
fn a_line_of_a_minute_is_full_and_who_comes_then_is_told_the_exact_time() {
    let mut client = Client::full(&[per_minute(60)]);
    client.spend(&[1]);
    let told: Vec<_> = (0..62).map(|_| client.told(&[1], START).unwrap() - START).collect();
    assert_eq!(told[59..], [60_000, 1_000, 1_000]);
    // A second later there is one place again, at the end.
    assert_eq!(client.told(&[1], START + 1_000), None, "the bucket covers it");
    assert_eq!(client.told(&[1], START + 1_000), Some(START + 61_000));
}

#[test]
fn who_was_told_a_moment_and_stays_away_holds_nobody_up_once_the_bucket_is_full() {
    let mut client = Client::full(&[per_minute(60)]);
    client.spend(&[1]);
    for _ in 0..30 {
        client.told(&[1], START);
    }
    let later = START + 90_000;
    assert!(matches!(client.ask(&[0], later), Answer::Admitted(_)));
    assert!(client.lines[0].is_empty(&client.buckets[0]));
}

#[test]
fn what_a_request_gives_back_comes_to_those_who_are_told_next() {
    let mut client = Client::full(&[per_minute(600)]);
    let Answer::Admitted(charges) = client.ask(&[600], START) else { panic!("full, and refused") };
    assert_eq!(client.told(&[100], START), Some(START + 10_000));
    let (used, now) = (Tokens::new(550).unwrap(), UnixMillis(START));
    client.buckets[0].settle(charges[0], used, now);
    client.lines[0].settle(&client.buckets[0], charges[0], used, now);
    assert_eq!(client.told(&[100], START), Some(START + 15_000), "without it 20 s");
}

#[test]
fn a_place_is_taken_in_every_line_though_one_limit_refuses() {
    let mut client = Client::full(&[per_minute(60), per_minute(1_000)]);
    client.spend(&[1, 0]);
    // The tokens of the first one are spoken for: the second waits for the refill of its own.
    assert_eq!(client.told(&[1, 1_000], START), Some(START + 1_000));
    assert_eq!(client.told(&[1, 500], START), Some(START + 31_000));
}

fn quota() -> impl Strategy<Value = Quota> {
    let secs = prop::sample::select(vec![1, 7, 60, 60, 60, 601, 86_400]);
    let amount = prop_oneof![6 => 1..300_u64, 2 => 1..5_000_000_u64, 1 => 1..=AMOUNT_MAX];
    (amount, secs, option::of(0..1_000_000_u64)).prop_map(|(amount, secs, burst)| {
        let burst = burst.map(|burst| 1 + burst % amount);
        Quota::new(amount, Window::from_secs(secs).unwrap(), burst).unwrap()
    })
}

/// A share of each burst: some requests need all of it.
fn percents() -> impl Strategy<Value = Vec<u64>> {
    vec(prop_oneof![8 => 0..60_u64, 1 => 90..=100_u64], 2)
}

fn costs(quotas: &[Quota], percents: &[u64]) -> Vec<u64> {
    quotas.iter().zip(percents).map(|(quota, percent)| quota.burst() * percent / 100).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Ask(Vec<u64>),
    /// The oldest charge becomes so many hundredths of what it was.
    Settle(u64),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_told_is_the_models_and_never_earlier_than_the_exact_time(
        quotas in vec(quota(), 1..=2),
        steps in vec(
            (
                prop_oneof![4 => 0..50_i64, 4 => 0..3_000_i64, 1 => 0..90_000_i64, 1 => -2_000..0_i64],
                prop_oneof![
                    5 => percents().prop_map(Step::Ask),
                    1 => (0..300_u64).prop_map(Step::Settle),
                ],
            ),
            1..80,
        ),
    ) {
        let mut client = Client::full(&quotas);
        let mut models: Vec<_> =
            quotas.iter().map(|quota| model::Line::full(*quota, START)).collect();
        let mut open = Vec::new();
        let mut now = START;
        for (pause_ms, step) in steps {
            now = now.saturating_add_signed(pause_ms);
            match step {
                Step::Ask(percents) => {
                    let costs = costs(&quotas, &percents);
                    let answer = client.ask(&costs, now);
                    for (model, bucket) in models.iter_mut().zip(&client.buckets) {
                        model.follow(bucket.balance(UnixMillis(now)), now);
                    }
                    match answer {
                        Answer::Admitted(charges) => open.push(charges),
                        Answer::Refused { exact: Wait::Never, told } => {
                            prop_assert_eq!(told, Wait::Never);
                        }
                        Answer::Refused { exact: Wait::Millis(exact_ms), told } => {
                            let waits = models.iter().zip(&costs);
                            let in_line =
                                waits.map(|(model, cost)| model.wait_ms(*cost, now)).max().unwrap();
                            prop_assert!(in_line >= exact_ms, "{in_line} before {exact_ms}");
                            if in_line > LINE_MS_MAX {
                                prop_assert_eq!(told, Wait::Millis(exact_ms));
                            } else {
                                prop_assert_eq!(told, Wait::Millis(in_line));
                                for (model, cost) in models.iter_mut().zip(&costs) {
                                    model.take_at(*cost, now + in_line);
                                }
                            }
                        }
                    }
                }
                Step::Settle(percent) if !open.is_empty() => {
                    let charges: Vec<Charge> = open.remove(0);
                    for (index, charge) in charges.into_iter().enumerate() {
                        let charged = charge.tokens().get();
                        let used = (charged * percent / 100).min(AMOUNT_MAX);
                        models[index].settle(charged, used, now);
                        let (used, now) = (Tokens::new(used).unwrap(), UnixMillis(now));
                        let bucket = &mut client.buckets[index];
                        bucket.settle(charge, used, now);
                        client.lines[index].settle(bucket, charge, used, now);
                    }
                }
                Step::Settle(_) => {}
            }
            for ((bucket, line), model) in client.buckets.iter().zip(&client.lines).zip(&models) {
                let line = exact(line.balance(bucket, UnixMillis(now)));
                prop_assert_eq!(&line, &model.left_at(now));
                prop_assert!(line <= exact(bucket.balance(UnixMillis(now))), "above the bucket");
            }
        }
    }

    /// Requests come one by one. Who is refused comes back when he was told to, and is the only one
    /// who does: where somebody new passes meanwhile, those who wait have lost to him and go away.
    #[test]
    fn each_request_passes_at_the_moment_that_it_was_told_if_all_others_keep_to_theirs(
        quotas in vec(quota(), 1..=2),
        newcomers in vec((0..400_u64, percents()), 1..120),
    ) {
        let mut client = Client::full(&quotas);
        // By the moment that they were told, and for one moment in their order.
        let mut waiting: BTreeMap<(u64, usize), Vec<u64>> = BTreeMap::new();
        let mut now = START;
        for (number, (pause_ms, percents)) in newcomers.into_iter().enumerate() {
            now += pause_ms;
            while let Some(((moment, who), _)) = waiting.first_key_value() {
                let (moment, who) = (*moment, *who);
                if moment > now {
                    break;
                }
                let costs = waiting.remove(&(moment, who)).unwrap();
                prop_assert!(
                    matches!(client.ask(&costs, moment), Answer::Admitted(_)),
                    "the request {who} is refused at the moment that it was told"
                );
            }
            let costs = costs(&quotas, &percents);
            let mut before = client.lines.clone();
            for (line, bucket) in before.iter_mut().zip(&client.buckets) {
                line.follow(bucket, UnixMillis(now));
            }
            match client.ask(&costs, now) {
                Answer::Admitted(_) => waiting.clear(),
                // Who is told the exact time, because the line is full, has no place.
                Answer::Refused { told: Wait::Millis(told), .. } if client.lines != before => {
                    waiting.insert((now + told, number), costs);
                }
                Answer::Refused { .. } => {}
            }
        }
        for ((moment, who), costs) in waiting {
            prop_assert!(
                matches!(client.ask(&costs, moment), Answer::Admitted(_)),
                "the request {who} is refused at the moment that it was told"
            );
        }
    }
}
