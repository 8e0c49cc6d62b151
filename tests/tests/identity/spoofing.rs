//! Nobody passes as somebody else: each identity with whatever a client can send beside its own
//! credential. What the upstream saw counts, and who was charged.

use std::net::SocketAddr;

use harness::check;
use harness::stack::TestStack;
use rcgen::SanType;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::certificates::Ca;
use crate::tokens::token;
use crate::world::{client_ids, new_key, send, stack, tunnel, with_certificates, with_tokens};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It reaches the upstream as this client's, and as nobody else's.
    Passes(&'static str),
    /// It does not.
    Refused(u16),
}

use Fate::{Passes, Refused};

/// What a client can say of itself beside what is verified.
fn own_words() -> Vec<Vec<u8>> {
    let text = |text: &str| text.as_bytes().to_vec();
    let long = [b"X-Client-ID: ", &*vec![b'a'; 64 * 1024], b"\r\n"].concat();
    vec![
        text("X-Client-ID: victim\r\n"),
        text("X-Client-ID: victim\r\nX-Client-ID: victim\r\n"),
        text("X-Client-ID: alice\r\nx-client-id: victim\r\n"),
        text("X_Client_ID: victim\r\nx-client_id: victim\r\n"),
        text("X-CLIENT-ID: victim\r\n"),
        text("X-Client-ID: alice,victim\r\n"),
        text("X-Client-ID:\r\n"),
        long,
        b"X-Client-ID: victim\xff\r\n".to_vec(),
        text("X-Client-ID: unknown\r\n"),
    ]
}

struct World {
    stack: TestStack,
    sent: usize,
}

impl World {
    async fn new(stack: TestStack) -> Self {
        for client in ["alice", "victim"] {
            stack.admin().put_client(client, None, None).await;
        }
        Self { stack, sent: 0 }
    }

    async fn check(&mut self, to: SocketAddr, headers: &[u8], fate: Fate) {
        self.sent += 1;
        let path = format!("/{}", self.sent);
        let shown =
            String::from_utf8_lossy(&headers[..headers.len().min(200)]).escape_debug().to_string();
        let answer = send(to, &path, headers).await;
        let answer = answer.unwrap_or_else(|| panic!("closed without an answer: {shown}"));
        let arrived = self.stack.upstream.requests_to(&path);
        match fate {
            Passes(client) => {
                assert_eq!(answer.status, 200, "{shown}: {}", answer.text());
                let [request] = &arrived[..] else { panic!("{} arrived: {shown}", arrived.len()) };
                assert_eq!(client_ids(request), [client.as_bytes()], "{shown}");
                for value in request.headers.values() {
                    let value = String::from_utf8_lossy(value.as_bytes());
                    assert!(
                        !value.contains("fgk_") && !value.contains("victim"),
                        "{shown}: {value}"
                    );
                }
            }
            Refused(status) => {
                assert_eq!(answer.status.as_u16(), status, "{shown}: {}", answer.text());
                assert!(arrived.is_empty(), "{shown}");
                let is_unknown = status == 401;
                assert_eq!(answer.header("www-authenticate").is_some(), is_unknown, "{shown}");
                assert!(!answer.text().contains("fgk_"), "{}", answer.text());
            }
        }
    }

    /// Whatever was sent, the filter lives, and nobody asked as the victim.
    async fn is_unharmed(&self, asked_by_the_victim: u64) {
        check::filter_is_unharmed(self.stack.envoy()).await;
        let victim = self.stack.admin().stats("victim").await;
        assert_eq!(victim.total_requests, asked_by_the_victim, "{victim:?}");
    }
}

