//! What each call requires, in one table. What does not stand in it is not answered.

use http::Method;

use crate::credentials::Scope;

/// What a call requires of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing: whoever reaches the port is answered.
    Nothing,
    /// To be known, whatever for: there is nothing here, and only who is known learns that.
    Anybody,
    /// This scope.
    Scope(Scope),
}

use Requirement::{Nothing, Scope as Needs};

/// Each path of REST and of the metrics, as its router names it, and the methods that it knows. A HEAD
/// is a GET.
static ROUTES: &[(&str, &[(Method, Requirement)])] = &[
    ("/health", &[(Method::GET, Nothing)]),
    ("/ready", &[(Method::GET, Nothing)]),
    ("/api/v1/openapi.json", &[(Method::GET, Nothing)]),
    ("/docs", &[(Method::GET, Nothing)]),
    ("/docs/page.js", &[(Method::GET, Nothing)]),
    ("/docs/swagger-ui-bundle.js", &[(Method::GET, Nothing)]),
    ("/docs/swagger-ui.css", &[(Method::GET, Nothing)]),
    ("/docs/NOTICE", &[(Method::GET, Nothing)]),
    ("/", &[(Method::GET, Nothing)]),
    ("/console/{*path}", &[(Method::GET, Nothing)]),
    ("/metrics", &[(Method::GET, Needs(Scope::Metrics))]),
    ("/api/v1/clients", &[(Method::GET, Needs(Scope::Read)), (Method::POST, Needs(Scope::Write))]),
    (
        "/api/v1/clients/{id}",
        &[
            (Method::GET, Needs(Scope::Read)),
            (Method::PUT, Needs(Scope::Write)),
            (Method::PATCH, Needs(Scope::Write)),
            (Method::DELETE, Needs(Scope::Write)),
        ],
    ),
    ("/api/v1/clients/{id}/reset", &[(Method::POST, Needs(Scope::Write))]),
    ("/api/v1/clients/{id}/stats", &[(Method::GET, Needs(Scope::Read))]),
    ("/api/v1/clients/{id}/explain", &[(Method::GET, Needs(Scope::Read))]),
    ("/api/v1/clients/{id}/decisions", &[(Method::GET, Needs(Scope::Read))]),
    ("/api/v1/clients/{id}/history", &[(Method::GET, Needs(Scope::Read))]),
    (
        "/api/v1/clients/{id}/keys",
        &[(Method::GET, Needs(Scope::Keys)), (Method::POST, Needs(Scope::Keys))],
    ),
    (
        "/api/v1/clients/{id}/keys/{part}",
        &[(Method::GET, Needs(Scope::Keys)), (Method::DELETE, Needs(Scope::Keys))],
    ),
    (
        "/api/v1/tokens",
        &[(Method::GET, Needs(Scope::Tokens)), (Method::POST, Needs(Scope::Tokens))],
    ),
    (
        "/api/v1/tokens/{part}",
        &[(Method::GET, Needs(Scope::Tokens)), (Method::DELETE, Needs(Scope::Tokens))],
    ),
    ("/api/v1/stats", &[(Method::GET, Needs(Scope::Read))]),
    ("/api/v1/limits", &[(Method::GET, Needs(Scope::Read))]),
    (
        "/api/v1/limits/{name}",
        &[
            (Method::GET, Needs(Scope::Read)),
            (Method::PUT, Needs(Scope::Write)),
            (Method::DELETE, Needs(Scope::Write)),
        ],
    ),
    ("/api/v1/limits/{name}/stats", &[(Method::GET, Needs(Scope::Read))]),
    ("/api/v1/models", &[(Method::GET, Needs(Scope::Read))]),
    (
        "/api/v1/models/{name}",
        &[
            (Method::GET, Needs(Scope::Read)),
            (Method::PUT, Needs(Scope::Write)),
            (Method::DELETE, Needs(Scope::Write)),
        ],
    ),
    ("/api/v1/config", &[(Method::GET, Needs(Scope::Read)), (Method::PUT, Needs(Scope::Write))]),
    ("/api/v1/backup", &[(Method::GET, Needs(Scope::Read))]),
    ("/api/v1/audit", &[(Method::GET, Needs(Scope::Read))]),
    ("/api/v1/preview", &[(Method::POST, Needs(Scope::Read))]),
    ("/api/v1/system", &[(Method::GET, Needs(Scope::Read))]),
    ("/api/v1/events", &[(Method::GET, Needs(Scope::Read))]),
];

