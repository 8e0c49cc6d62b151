//! Which limits apply to a request, and where their buckets are.

use super::{Key, Oracle, Rule};
use crate::together::spec::{MODELS, Mode, Spec};

impl Oracle {
    /// The configured client, or the one that all others are.
    pub(crate) fn counts_as(&self, client: &str) -> String {
        if self.clients.contains_key(client) { client } else { "unknown" }.to_owned()
    }

    /// The limits that apply to a request, by name, each with its bucket.
    pub(super) fn rules_for(&self, client: &str, raw: Option<&str>) -> Vec<(Spec, Key)> {
        let model = self.model(raw);
        let apply = self.limits.values().filter(|rule| {
            let is_model = rule.spec.model.is_none_or(|only| only == model.0);
            is_model && self.concerns(&rule.spec, client)
        });
        apply.map(|rule| (rule.spec.clone(), self.key(rule, client, Some(&model)))).collect()
    }

    pub(super) fn concerns(&self, spec: &Spec, client: &str) -> bool {
        let who = &self.clients[client];
        let is_beneath = |above: &str| {
            who.group.is_some_and(|group| {
                let mut beneath = group.split('/');
                above.split('/').all(|part| beneath.next() == Some(part))
            })
        };
        spec.mode != Mode::Off
            && spec.client.is_none_or(|only| only == client)
            && spec.group.is_none_or(is_beneath)
            && spec.plan.is_none_or(|only| who.plan == Some(only))
            && (!spec.has_each("group") || who.group.is_some())
            && (!spec.has_each("plan") || who.plan.is_some())
    }

    pub(super) fn key(&self, rule: &Rule, client: &str, model: Option<&(String, u32)>) -> Key {
        let (who, spec) = (&self.clients[client], &rule.spec);
        let by_client = spec.has_each("client");
        Key {
            limit: rule.number,
            client: by_client.then(|| client.to_owned()),
            // A client has one group and one plan, and what it spent goes with it to the next.
            group: who.group.filter(|_| spec.has_each("group") && !by_client),
            plan: who.plan.filter(|_| spec.has_each("plan") && !by_client),
            model: model.filter(|_| spec.has_each("model")).cloned(),
        }
    }

    /// What a request's model is called here.
    pub(super) fn model(&self, raw: Option<&str>) -> (String, u32) {
        let raw = raw.unwrap_or_default().to_lowercase();
        let mut best: Option<(usize, &str)> = None;
        for (name, patterns) in MODELS {
            for pattern in patterns.iter().filter(|_| self.models.contains_key(name)) {
                let literals = match pattern.bytes().filter(|byte| *byte != b'*').count() {
                    literals if literals == pattern.len() => usize::MAX,
                    literals => literals,
                };
                let is_better = best.is_none_or(|(best, _)| literals > best);
                if is_better && matches(pattern.to_lowercase().as_bytes(), raw.as_bytes()) {
                    best = Some((literals, name));
                }
            }
        }
        best.map_or(("other".to_owned(), 0), |(_, name)| (name.to_owned(), self.models[name]))
    }
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|run| matches(rest, &name[run..])),
        Some((letter, rest)) => name.first() == Some(letter) && matches(rest, &name[1..]),
    }
}