#[tokio::test]
async fn by_a_header_a_request_is_of_one_client_or_of_none() {
    let mut world = World::new(stack("header").start().await).await;
    let to = world.stack.proxy_address();
    for own in own_words() {
        let fate = match &own[..] {
            // What is said once is believed.
            b"X-Client-ID: victim\r\n" | b"X-CLIENT-ID: victim\r\n" => continue,
            b"X-Client-ID: unknown\r\n" => Passes("unknown"),
            _ => Refused(400),
        };
        let headers = [&own[..], b"X-Token-Estimate: 1\r\n"].concat();
        world.check(to, &headers, fate).await;
    }
    world.is_unharmed(0).await;
}

#[tokio::test]
async fn by_a_key_nobody_passes_as_somebody_else() {
    let mut world = World::new(stack("api-key").start().await).await;
    let to = world.stack.proxy_address();
    let key = new_key(&world.stack, "alice").await;
    let victims = new_key(&world.stack, "victim").await;
    let other = new_key(&world.stack, "alice").await;
    for own in own_words() {
        let headers = [format!("Authorization: Bearer {key}\r\n").as_bytes(), &own].concat();
        world.check(to, &headers, Passes("alice")).await;
        world.check(to, &own, Refused(401)).await;
    }
    for (headers, fate) in [
        (format!("x-api-key: {key}\r\nauthorization: Bearer {key}\r\n"), Passes("alice")),
        (format!("x-api-key: {key}\r\nx-api-key: {victims}\r\n"), Refused(401)),
        (format!("x-api-key: {key}\r\nx-api-key: {key}\r\n"), Refused(401)),
        (format!("x-api-key: {key}\r\napi-key: {victims}\r\n"), Refused(401)),
        (format!("x-api-key: {key}\r\nx-goog-api-key: {other}\r\n"), Refused(401)),
        (
            format!("authorization: Bearer {key}\r\nauthorization: Bearer {victims}\r\n"),
            Refused(401),
        ),
        (format!("authorization: Bearer {key}, Bearer {victims}\r\n"), Refused(401)),
        (format!("x-api-key: {key},{victims}\r\n"), Refused(401)),
        (format!("x-api-key: {key}\r\nauthorization: Bearer sk-victim\r\n"), Passes("alice")),
        (format!("x_api_key: {victims}\r\nx-api-key: {key}\r\n"), Passes("alice")),
        (format!("x-api-key: {key}x\r\n"), Refused(401)),
        (format!("x-api-key: {}\r\n", key.to_uppercase()), Refused(401)),
        (format!("x-api-key: {}\r\n", key.replace("fgk_", "FGK_")), Refused(401)),
        (format!("x-api-key: \"{key}\"\r\n"), Refused(401)),
        (format!("authorization: Basic {key}\r\n"), Refused(401)),
        ("authorization: Bearer \r\nx-api-key:\r\n".to_owned(), Refused(401)),
        (format!("x-api-key: fgk_{}\r\n", "a".repeat(64 * 1024)), Refused(401)),
        (String::new(), Refused(401)),
    ] {
        world.check(to, headers.as_bytes(), fate).await;
    }
    world.check(to, b"x-api-key: fgk_\xff\xfe\r\n", Refused(401)).await;
    world.is_unharmed(0).await;
}

/// A claim that an issuer writes as it likes: of its own `sub` Envoy takes texts alone.
const CLAIM: &str = "https://issuer.example/who.id";

/// The claims of a token that says who it is about.
fn about(who: impl Into<Value>) -> Value {
    json!({"iss": "https://issuer.example", "exp": 4_000_000_000_u64, CLAIM: who.into()})
}

