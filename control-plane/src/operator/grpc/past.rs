//! What was decided of late over a client's requests, in the wire's types.

use limiter::{Tokens, UnixMillis, Wait};
use proto::api::{
    self, GetHistoryRequest, GetHistoryResponse, ListDecisionsRequest, ListDecisionsResponse,
};
use tonic::Status;

use super::{
    convert::{if_found, signed},
    rules::{no_token, page_size},
};
use crate::{
    ledger::{DecisionCursor, HistoryPoint, KeptDecision},
    operator::{
        Caller, Operator,
        past::{DECISIONS_AT_A_TIME, DECISIONS_AT_A_TIME_MAX},
    },
    rfc3339::rfc3339,
};

pub(super) async fn decisions(
    operator: &Operator,
    caller: &Caller,
    request: ListDecisionsRequest,
) -> Result<ListDecisionsResponse, Status> {
    let ListDecisionsRequest { client_id, page_size: size, page_token } = request;
    let max = page_size(size, DECISIONS_AT_A_TIME, DECISIONS_AT_A_TIME_MAX)?;
    let cursor = Some(&page_token).filter(|token| !token.is_empty());
    let cursor = cursor.map(|token| token.parse().map_err(|_| no_token(token))).transpose()?;
    let page = if_found(operator.decisions(&client_id, cursor, max, caller).await)?;
    let Some(page) = page else { return Ok(ListDecisionsResponse::default()) };
    Ok(ListDecisionsResponse {
        found: true,
        client_id,
        replica: operator.events().replica().to_owned(),
        oldest: time(page.oldest),
        decisions: page.decisions.iter().map(api::KeptDecision::from).collect(),
        next_page_token: page.next.as_ref().map(DecisionCursor::to_string),
    })
}

pub(super) async fn history(
    operator: &Operator,
    caller: &Caller,
    request: GetHistoryRequest,
) -> Result<GetHistoryResponse, Status> {
    let client_id = request.client_id;
    let history = if_found(operator.history(&client_id, caller).await)?;
    let Some(history) = history else { return Ok(GetHistoryResponse::default()) };
    Ok(GetHistoryResponse {
        found: true,
        client_id,
        replica: operator.events().replica().to_owned(),
        from: time(history.from),
        oldest: time(history.oldest),
        points: history.points.iter().map(api::HistoryPoint::from).collect(),
    })
}

impl From<&KeptDecision> for api::KeptDecision {
    fn from(of: &KeptDecision) -> Self {
        let (limit, wait) = of.refusal.as_ref().map(|(limit, wait)| (&**limit, *wait)).unzip();
        let retry_after_ms = match wait {
            Some(Wait::Millis(ms)) => Some(signed(ms)),
            Some(Wait::Never) | None => None,
        };
        Self {
            time: time(of.at),
            verdict: of.verdict().to_owned(),
            shadow: of.in_shadow,
            model: of.model.as_deref().map(str::to_owned),
            reserved: signed(of.reserved.get()),
            duration_ms: of.duration_ms().map(signed),
            used: of.used.map(Tokens::get).map(signed),
            limit: limit.map(str::to_owned),
            retry_after_ms,
            never: matches!(wait, Some(Wait::Never)),
        }
    }
}

impl From<&HistoryPoint> for api::HistoryPoint {
    fn from(of: &HistoryPoint) -> Self {
        Self {
            time: time(of.at),
            requests: signed(of.requests),
            refused: signed(of.refused),
            refused_in_shadow: signed(of.refused_in_shadow),
            reserved: signed(of.reserved),
            used: signed(of.used),
        }
    }
}

fn time(at: UnixMillis) -> String {
    rfc3339(at).unwrap_or_default()
}
