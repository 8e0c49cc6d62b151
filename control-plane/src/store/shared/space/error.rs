//! Why a space is not read or filled.

use crate::store::{StoreError, shared::client::Failure};

/// Why a space is not read or filled.
#[derive(Debug, thiserror::Error)]
pub enum SpaceError {
    /// The store does not answer, or not as it should.
    #[error("STORE_URL (--store-url) cannot be used: {0}")]
    Call(#[from] Failure),
    /// Its configuration cannot be read or written.
    #[error(transparent)]
    Configuration(#[from] StoreError),
    /// There is something where there should be nothing yet.
    #[error(
        "the store has clients already whose keys begin with STORE_PREFIX={prefix}, and was left as it \
         is: choose another STORE_PREFIX, or another store"
    )]
    Used {
        /// What the keys of the space begin with.
        prefix: String,
    },
    /// An import was killed, or is under way.
    #[error(
        "the store holds a part of an import whose keys begin with STORE_PREFIX={prefix}: import once \
         more, which begins anew, or choose another STORE_PREFIX"
    )]
    Unfinished {
        /// What the keys of the space begin with.
        prefix: String,
    },
    /// Control planes change it while it would be read.
    #[error(
        "control planes use the store now, {control_planes} of them: stop them, or have one of them \
         write the backup, with flowguard data backup"
    )]
    InUse {
        /// How many.
        control_planes: u64,
    },
    /// Another import was begun.
    #[error(
        "another import into the store was begun meanwhile, which goes on: this one wrote no more"
    )]
    Overtaken,
    /// What was read cannot be relied on.
    #[error("the store cannot be read to its end: what is left of limits did not come")]
    Unread,
}
