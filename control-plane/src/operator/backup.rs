//! The backup of what is in force, for whichever API sends it.

use crate::{
    backup::{Document, Step},
    http::pieces::{PIECE_BYTES, Progress},
};

/// Writes it piece by piece.
pub(super) fn pieces(mut document: Document) -> impl FnMut(&mut String) -> Progress + Send {
    move |text| {
        while text.len() < PIECE_BYTES {
            if document.write(text) == Step::End {
                return Progress::End;
            }
        }
        Progress::More
    }
}
