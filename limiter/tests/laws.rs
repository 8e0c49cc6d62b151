//! The laws of the rule over any number of buckets and windows, held against a reference model that
//! is slow and obvious.
//!
//! The model counts in exact fractions without bounds; it shares no line with the crate. proptest
//! prints the failing case and its seed.

mod asks;
mod model;
mod random;

use asks::{START, charged, decide_over, tokens};
use limiter::{
    AMOUNT_MAX, BUCKETS_MAX, Bucket, Charge, Decision, Demand, Quota, Refusal, Tokens, UnixMillis,
    Wait, decide,
};
use model::{Says, exact};
use num_rational::BigRational;
use proptest::{collection::vec, option, prelude::*};
use random::{Cost, cost, pause_ms, quota};

#[derive(Clone, Debug)]
enum Step {
    /// A request that costs something in each bucket of which a bit is set.
    Decide { buckets: u16, costs: Vec<Cost> },
    /// Settles the oldest open charge with this cost.
    Settle { used: Cost },
    /// Gives the oldest open charge back.
    Release,
    /// Changes a bucket's quota, so long ago; `None` is the one in force again.
    Change { bucket: usize, quota: Option<Quota>, ago_ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any::<u16>(), any::<u16>(), vec(cost(), BUCKETS_MAX))
            .prop_map(|(some, others, costs)| Step::Decide { buckets: some & others, costs }),
        3 => prop_oneof![cost(), (90..400_u64).prop_map(Cost::PercentOfBurst)]
            .prop_map(|used| Step::Settle { used }),
        2 => Just(Step::Release),
        2 => (0..BUCKETS_MAX, option::weighted(0.7, quota()), 0..5_000_u64)
            .prop_map(|(bucket, quota, ago_ms)| Step::Change { bucket, quota, ago_ms }),
    ]
}

/// The smallest part of a token that a bucket of this quota knows.
fn unit(quota: Quota) -> BigRational {
    model::whole(1) / model::whole(quota.window().millis())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_answer_and_balance_is_the_models_to_the_unit(
        quotas in vec(quota(), 1..=BUCKETS_MAX),
        steps in vec((pause_ms(), step()), 1..60),
    ) {
        let mut now = START;
        let mut buckets: Vec<_> =
            quotas.iter().map(|quota| Bucket::full(*quota, UnixMillis(now))).collect();
        let mut models: Vec<_> =
            quotas.iter().map(|quota| model::Bucket::full(*quota, now)).collect();
        let mut open: Vec<(usize, Charge, model::Paid)> = Vec::new();

        for (pause, step) in steps {
            now = now.saturating_add_signed(pause);
            match step {
                Step::Decide { buckets: chosen, costs } => {
                    let costs: Vec<_> = (0..buckets.len())
                        .filter(|index| chosen & (1 << index) != 0)
                        .map(|index| (index, costs[index].in_bucket(buckets[index].quota())))
                        .collect();
                    let said: Vec<_> = costs
                        .iter()
                        .map(|&(index, cost)| models[index].asked_for(cost, now))
                        .collect();
                    let before = buckets.clone();
                    match decide_over(&mut buckets, &costs, now) {
                        (Decision::Admitted, charges) => {
                            prop_assert!(said.iter().all(|said| *said == Says::Covered));
                            for (&(index, cost), charge) in costs.iter().zip(charges) {
                                open.push((index, charge, models[index].pay(cost)));
                            }
                        }
                        (Decision::Refused(refusal), _) => {
                            check_what_is_told(refusal, &said)?;
                            check_the_wait(refusal, &buckets, &costs, now)?;
                            check_that_only_time_passed(&before, &buckets, now)?;
                        }
                    }
                }
                Step::Settle { used } if !open.is_empty() => {
                    let (index, charge, paid) = open.remove(0);
                    let used = used.in_bucket(buckets[index].quota());
                    buckets[index].settle(charge, tokens(used), UnixMillis(now));
                    models[index].settle(&paid, used, now);
                }
                Step::Release if !open.is_empty() => {
                    let (index, charge, paid) = open.remove(0);
                    buckets[index].settle(charge, Tokens::ZERO, UnixMillis(now));
                    models[index].settle(&paid, 0, now);
                }
                Step::Change { bucket, quota, ago_ms } => {
                    let index = bucket % buckets.len();
                    let quota = quota.unwrap_or(buckets[index].quota());
                    buckets[index].change(quota, UnixMillis(now - ago_ms));
                    models[index].change(quota, now - ago_ms);
                }
                Step::Settle { .. } | Step::Release => {}
            }
            for (bucket, model) in buckets.iter().zip(&models) {
                prop_assert_eq!(bucket.quota(), model.quota());
                prop_assert_eq!(exact(bucket.balance(UnixMillis(now))), model.tokens(now));
            }
        }
    }

    /// Who reserves much and used little has never more than who reserved only what was used,
    /// whatever the quota became meanwhile and whatever others owe.
    #[test]
    fn no_change_of_a_quota_gives_anything_away(
        quota in quota(),
        (spent, reserved, used) in (0..=100_u64, 0..=100_u64, 0..=100_u64),
        owed in 0..=100_u64,
        changes in vec((0..100_000_u64, quota()), 0..4),
    ) {
        let burst = quota.burst();
        let spent = burst * spent / 100;
        let reserved = (burst - spent) * reserved / 100;
        let used = reserved * used / 100;
        let owed = quota.amount() * owed / 100;

        let mut generous = Bucket::full(quota, UnixMillis(START));
        let mut exactly = generous;
        for bucket in [&mut generous, &mut exactly] {
            charged(bucket, spent, START);
        }
        let charge = charged(&mut generous, reserved, START);
        charged(&mut exactly, used, START);
        for bucket in [&mut generous, &mut exactly] {
            bucket.settle(charged_nothing(quota), tokens(owed), UnixMillis(START));
        }

        let mut now = START;
        let mut rounded = model::whole(0);
        let mut before = quota;
        for (pause_ms, after) in changes {
            now += pause_ms;
            rounded = rounded + unit(before) + unit(after);
            before = after;
            for bucket in [&mut generous, &mut exactly] {
                bucket.change(after, UnixMillis(now));
            }
        }
        generous.settle(charge, tokens(used), UnixMillis(now));
        let more = exact(generous.balance(UnixMillis(now)))
            - exact(exactly.balance(UnixMillis(now)));
        prop_assert!(more <= rounded, "{more} more");
    }

    #[test]
    fn what_is_left_keeps_its_share_of_the_burst_and_a_debt_its_tokens(
        (before, after) in (quota(), quota()),
        spent in 0..=100_u64,
        owed in option::of(0..=100_u64),
        pause_ms in 0..5_000_u64,
    ) {
        let now = START + pause_ms;
        let mut bucket = Bucket::full(before, UnixMillis(START));
        let charge = charged(&mut bucket, before.burst() * spent / 100, START);
        if let Some(owed) = owed {
            let used = before.burst() * (spent + owed) / 100;
            bucket.settle(charge, tokens(used.min(AMOUNT_MAX)), UnixMillis(START));
        }
        let left = exact(bucket.balance(UnixMillis(now)));
        bucket.change(after, UnixMillis(now));
        let kept = exact(bucket.balance(UnixMillis(now)));

        let exactly = if left > model::whole(0) {
            left * model::whole(after.burst()) / model::whole(before.burst())
        } else {
            left
        };
        prop_assert!(kept <= exactly, "a change gave something away");
        let rounded = unit(before) + unit(after);
        prop_assert!(kept + rounded > exactly, "a change took more than it rounded");
    }

    #[test]
    fn no_charge_goes_below_the_floor_or_lifts_what_is_below(
        (before, after) in (quota(), quota()),
        (first, second) in (0..=AMOUNT_MAX, 0..=AMOUNT_MAX),
    ) {
        let mut bucket = Bucket::full(before, UnixMillis(START));
        for (used, quota) in [(first, before), (second, after)] {
            bucket.change(quota, UnixMillis(START));
            let left = exact(bucket.balance(UnixMillis(START)));
            bucket.settle(charged_nothing(quota), tokens(used), UnixMillis(START));
            let owed = exact(bucket.balance(UnixMillis(START)));
            let floor_ms = quota.window().millis().max(600_000);
            let floor = -(unit(quota) * model::whole(quota.amount()) * model::whole(floor_ms));
            prop_assert_eq!(owed, (&left - model::whole(used)).max(floor).min(left));
        }
    }

    #[test]
    fn a_bucket_is_full_when_it_is_said_to_be_and_not_a_millisecond_before(
        quota in quota(),
        spends in vec((pause_ms(), cost(), cost()), 0..30),
    ) {
        let mut now = START;
        let mut bucket = Bucket::full(quota, UnixMillis(now));
        for (pause_ms, cost, used) in spends {
            now = now.saturating_add_signed(pause_ms);
            let mut demands = [Demand::new(&mut bucket, tokens(cost.in_bucket(quota)))];
            if decide(&mut demands, UnixMillis(now)) == Decision::Admitted {
                let charge = demands[0].charge().unwrap();
                bucket.settle(charge, tokens(used.in_bucket(quota)), UnixMillis(now));
            }
        }
        let full_in_ms = bucket.balance(UnixMillis(now)).full_in_ms();
        let at = |moment| bucket.balance(UnixMillis(moment));
        prop_assert_eq!(at(now + full_in_ms).remaining(), quota.burst());
        if full_in_ms > 0 {
            prop_assert!(at(now + full_in_ms - 1).remaining() < quota.burst());
        }
    }
}

