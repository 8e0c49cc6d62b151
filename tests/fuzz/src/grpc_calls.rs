//! Any bytes as the message of a gRPC call: a message is answered or refused, and never the server's
//! fault. A configuration that is accepted is the one that is in force afterwards, a call that is
//! refused changes nothing.
//!
//! The first byte of the input chooses the call.

use std::sync::Arc;

use axum::http::{Request, header};
use flowguard::{
    clients::ClientConfig,
    operator::{Operator, grpc},
};
use http_body_util::{BodyExt as _, Full};
use limiter::{PerMinute, Tokens};
use prost::Message as _;
use proto::api::{
    self, DeleteClientRequest, GetClientConfigRequest, ListClientsRequest, ResetClientRequest,
    SetClientConfigRequest,
};
use tonic::{Code, Status, body::Body};
use tower::ServiceExt as _;

use crate::world::{configs, operator, runtime};

const SET: &str = "SetClientConfig";
const LIST: &str = "ListClients";
const CALLS: [&str; 6] =
    [SET, LIST, "GetClientConfig", "GetClientStats", "DeleteClient", "ResetClient"];

/// Before a message: that it is not compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// Makes one call.
pub fn check(bytes: &[u8]) {
    let Some((call, message)) = bytes.split_first() else { return };
    let call = CALLS[usize::from(*call) % CALLS.len()];
    runtime().block_on(async {
        let operator = operator().await;
        let before = configs(&operator);
        let code = send(&operator, call, message).await;
        if code == Code::Ok {
            check_done(&operator, call, message);
        } else {
            assert!(is_callers_fault(code) || !is_request(call, message), "{call}: {code:?}");
            assert_eq!(configs(&operator), before, "{call}: {code:?}");
        }
    });
}

/// Whether `message` is what `call` takes. The library answers `INTERNAL` where it is not.
fn is_request(call: &str, message: &[u8]) -> bool {
    match call {
        SET => SetClientConfigRequest::decode(message).is_ok(),
        LIST => ListClientsRequest::decode(message).is_ok(),
        "DeleteClient" => DeleteClientRequest::decode(message).is_ok(),
        "ResetClient" => ResetClientRequest::decode(message).is_ok(),
        // The others take one client's id.
        _ => GetClientConfigRequest::decode(message).is_ok(),
    }
}

fn is_callers_fault(code: Code) -> bool {
    // `ABORTED` is what a write is answered that is for another revision.
    matches!(code, Code::InvalidArgument | Code::NotFound | Code::Aborted)
}

/// A whole configuration is in force as it was given.
fn check_done(operator: &Operator, call: &str, message: &[u8]) {
    if call != SET {
        return;
    }
    let request = SetClientConfigRequest::decode(message).expect("what was accepted");
    let given = request.config.expect("what was accepted");
    let configs = configs(operator);
    let set = configs.iter().find(|config| config.id.as_str() == given.client_id);
    let set = set.expect("what was accepted is there");
    if request.update_mask.is_none_or(|mask| mask.paths.is_empty()) {
        assert_eq!(told(set), api::ClientConfig { enabled: given.enabled.or(Some(true)), ..given });
    }
}

/// As the API's definition says.
fn told(config: &ClientConfig) -> api::ClientConfig {
    let signed = |number: u64| i64::try_from(number).expect("a number in its range");
    api::ClientConfig {
        client_id: config.id.to_string(),
        rpm: config.limits.rpm.map(PerMinute::get).map(signed),
        tpm: config.limits.tpm.map(PerMinute::get).map(signed),
        enabled: Some(config.enabled),
        min_estimate: config.min_estimate.map(Tokens::get).map(signed),
        group: config.group.as_ref().map(ToString::to_string),
        plan: config.plan.as_ref().map(ToString::to_string),
        identities: config.identities.as_slice().iter().map(|of| of.as_str().to_owned()).collect(),
    }
}

async fn send(operator: &Arc<Operator>, call: &str, message: &[u8]) -> Code {
    let mut body = Vec::with_capacity(PREFIX_BYTES + message.len());
    body.push(0);
    body.extend(u32::try_from(message.len()).expect("a short message").to_be_bytes());
    body.extend(message);
    let request = Request::builder()
        .method("POST")
        .uri(format!("/flowguard.FlowGuardService/{call}"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .body(Body::new(Full::from(body)))
        .expect("a request");
    let service = grpc::calls(Arc::clone(operator));
    let response = service.oneshot(request).await.expect("services do not fail");
    let (head, body) = response.into_parts();
    let told_at_once = Status::from_header_map(&head.headers);
    let body = body.collect().await.expect("an answer");
    let told_at_last = body.trailers().and_then(Status::from_header_map);
    told_at_once.or(told_at_last).expect("every call has a status").code()
}
