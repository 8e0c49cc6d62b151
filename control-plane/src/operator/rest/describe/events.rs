//! Events, which are no JSON of their own: what each one's is, docs/contract.md says.

use super::parts::{described, text};

described! {
    /// Events until one side ends them.
    EventStream = text();
}
