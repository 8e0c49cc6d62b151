//! Settings of who has to show who they are. Their defaults stand in `auth/config.rs`.

use super::rows;
use crate::settings::{field::field, notation::OptionalPath};

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
}
