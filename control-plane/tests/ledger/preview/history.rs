//! Histories in which clients come and go: one asks for a while, and the others are idle meanwhile, also
//! when an operator writes.

use proptest::collection::vec;

use super::{
    super::together::steps::{spec, step, who},
    *,
};

/// Some writes, and then what is asked by one client most of the time.
fn phase() -> impl Strategy<Value = Vec<Step>> {
    let asks = vec((step(), 0..10_u32), 4..40);
    (vec(write(), 0..4), asks, 0..IDS.len()).prop_map(|(writes, asks, of)| {
        let asks = asks.into_iter().filter_map(move |(step, other)| match step {
            Step::Ask { worker, client, tokens, kind, model } => {
                let client = if other == 0 { client } else { of };
                Some(Step::Ask { worker, client, tokens, kind, model })
            }
            Step::End { .. } | Step::AskAgain { .. } | Step::Wait { .. } => Some(step),
            Step::GiveUp { .. } | Step::Resume { .. } if other < 5 => Some(step),
            _ => None,
        });
        writes.into_iter().chain(asks).collect()
    })
}

fn write() -> impl Strategy<Value = Step> {
    let configured = 0..IDS.len() - 1;
    let limit = 0..LIMITS_MAX;
    prop_oneof![
        4 => (configured.clone(), who()).prop_map(|(client, who)| Step::Configure { client, who }),
        2 => configured.clone().prop_map(|client| Step::Remove { client }),
        2 => configured.prop_map(|client| Step::Reset { client }),
        2 => (limit.clone(), spec()).prop_map(|(limit, spec)| Step::Put { limit, spec }),
        6 => (limit.clone(), spec()).prop_map(|(limit, spec)| Step::Renumber { limit, spec }),
        2 => limit.prop_map(|limit| Step::Delete { limit }),
        1 => any::<[bool; 3]>().prop_map(|are_on| Step::PutModels { are_on }),
    ]
}

pub(super) fn history() -> impl Strategy<Value = Vec<Step>> {
    vec(phase(), 2..12).prop_map(|phases| phases.concat())
}