#[tokio::test]
async fn by_a_claim_nobody_passes_as_somebody_else() {
    let claim = json!(["envoy.filters.http.jwt_authn", "payload", CLAIM]).to_string();
    let stack = with_tokens(stack("jwt")).setting("IDENTITY_CLAIM", &claim);
    let mut world = World::new(stack.start().await).await;
    let to = world.stack.proxy_address();
    let bearer = |claims: &Value| format!("Authorization: Bearer {}\r\n", token(claims));
    let alice = bearer(&about("alice"));
    for own in own_words() {
        world.check(to, &[alice.as_bytes(), &own].concat(), Passes("alice")).await;
        world.check(to, &own, Refused(401)).await;
    }
    for (who, fate) in [
        (json!("alice\nx-client-id: victim"), Refused(403)),
        (json!("alice\n"), Refused(403)),
        (json!("alice\r\nvictim"), Refused(403)),
        (json!("alice\u{0}"), Refused(403)),
        (json!("alice,victim"), Refused(403)),
        (json!("alice victim"), Refused(403)),
        (json!(""), Refused(403)),
        (json!("a".repeat(129)), Refused(403)),
        (json!("\u{e9}"), Refused(403)),
        (json!(7), Refused(403)),
        // Eight bytes that are a text.
        (json!(f64::from_le_bytes(*b"0victim0")), Refused(403)),
        (json!(true), Refused(403)),
        (json!(["victim"]), Refused(403)),
        (json!({"sub": "victim"}), Refused(403)),
        (Value::Null, Refused(403)),
        (json!("0victim0"), Passes("0victim0")),
    ] {
        println!("{who}");
        let headers = bearer(&about(who.clone()));
        if fate == Passes("0victim0") {
            let answer =
                send(to, "/text-of-eight-bytes", headers.as_bytes()).await.expect("an answer");
            check::admitted(&answer);
            let request = world.stack.upstream.request_to("/text-of-eight-bytes").await;
            assert_eq!(client_ids(&request), [b"0victim0"]);
        } else {
            world.check(to, headers.as_bytes(), fate).await;
        }
    }
    let about_nobody =
        json!({"iss": "https://issuer.example", "exp": 4_000_000_000_u64, "sub": "alice"});
    world.check(to, bearer(&about_nobody).as_bytes(), Refused(401)).await;
    // What Envoy does not verify never comes here.
    let mut forged = token(&about("victim"));
    forged.pop();
    world.check(to, format!("Authorization: Bearer {forged}\r\n").as_bytes(), Refused(401)).await;
    world.is_unharmed(0).await;
}

#[tokio::test]
async fn by_a_certificate_nobody_passes_as_somebody_else() {
    let folder = TempDir::new().expect("a temporary folder");
    let ca = Ca::new();
    let builder = with_certificates(stack("mtls"), &ca, &folder);
    let mut world = World::new(builder.start().await).await;
    let uri = "spiffe://cluster.local/ns/default/sa/alice";
    let body = json!({"rpm": null, "tpm": null, "identities": [uri]});
    assert_eq!(world.stack.admin().put("alice", &body).await.status, 200);

    let alice = tunnel(&world.stack, &ca, Some(uri)).await;
    let nobody = tunnel(&world.stack, &ca, None).await;
    for own in own_words() {
        world.check(alice.address(), &own, Passes("alice")).await;
        world.check(nobody.address(), &own, Refused(401)).await;
    }
    // By its id alone a client that lists identities is nobody.
    let by_id = tunnel(&world.stack, &ca, Some("alice")).await;
    // Both draw on the buckets of all who are unknown.
    let one_token = b"X-Token-Estimate: 1\r\n";
    world.check(by_id.address(), one_token, Passes("unknown")).await;
    let other = tunnel(&world.stack, &ca, Some("spiffe://cluster.local/ns/default/sa/bob")).await;
    let answer = send(other.address(), "/bob", one_token).await.expect("an answer");
    check::admitted(&answer);
    let request = world.stack.upstream.request_to("/bob").await;
    assert_eq!(client_ids(&request), [uri.replace("alice", "bob").as_bytes()]);

    let many = [uri, "spiffe://cluster.local/ns/default/sa/victim"]
        .map(|uri| SanType::URI(uri.try_into().expect("a URI")));
    let many = harness::tls_tunnel::TlsTunnel::start(
        world.stack.proxy_address(),
        ca.certificate(),
        Some(ca.client(many.to_vec())),
    )
    .await;
    world.check(many.address(), b"", Passes("alice")).await;
    world.is_unharmed(0).await;
}
