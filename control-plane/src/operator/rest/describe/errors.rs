//! Errors by status: what each can be, in both forms.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{
        ContentBuilder, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder, schema::ObjectBuilder,
    },
};

use super::parts::{integer, object, text, with, word};
use crate::http::{JSON, PROBLEM_JSON};

/// All errors of one status.
pub(super) struct OfStatus {
    pub(super) status: u16,
    /// How the description calls them.
    pub(super) name: &'static str,
    description: &'static str,
    codes: &'static [&'static str],
}

/// Of each status. An operation refers to those that it can answer.
pub(super) static ERRORS: [OfStatus; 13] = [
    OfStatus {
        status: 400,
        name: "Invalid",
        description: "Something is not as it may be; all that is wrong is told at once.",
        codes: &[
            "invalid_json",
            "missing_field",
            "invalid_field",
            "invalid_document",
            "invalid_request",
        ],
    },
    OfStatus {
        status: 401,
        name: "NotKnown",
        description: "A token is missing, or what is shown is none.",
        codes: &["missing_token", "invalid_token", "expired_token"],
    },
    OfStatus {
        status: 403,
        name: "NotAllowed",
        description: "The token has not the scope, or the web page may not call.",
        codes: &["insufficient_scope", "origin_not_allowed"],
    },
    OfStatus {
        status: 404,
        name: "NotFound",
        description: "It is not there.",
        codes: &[
            "client_not_found",
            "limit_not_found",
            "model_not_found",
            "key_not_found",
            "token_not_found",
            "not_found",
        ],
    },
    OfStatus {
        status: 405,
        name: "OtherMethod",
        description: "The path does not know this method.",
        codes: &["method_not_allowed"],
    },
    OfStatus {
        status: 408,
        name: "TooSlow",
        description: "It did not arrive, or was not answered, in time.",
        codes: &["request_timeout"],
    },
    OfStatus {
        status: 409,
        name: "Conflict",
        description: "A file owns it, something else needs it or has it, or no decisions are kept.",
        codes: &["managed_by_file", "in_use", "no_preview", "no_decisions"],
    },
    OfStatus {
        status: 412,
        name: "OtherRevision",
        description: "What If-Match or If-None-Match says does not hold: nothing was changed.",
        codes: &["revision_mismatch"],
    },
    OfStatus {
        status: 413,
        name: "TooLong",
        description: "The body is longer than is read.",
        codes: &["body_too_large"],
    },
    OfStatus {
        status: 415,
        name: "OtherType",
        description: "The body is not declared as what it has to be.",
        codes: &["unsupported_media_type"],
    },
    OfStatus {
        status: 421,
        name: "OtherHost",
        description: "The request was sent to a name that is none of this server's.",
        codes: &["misdirected_request"],
    },
    OfStatus {
        status: 503,
        name: "Unavailable",
        description: "Nothing was changed: it cannot be stored or written down now, or the process stops.",
        codes: &[
            "store_unavailable",
            "audit_unavailable",
            "too_many_streams",
            "preview_busy",
            "stopping",
        ],
    },
    OfStatus {
        status: 507,
        name: "NoRoom",
        description: "Nothing was changed: the disk is full, or there are as many as there can be.",
        codes: &[
            "storage_full",
            "too_many_clients",
            "too_many_limits",
            "too_many_models",
            "too_many_keys",
            "too_many_tokens",
        ],
    },
];

impl OfStatus {
    /// How an operation refers to it.
    pub(super) fn reference(&self) -> (String, RefOr<Response>) {
        (self.status.to_string(), RefOr::Ref(Ref::from_response_name(self.name)))
    }

    /// What it refers to.
    pub(super) fn response(&self) -> Response {
        let content = |schema: ObjectBuilder| ContentBuilder::new().schema(Some(schema)).build();
        let response = ResponseBuilder::new()
            .description(self.description)
            .content(JSON, content(self.error()))
            .content(PROBLEM_JSON, content(self.problem()));
        match self.status {
            401 => response.header("www-authenticate", challenge()).build(),
            _ => response.build(),
        }
    }

    fn error(&self) -> ObjectBuilder {
        let error = object()
            .property("error", word(self.codes.iter().copied()))
            .property("message", text().description(Some("For people.")));
        with(["error", "message"], error)
    }

    /// The same where Accept asks for RFC 9457.
    fn problem(&self) -> ObjectBuilder {
        let status = u64::from(self.status);
        let problem = self
            .error()
            .property("type", text())
            .property("title", text())
            .property("status", integer(status, status))
            .property("detail", text());
        with(["type", "title", "status", "detail"], problem)
    }
}

fn challenge() -> utoipa::openapi::Header {
    HeaderBuilder::new()
        .schema(Some(text()))
        .description(Some("What is to be shown (RFC 6750)."))
        .build()
}

/// Groups of them, for calls that can end in all of a group.
macro_rules! groups {
    ($($(#[$doc:meta])* $name:ident = $statuses:expr;)+) => {$(
        $(#[$doc])*
        pub(in crate::operator::rest) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                of(&$statuses)
            }
        }
    )+};
}

groups! {
    /// What the call is about may not be there.
    NotThere = [404];
    /// A parameter may be wrong.
    BadQuery = [400];
    /// A body may be wrong.
    BadBody = [400, 413, 415];
    /// A change may not be possible.
    NotChanged = [409, 412, 507];
    /// There may be no preview, or none of what would be one thing too many.
    NotPreviewed = [409, 507];
    /// The same, of what has an owner in no file and is named by nothing.
    NotReset = [412, 507];
    /// No decisions may be kept.
    NotKept = [409];
}

/// Those of these statuses.
pub(super) fn of(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    ERRORS.iter().filter(|of| statuses.contains(&of.status)).map(OfStatus::reference).collect()
}