/// A charge of no tokens, by which a bucket is charged further.
fn charged_nothing(quota: Quota) -> Charge {
    charged(&mut Bucket::full(quota, UnixMillis(START)), 0, START)
}

fn check_what_is_told(refusal: Refusal, said: &[Says]) -> Result<(), TestCaseError> {
    let first = |what| said.iter().position(|said| *said == what);
    let never = first(Says::NeverFits);
    prop_assert_eq!(Some(refusal.named()), never.or(first(Says::Short)));
    prop_assert_eq!(refusal.wait() == Wait::Never, never.is_some());
    for (index, said) in said.iter().enumerate() {
        prop_assert_eq!(refusal.refuses(index), *said != Says::Covered);
    }
    Ok(())
}

fn check_the_wait(
    refusal: Refusal,
    buckets: &[Bucket],
    costs: &[(usize, u64)],
    now: u64,
) -> Result<(), TestCaseError> {
    let Wait::Millis(wait_ms) = refusal.wait() else { return Ok(()) };
    prop_assert!(wait_ms >= 1);
    // A debt of the largest quota under the smallest outlasts all time that there is.
    let Some(at) = now.checked_add(wait_ms) else { return Ok(()) };
    let then = |moment| decide_over(&mut buckets.to_vec(), costs, moment).0;
    prop_assert_eq!(then(at), Decision::Admitted);
    prop_assert_ne!(then(at - 1), Decision::Admitted);
    Ok(())
}

fn check_that_only_time_passed(
    before: &[Bucket],
    after: &[Bucket],
    now: u64,
) -> Result<(), TestCaseError> {
    for (before, after) in before.iter().zip(after) {
        for later_ms in [0, 1, 777, 60_000] {
            let then = UnixMillis(now + later_ms);
            prop_assert_eq!(before.balance(then), after.balance(then));
        }
    }
    Ok(())
}
