//! What other limits would have done, in the wire's types. A document comes in pieces.

use std::sync::Arc;

use limiter::Wait;
use proto::api::{
    PreviewClient, PreviewLimit, PreviewRefusal, PreviewRefusals, PreviewRequest, PreviewResponse,
};
use tonic::{Status, Streaming};

use super::{arriving, convert::signed};
use crate::{
    ledger::{ClientPreview, FirstRefusal, Preview, Refusals},
    operator::{Caller, Draft, Given, LimitDraft, Notation, Operator, PreviewDraft, SentDocument},
    rfc3339::rfc3339,
};

pub(super) async fn preview(
    operator: &Arc<Operator>,
    caller: &Caller,
    mut requests: Streaming<PreviewRequest>,
) -> Result<PreviewResponse, Status> {
    let Some(first) = requests.message().await? else {
        return Err(Status::invalid_argument("the call has no request"));
    };
    let PreviewRequest { client, limit, document } = first;
    let place = async { operator.preview_place() };
    let (document, place) =
        arriving::read(document, &mut requests, |more| more.document, place).await?;
    let config = SentDocument { text: document, notation: Notation::Yaml };
    let config = Some(config).filter(|document| !document.text.is_empty());
    let draft = PreviewDraft {
        client: client.map_or(Given::Absent, |client| Given::Value(Draft::from(&client))),
        limit: limit.map_or(Given::Absent, |limit| Given::Value(LimitDraft::from(limit))),
        config: config.map_or(Given::Absent, Given::Value),
        ..PreviewDraft::default()
    };
    let preview = operator.preview(draft, place, caller).await?;
    Ok(PreviewResponse::from(&preview))
}

impl From<&Preview> for PreviewResponse {
    fn from(preview: &Preview) -> Self {
        let (oldest, latest) = preview.over.unzip();
        Self {
            oldest: oldest.and_then(rfc3339),
            latest: latest.and_then(rfc3339),
            decisions: signed(preview.decisions),
            cut: preview.is_cut,
            then: Some(preview.then.into()),
            now: Some(preview.now.into()),
            newly_refused: signed(preview.newly_refused),
            newly_admitted: signed(preview.newly_admitted),
            clients: preview.clients.iter().map(PreviewClient::from).collect(),
            untold: i64::try_from(preview.untold).unwrap_or(i64::MAX),
        }
    }
}

impl From<Refusals> for PreviewRefusals {
    fn from(of: Refusals) -> Self {
        let Refusals { requests, never, longest_wait_ms, total_wait_ms } = of;
        Self {
            refused: signed(requests),
            never: signed(never),
            longest_wait_ms: signed(longest_wait_ms),
            total_wait_ms: signed(total_wait_ms),
        }
    }
}

impl From<&ClientPreview> for PreviewClient {
    fn from(of: &ClientPreview) -> Self {
        let limits = of.by_limit.iter().map(|(name, then, now)| PreviewLimit {
            name: name.clone(),
            then: signed(*then),
            now: signed(*now),
        });
        Self {
            client_id: of.client.as_str().to_owned(),
            decisions: signed(of.decisions),
            then: Some(of.then.into()),
            now: Some(of.now.into()),
            newly_refused: signed(of.newly_refused),
            newly_admitted: signed(of.newly_admitted),
            limits: limits.collect(),
            first: of.first.iter().map(PreviewRefusal::from).collect(),
        }
    }
}

impl From<&FirstRefusal> for PreviewRefusal {
    fn from(of: &FirstRefusal) -> Self {
        let (retry_after_ms, never) = match of.wait {
            Wait::Millis(ms) => (Some(signed(ms)), None),
            Wait::Never => (None, Some(true)),
        };
        Self {
            time: rfc3339(of.at).unwrap_or_default(),
            tokens: signed(of.tokens.get()),
            model: of.model.clone(),
            limit: of.limit.clone(),
            retry_after_ms,
            never,
        }
    }
}
