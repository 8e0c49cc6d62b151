//! Random sets of limits, and what is done under them.

use flowguard::ledger::{End, Outcome, RequestKind, Response};
use limiter::Tokens;
use proptest::{collection::vec, option, prelude::*};

use super::spec::{GROUPS, Kind, MODELS, Mode, PLANS, RAW_MODELS, RuleSet, Spec, Who};

/// Those that come and go.
pub(crate) const IDS: [&str; 4] = ["one", "two", "three", "unknown"];

/// A request has sixteen buckets at most: a client's own two, and seven limits on trial.
pub(crate) const LIMITS_MAX: usize = 7;

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Ask {
        worker: u128,
        client: usize,
        tokens: Option<u64>,
        kind: RequestKind,
        model: usize,
    },
    /// The same is asked again.
    AskAgain {
        which: usize,
    },
    End {
        which: usize,
        end: End,
    },
    Drop {
        client: usize,
        limit: usize,
        requests: u64,
    },
    Configure {
        client: usize,
        who: Who,
    },
    Remove {
        client: usize,
    },
    Reset {
        client: usize,
    },
    /// One limit comes or is another from now on.
    Put {
        limit: usize,
        spec: Spec,
    },
    /// One limit goes on with other numbers.
    Renumber {
        limit: usize,
        spec: Spec,
    },
    Delete {
        limit: usize,
    },
    PutAll {
        specs: Vec<Spec>,
        are_on: [bool; 3],
    },
    PutModels {
        are_on: [bool; 3],
    },
    Wait {
        ms: u64,
    },
    ClockBack {
        ms: u64,
    },
    /// A worker is away for so long that what it holds is given up.
    GiveUp {
        worker: u128,
    },
    /// A worker comes back and knows of some of its requests.
    Resume {
        worker: u128,
        every: usize,
    },
}

impl RuleSet {
    /// What a step makes of the limits and models; whether it makes anything of them.
    pub(crate) fn follow(&mut self, step: &Step) -> bool {
        match step {
            Step::Put { limit, spec } => {
                self.specs.insert(*limit, spec.clone());
            }
            Step::Renumber { limit, spec } => return self.renumber(*limit, spec.clone()),
            Step::Delete { limit } => {
                self.specs.remove(limit);
            }
            Step::PutAll { specs, are_on } => {
                self.are_on = *are_on;
                self.put_all(specs.clone());
            }
            Step::PutModels { are_on } => self.are_on = *are_on,
            _ => return false,
        }
        true
    }
}

fn any_of<T: Clone + std::fmt::Debug + 'static>(all: &[T]) -> impl Strategy<Value = T> + use<T> {
    prop::sample::select(all.to_vec())
}

