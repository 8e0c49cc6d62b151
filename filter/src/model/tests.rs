use proptest::{collection::vec, prelude::*};

use super::*;
use crate::header_map::headers;

fn by_path() -> ModelSources {
    ModelSources::new(&[ModelFrom::Path], "x-model").unwrap()
}

fn check(path: &str, model: Option<&str>) {
    let headers = headers(&[(":path", path)]);
    assert_eq!(by_path().model(&headers).as_deref(), model, "{path}");
}

#[test]
fn openais_models_on_azure_are_deployments() {
    for end in [
        "chat/completions",
        "embeddings",
        "extensions/chat/completions",
        "images/generations?api-version=2024-10-21",
    ] {
        check(&format!("/openai/deployments/gpt-4o/{end}"), Some("gpt-4o"));
        check(
            &format!("/any/prefix/openai/deployments/My_Own.Deployment/{end}"),
            Some("My_Own.Deployment"),
        );
    }
    check("/openai/deployments/gpt-4o", None);
    check("/openai/deployments/gpt-4o/", None);
    check("/openai/deployments", None);
    check("/deployments/gpt-4o/chat/completions", None);
    check("/openai/models/gpt-4o", None);
}

#[test]
fn geminis_models_stand_before_the_method() {
    for method in [
        "generateContent",
        "streamGenerateContent?alt=sse",
        "countTokens",
        "embedContent",
        "batchEmbedContents",
        "predictLongRunning",
        "aMethodOfTomorrow",
    ] {
        check(&format!("/v1beta/models/gemini-2.5-flash:{method}"), Some("gemini-2.5-flash"));
        check(&format!("/models/gemini-2.5-flash:{method}"), Some("gemini-2.5-flash"));
    }
    check("/v1beta/models/a:b:generateContent", Some("a:b"));
    check("/v1beta/models/gemini-2.5-flash", None);
    check("/v1beta/models/:generateContent", None);
    check("/v1beta/models/gemini:", None);
    check("/v1beta/models/gemini:v2", None);
    check("/v1beta/models/gemini:generateContent/more", None);
    check("/v1beta/models?key=/models/a:generateContent", None);
}

#[test]
fn vertex_ais_models_are_a_publishers() {
    let publishers = "/v1/projects/p/locations/l/publishers";
    check(
        &format!("{publishers}/google/models/gemini-2.5-pro:streamGenerateContent"),
        Some("gemini-2.5-pro"),
    );
    let claude = "claude-sonnet-4@20250514";
    for method in ["rawPredict", "streamRawPredict"] {
        check(&format!("{publishers}/anthropic/models/{claude}:{method}"), Some(claude));
        check(
            &format!("{publishers}/anthropic/models/claude-sonnet-4%4020250514:{method}"),
            Some(claude),
        );
    }
    check(&format!("{publishers}/anthropic/models/count-tokens:rawPredict"), None);
    check(&format!("{publishers}/anthropic/models/{claude}"), None);
}

#[test]
fn bedrocks_models_stand_before_the_operation() {
    for operation in [
        "invoke",
        "converse",
        "invoke-with-response-stream",
        "converse-stream",
        "invoke-with-bidirectional-stream",
        "count-tokens",
    ] {
        let id = "anthropic.claude-3-haiku-20240307-v1:0";
        check(&format!("/model/{id}/{operation}"), Some(id));
        check(
            &format!("/prefix/model/anthropic.claude-3-haiku-20240307-v1%3A0/{operation}"),
            Some(id),
        );
        check(
            &format!(
                "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.meta/{operation}"
            ),
            Some("arn:aws:bedrock:us-east-1:1:inference-profile/us.meta"),
        );
    }
    check("/model/a/invocations", None);
    check("/model/a/invoke/more", None);
    check("/model/a", None);
    check("/model/invoke", None);
    check("/models/a/invoke", None);
}

#[test]
fn paths_of_apis_that_have_the_model_in_the_body_name_none() {
    for path in [
        "",
        "/",
        "*",
        "?",
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/messages",
        "/v1/models",
        "/v1/models/gpt-4o",
        "/api/chat",
        "/v1/chat/completions?path=/openai/deployments/a/b",
    ] {
        check(path, None);
    }
}

#[test]
fn what_a_server_may_read_more_freely_is_read_so() {
    for path in [
        "/OpenAI/Deployments/a/chat/completions",
        "/openai/%64eployments/a/chat/completions",
        "/openai//deployments///a//chat",
        "//openai/deployments/%61/chat",
        "/v1beta/Models/a:generateContent",
        "/v1beta/models/a%3AgenerateContent",
        "/v1beta/models/a%3agenerate%43ontent",
        "/v1beta/models//a:generateContent/",
        "/Model/a/Invoke",
        "/model/a/%69nvoke/",
    ] {
        check(path, Some("a"));
    }
    check("/v1beta/models/a%3Ab:generateContent", Some("a:b"));
    check("/v1beta/models/a:b%3AgenerateContent", Some("a:b"));
    check("/v1beta/models/a:b%3AgenerateContent?", Some("a:b"));
}

