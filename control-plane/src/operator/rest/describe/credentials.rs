//! Keys of clients, and tokens.

use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Ref, Type};

use super::{
    names::{client_id, digest, public_part, token_name},
    parts::{
        count, described, done, integer, list, map, object, or_null, text, text_in, time, with,
        word,
    },
};
use crate::{
    credentials::{KEYS_A_CLIENT_MAX, Scope, TOKENS_MAX},
    operator::Notation,
};

described! {
    /// A key, without its secret.
    Key = with(["public_part", "client_id", "created_at"], key());
    /// A key with what came of the requests that showed it.
    KeyWithStats = with(
        [
            "public_part", "client_id", "created_at", "total_requests", "success_requests",
            "dropped_requests", "tokens_used",
        ],
        key()
            .property("last_used_at", time())
            .property("total_requests", count())
            .property("success_requests", count())
            .property("dropped_requests", count())
            .property("tokens_used", count()),
    );
    /// A client's keys by their public parts.
    KeyList = with(
        ["keys", "count"],
        object()
            .property("keys", map(public_part(), Ref::from_schema_name("Key")))
            .property("count", integer(0, KEYS_A_CLIENT_MAX as u64))
            .property("next_cursor", public_part()),
    );
    /// What may be said of a new key.
    NewKey = object().property("expires_at", expires());
    /// A key that was made. It is shown here alone.
    KeyMade = with(
        ["success", "message", "key", "config"],
        done()
            .property("key", text().pattern(Some("^fgk_")))
            .property("config", Ref::from_schema_name("Key")),
    );
    /// A token, without its secret.
    Token = with(["public_part", "name", "scopes", "created_at"], token());
    /// A token with when it was last used.
    TokenWithUse = with(
        ["public_part", "name", "scopes", "created_at"],
        token().property("last_used_at", time()),
    );
    /// Tokens by their public parts.
    TokenList = with(
        ["tokens", "count"],
        object()
            .property("tokens", map(public_part(), Ref::from_schema_name("Token")))
            .property("count", integer(0, TOKENS_MAX as u64))
            .property("next_cursor", public_part()),
    );
    /// What is said of a new token.
    NewToken = with(
        ["name", "scopes"],
        object()
            .property("name", token_name())
            .property("scopes", scopes())
            .property("expires_at", expires()),
    );
    /// A token that was made. It is shown here alone.
    TokenMade = with(
        ["success", "message", "token", "config"],
        done()
            .property("token", text().pattern(Some("^fga_")))
            .property("config", Ref::from_schema_name("Token")),
    );
    /// What a document has of a key.
    KeyEntry = key_entry(Notation::Json);
    /// What a document in YAML has of a key.
    YamlKeyEntry = key_entry(Notation::Yaml);
    /// What a document has of a token.
    TokenEntry = token_entry(Notation::Json);
    /// What a document in YAML has of a token.
    YamlTokenEntry = token_entry(Notation::Yaml);
}

fn key_entry(notation: Notation) -> ObjectBuilder {
    with(
        ["client_id", "sha256", "created_at"],
        object()
            .property("client_id", text_in(notation, client_id()))
            .property("sha256", digest())
            .property("created_at", time())
            .property("expires_at", or_null(Type::String, time())),
    )
}

fn token_entry(notation: Notation) -> ObjectBuilder {
    with(
        ["name", "scopes", "sha256", "created_at"],
        object()
            .property("name", text_in(notation, token_name()))
            .property("scopes", scopes())
            .property("sha256", digest())
            .property("created_at", time())
            .property("expires_at", or_null(Type::String, time())),
    )
}

fn key() -> ObjectBuilder {
    object()
        .property("public_part", public_part())
        .property("client_id", client_id())
        .property("created_at", time())
        .property("expires_at", time())
}

fn token() -> ObjectBuilder {
    object()
        .property("public_part", public_part())
        .property("name", token_name())
        .property("scopes", scopes())
        .property("created_at", time())
        .property("expires_at", time())
}

fn scopes() -> ArrayBuilder {
    let words = word(Scope::ALL.into_iter().map(Scope::word));
    list(words, Scope::ALL.len()).min_items(Some(1)).unique_items(true)
}

fn expires() -> ObjectBuilder {
    let description = "From when on it is valid no more: to come, and before 2106-02-07.";
    or_null(Type::String, time()).description(Some(description))
}