fn maybe(weight: f64, all: &[&'static str]) -> impl Strategy<Value = Option<&'static str>> + use<> {
    option::weighted(weight, any_of(all))
}

/// Small numbers, so that a short history reaches them, and a few that are as large as any can be.
fn numbers() -> impl Strategy<Value = (Kind, u64, u32, u64)> {
    let kinds = any_of(&[Kind::Requests, Kind::Tokens, Kind::Concurrent]);
    let windows = any_of(&[1, 7, 60, 60, 600, 3_600, 86_400, 31 * 86_400]);
    (kinds, windows, any::<prop::sample::Index>(), 1..1_000_u64, prop::bool::weighted(0.03))
        .prop_map(|(kind, window, of, burst, is_huge)| {
            let most = match kind {
                Kind::Requests => 12,
                Kind::Tokens => 600,
                Kind::Concurrent => 4,
            };
            let amount = if is_huge {
                1_000_000_000_000
            } else {
                u64::try_from(of.index(most)).unwrap() + 1
            };
            (kind, amount, window, if burst < 500 { amount } else { amount.div_ceil(2) })
        })
}

pub(crate) fn spec() -> impl Strategy<Value = Spec> {
    let models: Vec<_> = MODELS.iter().map(|(name, _)| *name).chain(["other"]).collect();
    let each = prop::sample::subsequence(vec!["client", "group", "plan", "model"], 0..4);
    let each = prop_oneof![1 => Just(Vec::new()), 2 => each];
    let mode = prop_oneof![
        8 => Just(Mode::Enforce),
        3 => Just(Mode::Shadow),
        1 => Just(Mode::Off)
    ];
    let of = (maybe(0.15, &IDS), maybe(0.35, &GROUPS), maybe(0.2, &PLANS), maybe(0.3, &models));
    (of, each, numbers(), mode, option::weighted(0.35, 1..9_u64)).prop_map(
        |((client, group, plan, model), each, (kind, amount, per_s, burst), mode, trial)| Spec {
            name: String::new(),
            client,
            group,
            plan,
            model,
            each,
            kind,
            amount,
            per_s,
            burst,
            mode,
            trial: trial.map(|eighths| (amount * eighths).div_ceil(8).min(1_000_000_000_000)),
        },
    )
}

pub(crate) fn who() -> impl Strategy<Value = Who> {
    let limits = (option::of(1..12_u64), option::of(1..600_u64), prop::bool::weighted(0.1));
    (limits, maybe(0.8, &GROUPS), maybe(0.6, &PLANS)).prop_map(
        |((rpm, tpm, is_disabled), group, plan)| Who { rpm, tpm, is_disabled, group, plan },
    )
}

pub(crate) fn end() -> impl Strategy<Value = End> {
    let outcomes = [
        Outcome::Completed,
        Outcome::Aborted,
        Outcome::UpstreamRefused,
        Outcome::UpstreamFailed,
        Outcome::TimedOut,
    ];
    let settled = (any_of(&outcomes), option::of(0..300_u64)).prop_map(|(outcome, used)| {
        let told = used.and_then(|used| Tokens::new(used).ok());
        End::Settled(Response { outcome, told, observed: Tokens::ZERO, duration_us: Some(1_500) })
    });
    prop_oneof![6 => settled, 1 => Just(End::Canceled), 1 => Just(End::Lost)]
}

pub(crate) fn specs() -> impl Strategy<Value = Vec<Spec>> {
    vec(spec(), 0..=LIMITS_MAX)
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let configured = 0..IDS.len() - 1;
    let kind = any_of(&[RequestKind::Generates, RequestKind::Generates, RequestKind::Reads]);
    let models = any::<[bool; 3]>();
    let limit = 0..LIMITS_MAX;
    let asks = (0..3_u128, 0..IDS.len(), option::weighted(0.95, 0..150_u64), kind);
    let ms = prop_oneof![8 => 1..3_000_u64, 2 => 1..90_000_u64, 1 => 1..100_000_000_u64];
    prop_oneof![
        30 => (asks, 0..RAW_MODELS.len()).prop_map(|((worker, client, tokens, kind), model)| {
            Step::Ask { worker, client, tokens, kind, model }
        }),
        1 => (0..8_usize).prop_map(|which| Step::AskAgain { which }),
        16 => (0..8_usize, end()).prop_map(|(which, end)| Step::End { which, end }),
        1 => (0..IDS.len(), 0..LIMITS_MAX + 2, 1..9_u64)
            .prop_map(|(client, limit, requests)| Step::Drop { client, limit, requests }),
        2 => (configured.clone(), who()).prop_map(|(client, who)| Step::Configure { client, who }),
        1 => configured.clone().prop_map(|client| Step::Remove { client }),
        1 => configured.prop_map(|client| Step::Reset { client }),
        1 => (limit.clone(), spec()).prop_map(|(limit, spec)| Step::Put { limit, spec }),
        4 => (limit.clone(), spec()).prop_map(|(limit, spec)| Step::Renumber { limit, spec }),
        1 => limit.prop_map(|limit| Step::Delete { limit }),
        1 => (specs(), models).prop_map(|(specs, are_on)| Step::PutAll { specs, are_on }),
        1 => models.prop_map(|are_on| Step::PutModels { are_on }),
        10 => ms.prop_map(|ms| Step::Wait { ms }),
        1 => (1..5_000_u64).prop_map(|ms| Step::ClockBack { ms }),
        1 => (0..3_u128).prop_map(|worker| Step::GiveUp { worker }),
        1 => (0..3_u128, 1..4_usize).prop_map(|(worker, every)| Step::Resume { worker, every }),
    ]
}
