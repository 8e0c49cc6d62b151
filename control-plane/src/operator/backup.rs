//! The backup of what is in force, for whichever API sends it.

use tokio::runtime::Handle;

use crate::{
    backup::{Document, Step},
    http::pieces::{PIECE_BYTES, Progress},
};

/// Writes it piece by piece, on threads that may block. Where others share the limits and can't be asked it
/// is not written to its end.
pub(super) fn pieces(mut document: Document) -> impl FnMut(&mut String) -> Progress + Send {
    let runtime = Handle::current();
    move |text| {
        while text.len() < PIECE_BYTES {
            if runtime.block_on(document.refresh()).is_err() {
                return Progress::Broken;
            }
            if document.write(text) == Step::End {
                return Progress::End;
            }
        }
        Progress::More
    }
}
