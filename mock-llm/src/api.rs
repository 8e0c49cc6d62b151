//! Which API a request is for, known by its path: any prefix will do.

use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::Value;
use url::form_urlencoded;

use super::behaviour::{Behaviour, Header};
use super::gemini::Delivery;
use super::path_model;
use super::reply::Reply;
use super::{anthropic, bedrock, cohere, gemini, ollama, openai, workers_ai};

/// Whose errors a request understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vendor {
    OpenAi,
    Anthropic,
    Gemini,
    Bedrock,
    Ollama,
    Cohere,
    Cloudflare,
}

/// One of the APIs the mock speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Chat,
    Completions,
    Responses,
    Embeddings,
    Transcription,
    Messages,
    Gemini { model: String, delivery: Delivery },
    Models(Vendor),
    Bedrock(bedrock::Operation),
    Ollama(ollama::Endpoint),
    Cohere,
    WorkersAi,
}

impl Api {
    /// The API of a request; `None` for any other path.
    pub(super) fn of(head: &Parts) -> Option<Self> {
        let path = head.uri.path();
        let ends = |end: &str| path.ends_with(end);
        if ends("/chat/completions") {
            return Some(Self::Chat);
        }
        if head.method == Method::GET {
            return ends("/models").then(|| Self::Models(list_vendor(head)));
        }
        if head.method != Method::POST {
            return None;
        }
        let ends_of_paths = [
            ("/completions", Self::Completions),
            ("/responses", Self::Responses),
            ("/embeddings", Self::Embeddings),
            ("/audio/transcriptions", Self::Transcription),
            ("/messages", Self::Messages),
            ("/api/chat", Self::Ollama(ollama::Endpoint::Chat)),
            ("/api/generate", Self::Ollama(ollama::Endpoint::Generate)),
            ("/v2/chat", Self::Cohere),
        ];
        let known = ends_of_paths.into_iter().find(|(end, _)| ends(end)).map(|(_, api)| api);
        known
            .or_else(|| bedrock::Operation::of(path).map(Self::Bedrock))
            .or_else(|| path.contains("/ai/run/").then_some(Self::WorkersAi))
            .or_else(|| of_models_method(head))
    }

    /// Whose it is.
    pub(super) fn vendor(&self) -> Vendor {
        match self {
            Self::Messages => Vendor::Anthropic,
            Self::Gemini { .. } => Vendor::Gemini,
            Self::Models(vendor) => *vendor,
            Self::Bedrock(_) => Vendor::Bedrock,
            Self::Ollama(_) => Vendor::Ollama,
            Self::Cohere => Vendor::Cohere,
            Self::WorkersAi => Vendor::Cloudflare,
            _ => Vendor::OpenAi,
        }
    }

    /// The answer to a request with this path and body; an error says what is wrong with it.
    pub(super) fn answer(
        &self,
        path: &str,
        body: &[u8],
        behaviour: &Behaviour,
    ) -> Result<Reply, String> {
        let model = path_model::of(path);
        let request = || {
            let request = serde_json::from_slice(body);
            let mut request: Value =
                request.map_err(|error| format!("the body is not JSON: {error}"))?;
            if let (Some(fields), Some(model)) = (request.as_object_mut(), &model) {
                fields.entry("model").or_insert_with(|| model.as_str().into());
            }
            Ok::<_, String>(request)
        };
        Ok(match self {
            Self::Chat => openai::chat::answer(&request()?, behaviour),
            Self::Completions => openai::completions::answer(&request()?, behaviour),
            Self::Responses => openai::responses::answer(&request()?, behaviour),
            Self::Embeddings => openai::embeddings::answer(&request()?, behaviour),
            Self::Transcription => openai::transcription::answer(body, model.as_deref(), behaviour),
            Self::Messages => anthropic::message(&request()?, behaviour),
            Self::Gemini { model, delivery } => {
                gemini::content(model, *delivery, &request()?, behaviour)
            }
            Self::Bedrock(operation) => bedrock::answer(*operation, &request()?, behaviour),
            Self::Ollama(endpoint) => ollama::answer(*endpoint, &request()?, behaviour),
            Self::Cohere => cohere::chat(&request()?, behaviour),
            Self::WorkersAi => workers_ai::run(&request()?, behaviour),
            Self::Models(Vendor::Anthropic) => Reply::Json(anthropic::models()),
            Self::Models(Vendor::Gemini) => Reply::Json(gemini::models()),
            Self::Models(_) => Reply::Json(openai::models()),
        })
    }
}

impl Api {
    /// What the headers of that answer tell beside its body.
    pub(super) fn headers(&self, body: &[u8], behaviour: &Behaviour) -> Vec<Header> {
        match self {
            Self::Bedrock(bedrock::Operation::Invoke) => {
                let request = serde_json::from_slice(body).unwrap_or_default();
                bedrock::headers(&request, behaviour)
            }
            _ => Vec::new(),
        }
    }
}

/// The body of a failed request, in the form of its API; OpenAI's where there is none.
pub(super) fn error(api: Option<&Api>, status: StatusCode, message: &str) -> Reply {
    match api.map_or(Vendor::OpenAi, Api::vendor) {
        Vendor::OpenAi => Reply::Json(openai::error(status, message)),
        Vendor::Anthropic => Reply::Json(anthropic::error(status, message)),
        Vendor::Bedrock => Reply::Json(bedrock::error(message)),
        Vendor::Ollama => Reply::Json(ollama::error(message)),
        Vendor::Cohere => Reply::Json(cohere::error(message)),
        Vendor::Cloudflare => Reply::Json(workers_ai::error(message)),
        Vendor::Gemini => {
            let error = gemini::error(status, message);
            match api {
                Some(Api::Gemini { delivery: Delivery::Array, .. }) => Reply::Array(vec![error]),
                _ => Reply::Json(error),
            }
        }
    }
}

/// Three vendors list their models at the same end of a path.
fn list_vendor(head: &Parts) -> Vendor {
    if head.headers.contains_key("anthropic-version") {
        Vendor::Anthropic
    } else if head.uri.path().ends_with("/v1beta/models") {
        Vendor::Gemini
    } else {
        Vendor::OpenAi
    }
}

/// `…/models/NAME:method`: Gemini's, and on Vertex AI the other publishers' too.
fn of_models_method(head: &Parts) -> Option<Api> {
    let (model, method) = path_model::with_method(head.uri.path())?;
    let mut query = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    let delivery = match method {
        // Anthropic's messages: the body says whether it is a stream.
        "rawPredict" | "streamRawPredict" => return Some(Api::Messages),
        "generateContent" => Delivery::Whole,
        "streamGenerateContent" if query.any(|pair| pair == ("alt".into(), "sse".into())) => {
            Delivery::Events
        }
        "streamGenerateContent" => Delivery::Array,
        _ => return None,
    };
    Some(Api::Gemini { model, delivery })
}
