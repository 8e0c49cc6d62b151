//! A document that comes in pieces, a message each, and takes a place of which there are few.

use tonic::{Status, Streaming};

use super::one_message::DECODED_BYTES_MAX;
use crate::operator::{DOCUMENT_BYTES_MAX, OperatorError};

/// All that follows `document`, of which each message has a `piece`. The place is taken once all of it is
/// there, or it is longer than any other call's message: whoever sends slowly keeps it from nobody until
/// then.
pub(super) async fn read<M, P>(
    mut document: Vec<u8>,
    requests: &mut Streaming<M>,
    piece: impl Fn(M) -> Vec<u8>,
    place: impl Future<Output = Result<P, OperatorError>>,
) -> Result<(Vec<u8>, P), Status> {
    let is_whole = go_on_to(DECODED_BYTES_MAX, &mut document, requests, &piece).await?;
    let place = place.await?;
    if !is_whole {
        go_on_to(DOCUMENT_BYTES_MAX, &mut document, requests, &piece).await?;
    }
    Ok((document, place))
}

/// Reads on until there is more than `enough`; whether nothing more is to come.
async fn go_on_to<M>(
    enough: usize,
    document: &mut Vec<u8>,
    requests: &mut Streaming<M>,
    piece: impl Fn(M) -> Vec<u8>,
) -> Result<bool, Status> {
    while document.len() <= enough {
        let Some(more) = requests.message().await?.map(&piece) else { return Ok(true) };
        if document.len() + more.len() > DOCUMENT_BYTES_MAX {
            return Err(Status::out_of_range(format!(
                "the document must not be longer than {DOCUMENT_BYTES_MAX} bytes"
            )));
        }
        document.extend_from_slice(&more);
    }
    Ok(false)
}
