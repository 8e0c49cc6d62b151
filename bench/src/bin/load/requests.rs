//! The requests of a load: which client each is sent as, and for which model.

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;

use super::options::Options;

/// A chat that names no model: the path does.
const CHAT: &str = r#"{"messages":[{"role":"user","content":"Hello!"}]}"#;

/// One request, again and again.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// The client's place in [`Requests::clients`].
    pub(crate) client: usize,
    /// What goes to the proxy.
    pub(crate) request: Request<Full<Bytes>>,
    /// Tokens that it keeps when its response tells no usage.
    pub(crate) keeps: u64,
}

/// Every kind of request that a load sends.
#[derive(Debug)]
pub(crate) struct Requests {
    clients: Vec<String>,
    turns: Vec<Sent>,
}

impl Requests {
    /// Those of these options.
    pub(crate) fn new(options: &Options) -> Result<Self, http::Error> {
        let mut clients: Vec<String> = Vec::new();
        let mut turns = Vec::new();
        let paths: Vec<String> = match &options.models[..] {
            [] => vec![options.path.clone()],
            models => models.iter().map(|model| chat_path(model, options.tokens)).collect(),
        };
        // What a GET and its like reserve comes back when they have ended.
        let reads = [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS];
        let keeps = if reads.contains(&options.method) { 0 } else { options.tokens };
        for path in &paths {
            for id in &options.clients {
                let client = clients.iter().position(|known| known == id).unwrap_or_else(|| {
                    clients.push(id.clone());
                    clients.len() - 1
                });
                let request = Request::builder()
                    .uri(format!("{}{path}", options.proxy().text))
                    .header("x-client-id", id)
                    .header("x-token-estimate", options.tokens);
                let request = if options.models.is_empty() {
                    request.method(options.method.clone()).body(Full::default())
                } else {
                    let json = (header::CONTENT_TYPE, "application/json");
                    request.method(Method::POST).header(json.0, json.1).body(Full::from(CHAT))
                }?;
                turns.push(Sent { client, request, keeps });
            }
        }
        Ok(Self { clients, turns })
    }

    /// Each client once, in the order in which they were named.
    pub(crate) fn clients(&self) -> &[String] {
        &self.clients
    }

    /// The request of this number: one client after the other for one model, then for the next.
    pub(crate) fn numbered(&self, number: u32) -> &Sent {
        &self.turns[number as usize % self.turns.len()]
    }
}

/// Where a chat of a model goes on Azure. The query makes the mock LLM say that it used `tokens`.
fn chat_path(model: &str, tokens: u64) -> String {
    // In a path a slash of a name is written as its escape.
    let model = model.replace('/', "%2F");
    let used = format!("prompt_tokens={tokens}&completion_tokens=0");
    format!("/openai/deployments/{model}/chat/completions?{used}")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn sent(arguments: &[&str], count: u32) -> Vec<(String, String)> {
        let options = Options::parse_from(["load"].iter().chain(arguments));
        let requests = Requests::new(&options).expect("requests");
        let turns = (0..count).map(|number| {
            let Sent { client, request, .. } = requests.numbered(number);
            let id = requests.clients()[*client].clone();
            assert_eq!(request.headers()["x-client-id"], id.as_str());
            (id, request.uri().path().to_owned())
        });
        turns.collect()
    }

    #[test]
    fn each_client_asks_for_each_model_in_turn() {
        let turns = sent(&["a", "b", "--model", "m", "--model", "meta-llama/x"], 5);
        let path = |model| format!("/openai/deployments/{model}/chat/completions");
        let expected =
            [("a", "m"), ("b", "m"), ("a", "meta-llama%2Fx"), ("b", "meta-llama%2Fx"), ("a", "m")];
        assert_eq!(turns, expected.map(|(client, model)| (client.to_owned(), path(model))));
    }

    #[test]
    fn a_client_that_is_named_twice_asks_twice_as_often() {
        let clients: Vec<_> = sent(&["a", "b", "a"], 3).into_iter().map(|(id, _)| id).collect();
        assert_eq!(clients, ["a", "b", "a"]);
    }

    #[test]
    fn a_get_keeps_no_tokens() {
        let keeps = |method| {
            let options = Options::parse_from(["load", "--method", method]);
            Requests::new(&options).expect("requests").numbered(0).keeps
        };
        assert_eq!((keeps("POST"), keeps("GET")), (100, 0));
    }
}
