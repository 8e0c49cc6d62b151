//! What was decided of late.

use limiter::AMOUNT_MAX;
use utoipa::openapi::schema::ObjectBuilder;

use super::{
    names::client_or_unknown,
    parts::{count, described, integer, list, object, text, time, with, word, yes_or_no},
};
use crate::{ledger::HISTORY_MINUTES, operator::past::DECISIONS_AT_A_TIME_MAX};

described! {
    /// Decisions over a client's requests, the newest first.
    Decisions = with(
        ["client_id", "replica", "oldest", "decisions"],
        object()
            .property("client_id", client_or_unknown())
            .property("replica", text().description(Some("The control plane that decided.")))
            .property("oldest", time().description(Some("From when on all of them are kept.")))
            .property("decisions", list(decision(), DECISIONS_AT_A_TIME_MAX))
            .property("next_cursor", text()),
    );
    /// A client's last hour, minute by minute.
    History = with(
        ["client_id", "replica", "from", "oldest", "points"],
        object()
            .property("client_id", client_or_unknown())
            .property("replica", text().description(Some("The control plane that decided.")))
            .property("from", time().description(Some("When the hour begins.")))
            .property("oldest", time().description(Some("Minutes that were over before are absent.")))
            .property("points", list(point(), HISTORY_MINUTES)),
    );
}

fn decision() -> ObjectBuilder {
    with(
        ["time", "verdict", "reserved"],
        object()
            .property("time", time())
            .property("verdict", word(["passed", "refused"]))
            .property(
                "shadow",
                yes_or_no().description(Some("Its filter lets pass what is refused.")),
            )
            .property("model", text())
            .property("reserved", integer(0, AMOUNT_MAX))
            .property("duration_ms", count())
            .property(
                "used",
                integer(0, AMOUNT_MAX).description(Some("What it was charged in the end.")),
            )
            .property("limit", text().description(Some("By which it was refused.")))
            .property("retry_after_ms", count())
            .property("never", yes_or_no()),
    )
}

fn point() -> ObjectBuilder {
    with(
        ["time", "requests", "refused", "reserved", "used"],
        object()
            .property("time", time().description(Some("When the minute began.")))
            .property("requests", count())
            .property("refused", count())
            .property("refused_in_shadow", count())
            .property("reserved", count())
            .property("used", count().description(Some("Of requests that ended in the minute."))),
    )
}