#[test]
fn a_path_that_could_lead_elsewhere_names_none() {
    for path in [
        "/openai/deployments/a/../b/chat/completions",
        "/openai/deployments/./a/chat/completions",
        "/openai/deployments/a/%2e%2E/b/chat/completions",
        "/openai/deployments/a/chat/.%2e",
        "/openai/deployments/../chat",
        "/openai\\deployments\\a\\chat",
    ] {
        check(path, None);
    }
    for name in ["x-original-url", "x-rewrite-url"] {
        let pairs = [(":path", "/model/a/invoke"), (name, "/model/b/invoke")];
        assert_eq!(by_path().model(&headers(&pairs)), None, "{name}");
    }
    let twice = headers(&[(":path", "/model/a/invoke"), (":path", "/model/a/invoke")]);
    assert_eq!(by_path().model(&twice), None);
}

#[test]
fn what_is_no_name_is_none() {
    for name in [
        "a%20b",
        "a%00",
        "a%0d%0a",
        "a%22",
        "a%5c",
        "a%25",
        "a%",
        "a%4",
        "a%zz",
        "a%+1",
        "caf%C3%A9",
        "%ff",
        "a;b",
        "a,b",
        "a*",
        "a b",
        "caf\u{e9}",
    ] {
        check(&format!("/openai/deployments/{name}/chat"), None);
        check(&format!("/v1beta/models/{name}:generateContent"), None);
        check(&format!("/model/{name}/invoke"), None);
    }
}

#[test]
fn a_name_has_128_bytes_at_most_however_it_is_written() {
    let (longest, longer) = ("a".repeat(128), "a".repeat(129));
    check(&format!("/model/{longest}/invoke"), Some(&longest));
    check(&format!("/model/{longer}/invoke"), None);
    let escaped = |name: &str| name.replace('a', "%61");
    check(&format!("/model/{}/invoke", escaped(&longest)), Some(&longest));
    check(&format!("/model/{}/invoke", escaped(&longer)), None);
    check(&format!("/model/{}/invoke", escaped(&"a".repeat(10_000))), None);
}

#[test]
fn a_name_without_escapes_is_not_copied() {
    let headers = headers(&[(":path", "/model/a/invoke")]);
    assert!(matches!(by_path().model(&headers), Some(Cow::Borrowed("a"))));
}

#[test]
fn places_are_tried_in_their_order() {
    let order = |order: &[ModelFrom]| ModelSources::new(order, "X-LLM-Model").unwrap();
    let (path_first, header_first, header_only) = (
        order(&[ModelFrom::Path, ModelFrom::Header]),
        order(&[ModelFrom::Header, ModelFrom::Path]),
        order(&[ModelFrom::Header]),
    );
    let both = headers(&[(":path", "/model/p/invoke"), ("x-llm-model", " h ")]);
    assert_eq!(path_first.model(&both).as_deref(), Some("p"));
    assert_eq!(header_first.model(&both).as_deref(), Some("h"));
    assert_eq!(header_only.model(&both).as_deref(), Some("h"));
    assert_eq!(by_path().model(&both).as_deref(), Some("p"));
    for no_name in ["", " ", "a b", "a,b", "caf\u{e9}", &"a".repeat(129)] {
        let headers = headers(&[(":path", "/model/p/invoke"), ("x-llm-model", no_name)]);
        assert_eq!(header_first.model(&headers).as_deref(), Some("p"), "{no_name:?}");
        assert_eq!(header_only.model(&headers), None, "{no_name:?}");
    }
    let twice = headers(&[("x-llm-model", "h"), ("x-llm-model", "h")]);
    assert_eq!(header_only.model(&twice), None);
    let body_only = headers(&[(":path", "/v1/messages"), ("x-llm-model", "h")]);
    assert_eq!(path_first.model(&body_only).as_deref(), Some("h"));
}

#[test]
fn wrong_places_are_refused_in_words() {
    let refused =
        |order: &[ModelFrom], header| ModelSources::new(order, header).unwrap_err().to_string();
    for order in [&[][..], &[ModelFrom::Path, ModelFrom::Path]] {
        assert_eq!(
            refused(order, "x-model"),
            "model_from must have one or both of path and header, each once"
        );
    }
    for header in ["", "x model", "x_model", ":path", "x-model\n", &"a".repeat(65)] {
        let told = refused(&[ModelFrom::Path], header);
        assert!(told.starts_with("model_header must be the name of a header, 1 to 64 "), "{told}");
        assert!(!told.contains('\n'), "{told}");
    }
}

proptest! {
    #[test]
    fn any_bytes_name_a_model_or_none(path in vec(any::<u8>(), 0..200)) {
        let headers = headers(&[(":path", path)]);
        if let Some(name) = by_path().model(&headers) {
            prop_assert_eq!(model_name(name.as_bytes()), Some(&*name));
        }
    }

    #[test]
    fn any_bytes_in_a_models_place_name_it_or_none(
        name in vec(prop_oneof![any::<u8>(), Just(b'%'), Just(b':'), Just(b'3'), Just(b'a')], 0..40),
        form in 0..3,
    ) {
        let name: Vec<u8> = name.into_iter().filter(|byte| !b"/?".contains(byte)).collect();
        let (before, after): (&[u8], &[u8]) = match form {
            0 => (b"/openai/deployments/", b"/chat"),
            1 => (b"/models/", b":generateContent"),
            _ => (b"/model/", b"/invoke"),
        };
        let headers = headers(&[(":path", [before, &name, after].concat())]);
        let read = by_path().model(&headers);
        if let Some(read) = &read {
            prop_assert_eq!(model_name(read.as_bytes()), Some(&**read));
        }
        if let Some(plain) = model_name(&name).filter(|plain| ![".", ".."].contains(plain)) {
            prop_assert_eq!(read.as_deref(), Some(plain));
        }
    }
}
