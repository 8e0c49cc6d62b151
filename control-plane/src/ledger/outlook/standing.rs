//! A limit of a request, before it is judged.

use limiter::{Bucket, Dimension, PerMinute, UnixMillis};

use super::Applies;
use crate::{
    clients::Limits,
    ledger::{BucketOf, keys::Part, rules::InForce},
    limits::{Limit, LimitKey, LimitMode, Measure, ModelName, Subject},
};

/// A limit, or its number on trial, that applies to a request.
#[derive(Clone, Debug)]
pub(in crate::ledger) struct Standing {
    pub(in crate::ledger) limit: LimitKey,
    pub(in crate::ledger) measure: Measure,
    pub(in crate::ledger) mode: LimitMode,
    pub(in crate::ledger) part: Part,
    pub(super) applies: Applies,
}

impl Standing {
    /// A client's own limits, in the order in which they are named.
    pub(in crate::ledger) fn own(
        limits: Limits,
        is_enabled: bool,
        applies: &Applies,
    ) -> impl Iterator<Item = (Dimension, PerMinute, Self)> {
        let both = [(Dimension::Rpm, limits.rpm), (Dimension::Tpm, limits.tpm)];
        let mode = if is_enabled { LimitMode::Enforce } else { LimitMode::Off };
        both.into_iter().filter_map(move |(dimension, limit)| {
            let limit = limit?;
            let measure = match dimension {
                Dimension::Rpm => Measure::Requests(limit.into()),
                Dimension::Tpm => Measure::Tokens(limit.into()),
            };
            let (part, applies) = (Part::Main, applies.clone());
            let key = LimitKey::Own(dimension);
            Some((dimension, limit, Self { limit: key, measure, mode, part, applies }))
        })
    }

    /// Both numbers of a limit beside them, where it has a second one on trial.
    pub(in crate::ledger) fn beside(
        limit: &InForce,
        subject: &Subject<'_>,
        model: &ModelName,
    ) -> impl Iterator<Item = Self> {
        [Part::Main, Part::Trial].into_iter().filter_map(|part| {
            let measure = limit.measure(part)?;
            Some(Self { measure, part, ..Self::of(&limit.config, subject, model) })
        })
    }

    /// A limit that is off.
    pub(super) fn off(limit: &Limit, subject: &Subject<'_>, model: &ModelName) -> Self {
        Self::of(limit, subject, model)
    }

    fn of(limit: &Limit, subject: &Subject<'_>, model: &ModelName) -> Self {
        let each = limit.each;
        let bucket = BucketOf {
            client: each.client.then(|| subject.client.clone()),
            group: subject.group.filter(|_| each.group).cloned(),
            plan: subject.plan.filter(|_| each.plan).cloned(),
            model: each.model.then(|| model.clone()),
        };
        Self {
            limit: LimitKey::Named(limit.name.clone()),
            measure: limit.measure,
            mode: limit.mode,
            part: Part::Main,
            applies: Applies::Rule { matches: limit.matches.clone(), each, bucket },
        }
    }

    /// Whether it is decided and charged like any, and refuses nothing.
    pub(super) fn is_watched(&self) -> bool {
        self.mode == LimitMode::Shadow || self.part == Part::Trial
    }
}

/// A bucket as it is, or one that was never charged.
pub(super) fn or_full(bucket: Option<Bucket>, limit: PerMinute, now: UnixMillis) -> Bucket {
    bucket.unwrap_or_else(|| Bucket::full(limit.into(), now))
}
