//! Where the filter reads which model a request is for.

use super::ModelFrom;

impl ModelFrom {
    /// Whether `places` can be tried in this order: there is one at least, and none twice.
    pub fn are_an_order(places: &[Self]) -> bool {
        let is_new = |(index, place): (usize, &Self)| {
            !places.iter().take(index).any(|before| before == place)
        };
        !places.is_empty() && places.iter().enumerate().all(is_new)
    }
}
