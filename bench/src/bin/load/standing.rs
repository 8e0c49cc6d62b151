//! How the limits beside its own two stand of which a client's statistics tell.

use serde::Deserialize;

/// A limit that applies to a client.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Standing {
    /// What it is called.
    pub(crate) name: String,
    /// What it counts.
    pub(crate) measure: String,
    /// How much of it there is.
    pub(crate) limit: u64,
    /// How much is left; where each model has a bucket, in the one with the least.
    pub(crate) remaining: u64,
    /// The client's requests that it would have refused so far, were it enforced.
    pub(crate) would_refuse: u64,
}

/// A client's statistics, as far as they tell of these.
#[derive(Debug, Deserialize)]
pub(crate) struct Statistics {
    /// All of them; absent where there is none.
    #[serde(default)]
    pub(crate) limits: Vec<Standing>,
}

/// What `after` has beside `before`: of what would have been refused, what was meanwhile.
pub(crate) fn since(before: &[Standing], mut after: Vec<Standing>) -> Vec<Standing> {
    for standing in &mut after {
        let same = before.iter().find(|before| before.name == standing.name);
        let counted = same.map_or(0, |before| before.would_refuse);
        standing.would_refuse = standing.would_refuse.saturating_sub(counted);
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(name: &str, would_refuse: u64) -> Standing {
        let (name, measure) = (name.to_owned(), "tokens".to_owned());
        Standing { name, measure, limit: 9, remaining: 1, would_refuse }
    }

    #[test]
    fn what_would_have_been_refused_before_does_not_count() {
        let before = [standing("a", 3)];
        let after = vec![standing("a", 5), standing("new", 2)];
        assert_eq!(since(&before, after), [standing("a", 2), standing("new", 2)]);
    }

    #[test]
    fn statistics_without_such_limits_have_none() {
        let told: Statistics = serde_json::from_str(r#"{"client_id":"a"}"#).expect("statistics");
        assert_eq!(told.limits, []);
    }
}
