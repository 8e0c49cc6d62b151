//! What the API's description says of bodies, parameters and errors (`OpenAPI` 3.1). Each call is described
//! where it is answered; what it refers to is here, and `whole.rs` adds what all have in common. Ranges,
//! lengths and alphabets are those by which drafts are judged, and no copies of them.

mod audit;
mod clients;
mod credentials;
mod document;
mod errors;
mod events;
mod explain;
mod limits;
mod names;
mod parameters;
mod parts;
mod past;
mod preview;
mod system;
mod whole;

pub(super) use audit::{AuditList, Backup, Description, Page};
pub(super) use clients::{
    Client, ClientFields, ClientList, ClientWritten, Done, NewClient, Stats, StatsList,
};
pub(super) use credentials::{
    KeyList, KeyMade, KeyWithStats, NewKey, NewToken, TokenList, TokenMade, TokenWithUse,
};
pub(super) use document::{Document, DocumentWritten, YamlDocument};
pub(super) use errors::{BadBody, BadQuery, NotChanged, NotKept, NotPreviewed, NotReset, NotThere};
pub(super) use events::EventStream;
pub(super) use explain::Explanation;
pub(super) use limits::{
    Limit, LimitFields, LimitList, LimitStats, LimitWritten, Model, ModelList, ModelWritten,
};
pub(super) use parameters::{
    AuditPage, BucketPage, Cached, ClientInPath, ClientPage, Condition, ConditionOfNew,
    DecisionPage, DryRun, EventWish, FileInPath, LimitInPath, LimitPage, ModelInPath, ModelPage,
    PartInPath, PartPage, Question,
};
pub(super) use past::{Decisions, History};
pub(super) use preview::{Preview, PreviewOf};
pub(super) use system::System;
pub(super) use whole::whole;
