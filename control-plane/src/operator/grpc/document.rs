//! The whole configuration as one document, which comes and goes in pieces.

use std::{pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt as _};
use proto::api::{ConfigChunk, ConfigNames, SetConfigRequest, SetConfigResponse};
use tonic::{Status, Streaming};

use super::{arriving, convert::signed};
use crate::{
    http::pieces,
    operator::{
        ByKind, Caller, Difference, Operator, OperatorError, Precondition, Replacement, Run,
        Wanted, document,
    },
};

/// A document while it is sent.
pub(super) type Chunks = Pin<Box<dyn Stream<Item = Result<ConfigChunk, Status>> + Send>>;

pub(super) async fn read(operator: &Arc<Operator>, caller: Caller) -> Result<Chunks, Status> {
    // Asked first: what is written meanwhile makes the document newer than its tag, and never older.
    let mut etag = operator.tag(&caller).as_str().to_owned();
    let pieces = document::pieces(Arc::clone(operator), caller);
    let body = pieces::body(operator.readers().clone(), pieces).await;
    let body = body.map_err(OperatorError::from)?.into_data_stream();
    Ok(Box::pin(body.map(move |piece| match piece {
        Ok(document) => {
            Ok(ConfigChunk { document: document.into(), etag: std::mem::take(&mut etag) })
        }
        Err(_) => Err(Status::aborted("the document was not read in time")),
    })))
}

pub(super) async fn replace(
    operator: &Arc<Operator>,
    caller: &Caller,
    mut requests: Streaming<SetConfigRequest>,
) -> Result<SetConfigResponse, Status> {
    let Some(first) = requests.message().await? else {
        return Err(Status::invalid_argument("the call has no request"));
    };
    let SetConfigRequest { document, if_match, dry_run } = first;
    let precondition = Precondition::if_match(&if_match);
    let run = if dry_run { Run::Dry } else { Run::Real };
    // Only one that is long is in memory at a time.
    let place = operator.document_place();
    let document = arriving::read(document, &mut requests, |more| more.document, place).await?;
    let read = |document: &[u8]| Wanted::read(document).map_err(OperatorError::from);
    let replacement = operator.replace_by(document, read, run, precondition, caller).await?;
    Ok(replaced(&replacement))
}

fn replaced(replacement: &Replacement) -> SetConfigResponse {
    let Difference { created, replaced, deleted, .. } = &replacement.difference;
    SetConfigResponse {
        success: true,
        message: replacement.to_string(),
        etag: replacement.tag.as_str().to_owned(),
        dry_run: replacement.is_dry_run,
        created: Some(names(created)),
        replaced: Some(names(replaced)),
        deleted: Some(names(deleted)),
        untold: signed(u64::try_from(replacement.difference.untold()).unwrap_or(u64::MAX)),
    }
}

fn names(names: &ByKind) -> ConfigNames {
    ConfigNames {
        clients: names.clients.told.clone(),
        limits: names.limits.told.clone(),
        models: names.models.told.clone(),
        keys: names.keys.told.clone(),
        tokens: names.tokens.told.clone(),
    }
}
