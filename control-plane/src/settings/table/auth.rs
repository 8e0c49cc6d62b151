//! Settings of who has to show who they are. Their defaults stand in `auth/config.rs`.

use super::rows;
use crate::settings::{
    NonEmpty,
    field::field,
    notation::{OptionalPath, OptionalText},
};

rows! {
    ADMIN_AUTH {
        fills: field!(auth.admin),
        meaning: "Whether REST, gRPC and the metrics take a token: auto (where BIND_ADDRESS is reached from other hosts), required or off",
    }
    DECIDE_AUTH {
        fills: field!(auth.decide),
        meaning: "Whether the decision stream takes a token: auto (where BIND_ADDRESS is reached from other hosts), required or off",
    }
    ADMIN_TOKEN_FILE {
        fills: field!(auth.token_file as OptionalPath("the path of a file, or nothing")),
        meaning: "The file of a token that may do everything, which is followed",
    }
    ADMIN_JWKS_FILE {
        fills: field!(auth.issuer.jwks_file as OptionalPath("the path of a file, or nothing")),
        meaning: "The file of an issuer's public keys (a JSON Web Key Set), whose tokens (JWT) are believed too; it is followed",
    }
    ADMIN_JWT_ISSUER {
        fills: field!(auth.issuer.issuer as OptionalText),
        meaning: "What that issuer calls itself (iss)",
    }
    ADMIN_JWT_AUDIENCE {
        fills: field!(auth.issuer.audience as OptionalText),
        meaning: "What that issuer calls this control plane (aud)",
    }
    ADMIN_JWT_SCOPES_CLAIM {
        fills: field!(auth.issuer.scopes_claim as NonEmpty("the name of a claim")),
        meaning: "The claim of that issuer's tokens that has the scopes",
    }
}