/// Each method of gRPC, of the API and of the decision stream.
static METHODS: &[(&str, Requirement)] = &[
    ("/grpc.health.v1.Health/Check", Nothing),
    ("/grpc.health.v1.Health/Watch", Nothing),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Needs(Scope::Read)),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Needs(Scope::Read)),
    ("/flowguard.decision.v1.DecisionService/Decide", Needs(Scope::Decide)),
    ("/flowguard.FlowGuardService/SetClientConfig", Needs(Scope::Write)),
    ("/flowguard.FlowGuardService/GetClientConfig", Needs(Scope::Read)),
    ("/flowguard.FlowGuardService/GetClientStats", Needs(Scope::Read)),
    ("/flowguard.FlowGuardService/ListClients", Needs(Scope::Read)),
    ("/flowguard.FlowGuardService/ExplainClient", Needs(Scope::Read)),
    ("/flowguard.FlowGuardService/DeleteClient", Needs(Scope::Write)),
    ("/flowguard.FlowGuardService/ResetClient", Needs(Scope::Write)),
    ("/flowguard.FlowGuardService/SetLimit", Needs(Scope::Write)),
    ("/flowguard.FlowGuardService/GetLimit", Needs(Scope::Read)),
    ("/flowguard.FlowGuardService/GetLimitStats", Needs(Scope::Read)),
    ("/flowguard.FlowGuardService/ListLimits", Needs(Scope::Read)),
    ("/flowguard.FlowGuardService/DeleteLimit", Needs(Scope::Write)),
    ("/flowguard.FlowGuardService/SetModel", Needs(Scope::Write)),
    ("/flowguard.FlowGuardService/GetModel", Needs(Scope::Read)),
    ("/flowguard.FlowGuardService/ListModels", Needs(Scope::Read)),
    ("/flowguard.FlowGuardService/DeleteModel", Needs(Scope::Write)),
    ("/flowguard.FlowGuardService/CreateKey", Needs(Scope::Keys)),
    ("/flowguard.FlowGuardService/GetKey", Needs(Scope::Keys)),
    ("/flowguard.FlowGuardService/ListKeys", Needs(Scope::Keys)),
    ("/flowguard.FlowGuardService/DeleteKey", Needs(Scope::Keys)),
    ("/flowguard.FlowGuardService/CreateToken", Needs(Scope::Tokens)),
    ("/flowguard.FlowGuardService/GetToken", Needs(Scope::Tokens)),
    ("/flowguard.FlowGuardService/ListTokens", Needs(Scope::Tokens)),
    ("/flowguard.FlowGuardService/DeleteToken", Needs(Scope::Tokens)),
    ("/flowguard.FlowGuardService/GetConfig", Needs(Scope::Read)),
    ("/flowguard.FlowGuardService/SetConfig", Needs(Scope::Write)),
    ("/flowguard.FlowGuardService/Backup", Needs(Scope::Read)),
    ("/flowguard.FlowGuardService/ListAudit", Needs(Scope::Read)),
    ("/flowguard.FlowGuardService/Preview", Needs(Scope::Read)),
    ("/flowguard.FlowGuardService/ListDecisions", Needs(Scope::Read)),
    ("/flowguard.FlowGuardService/GetHistory", Needs(Scope::Read)),
    ("/flowguard.FlowGuardService/GetSystem", Needs(Scope::Read)),
];

/// Each path and method of REST and of the metrics, with what it requires.
pub fn routes() -> impl Iterator<Item = (&'static str, &'static Method, Requirement)> {
    let of_path = |(path, methods): &'static (&'static str, &'static [(Method, Requirement)])| {
        methods.iter().map(move |(method, requirement)| (*path, method, *requirement))
    };
    ROUTES.iter().flat_map(of_path)
}

/// Each method of gRPC, by its path, with what it requires.
pub fn methods() -> impl Iterator<Item = (&'static str, Requirement)> {
    METHODS.iter().copied()
}

/// What a route is.
pub(super) enum Route {
    /// One of the table.
    Listed(Requirement),
    /// A path of the table, which knows these methods alone, and what it takes to be told so.
    OtherMethod(String, Requirement),
    /// None of the table.
    Unlisted,
}

/// What `method` is at a path that a router names so.
pub(super) fn route(path: &str, method: &Method) -> Route {
    let Some((_, methods)) = ROUTES.iter().find(|(listed, _)| *listed == path) else {
        return Route::Unlisted;
    };
    let asked = if method == Method::HEAD { &Method::GET } else { method };
    if let Some((_, requirement)) = methods.iter().find(|(listed, _)| listed == asked) {
        return Route::Listed(*requirement);
    }
    // Of what is there for everybody, everybody may know how to ask for it.
    let is_open = methods.iter().all(|(_, requirement)| *requirement == Nothing);
    let requirement = if is_open { Nothing } else { Requirement::Anybody };
    Route::OtherMethod(allowed(methods), requirement)
}

/// What a call of gRPC at this path requires; `None` where it does not stand in the table.
pub(super) fn method(path: &str) -> Option<Requirement> {
    METHODS.iter().find(|(listed, _)| *listed == path).map(|(_, requirement)| *requirement)
}

fn allowed(methods: &[(Method, Requirement)]) -> String {
    let mut allowed = Vec::new();
    for (method, _) in methods {
        allowed.push(method.as_str());
        if method == Method::GET {
            allowed.push(Method::HEAD.as_str());
        }
    }
    allowed.join(",")
}
