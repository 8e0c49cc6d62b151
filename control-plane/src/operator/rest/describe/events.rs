//! Events, which are no JSON of their own: what each one's is, docs/contract.md says.

use super::parts::{count, described, object, text, with};

described! {
    /// One of the events that come until one side ends them.
    EventStream = with(
        ["event", "data"],
        object()
            .property("id", text())
            .property("event", text())
            .property("data", text())
            .property("retry", count()),
    );
}
