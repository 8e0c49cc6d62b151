//! Whose errors the bodies look like, so that the library which asked can read them.

use proto::plugin_config::ErrorFormat;

use crate::{header_map::HeaderMap, request_line};

/// Whose errors the body of one answer looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BodyFormat {
    /// FlowGuard's own: `{"error":…,"message":…}`.
    #[default]
    Flowguard,
    /// OpenAI's.
    Openai,
    /// Anthropic's.
    Anthropic,
}

impl BodyFormat {
    /// The format for a request with these headers.
    pub(crate) fn of(setting: ErrorFormat, headers: &HeaderMap) -> Self {
        match setting {
            ErrorFormat::Auto => Self::of_who_asks(headers),
            ErrorFormat::Flowguard => Self::Flowguard,
            ErrorFormat::Openai => Self::Openai,
            ErrorFormat::Anthropic => Self::Anthropic,
        }
    }

    /// Who asks, by what is surest: a vendor's own headers, then the library's name, then the path.
    /// Gemini's libraries, and whatever shows nothing, get FlowGuard's form.
    fn of_who_asks(headers: &HeaderMap) -> Self {
        let mut by_library = None;
        let mut by_path = None;
        for (name, value) in headers.iter() {
            match name {
                // All of Anthropic's libraries send it, as each of its requests must.
                "anthropic-version" | "anthropic-beta" => return Self::Anthropic,
                "openai-organization" | "openai-project" | "openai-beta" => return Self::Openai,
                "user-agent" => by_library = by_library.or_else(|| library(value)),
                ":path" => by_path = resource(request_line::without_query(value)),
                _ => {}
            }
        }
        by_library.or(by_path).unwrap_or_default()
    }
}

/// The vendors' libraries begin their user agent with the name of a class: `OpenAI/Python 2.1.0`,
/// `AsyncAzureOpenAI/…`, `Anthropic/JS …`, `AnthropicBedrock/…`.
fn library(user_agent: &[u8]) -> Option<BodyFormat> {
    let product = user_agent.split(|byte| matches!(byte, b'/' | b' ')).next()?;
    let holds =
        |vendor: &[u8]| product.windows(vendor.len()).any(|part| part.eq_ignore_ascii_case(vendor));
    if holds(b"anthropic") {
        Some(BodyFormat::Anthropic)
    } else if holds(b"openai") {
        Some(BodyFormat::Openai)
    } else {
        None
    }
}

/// The first segment that names something of a vendor's API decides: `threads/ID/messages` is
/// OpenAI's. What both have (`models`, `files`) decides nothing.
fn resource(path: &[u8]) -> Option<BodyFormat> {
    let mut before: &[u8] = b"";
    for segment in path.split(|byte| *byte == b'/') {
        match segment {
            b"messages" => return Some(BodyFormat::Anthropic),
            b"complete" if before == b"v1" => return Some(BodyFormat::Anthropic),
            b"completions" | b"responses" | b"embeddings" | b"moderations" | b"conversations"
            | b"threads" | b"assistants" | b"vector_stores" | b"fine_tuning" | b"realtime" => {
                return Some(BodyFormat::Openai);
            }
            b"generations" | b"edits" | b"variations" if before == b"images" => {
                return Some(BodyFormat::Openai);
            }
            b"speech" | b"transcriptions" | b"translations" if before == b"audio" => {
                return Some(BodyFormat::Openai);
            }
            _ => before = segment,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header_map::headers;

    fn check(pairs: &[(&str, &str)], expected: BodyFormat) {
        assert_eq!(BodyFormat::of_who_asks(&headers(pairs)), expected, "{pairs:?}");
    }

    #[test]
    fn a_vendors_own_headers_tell_first() {
        let other_path = (":path", "/v1/chat/completions");
        let other_library = ("user-agent", "OpenAI/Python 3.54.0");
        for name in ["anthropic-version", "anthropic-beta"] {
            check(&[other_path, other_library, (name, "x")], BodyFormat::Anthropic);
        }
        let other_path = (":path", "/v1/messages");
        let other_library = ("user-agent", "Anthropic/Python 2.12.0");
        for name in ["openai-organization", "openai-project", "openai-beta"] {
            check(&[other_path, (name, ""), other_library], BodyFormat::Openai);
        }
    }

    #[test]
    fn a_librarys_name_tells_before_the_path() {
        for user_agent in [
            "OpenAI/Python 3.54.0",
            "AsyncOpenAI/Python 1.2.3",
            "AzureOpenAI/JS 4.0.0",
            "OpenAI/JS 6.1.0",
            "OpenAI/Go 1.0.0",
            "openai-dotnet/2.0 (.NET 8)",
            "OpenAIClientImpl/Java 1.0",
            "OpenAI::Client/Ruby 0.1",
        ] {
            check(&[(":path", "/v1/messages"), ("user-agent", user_agent)], BodyFormat::Openai);
            check(&[("user-agent", user_agent), (":path", "/v1/models")], BodyFormat::Openai);
        }
        for user_agent in [
            "Anthropic/Python 2.12.0",
            "AsyncAnthropic/Python 2.12.0",
            "AnthropicBedrock/Python 2",
            "Anthropic/JS 0.60.0",
            "ANTHROPIC",
        ] {
            let path = (":path", "/v1/chat/completions");
            check(&[path, ("user-agent", user_agent)], BodyFormat::Anthropic);
        }
    }

    #[test]
    fn a_user_agent_that_only_mentions_a_vendor_tells_nothing() {
        for user_agent in [
            "curl/8.5.0",
            "Mozilla/5.0 (compatible; OpenAI)",
            "my-app (Anthropic/JS)",
            "",
            "/OpenAI",
        ] {
            check(&[("user-agent", user_agent)], BodyFormat::Flowguard);
        }
    }

    #[test]
    fn the_path_tells_last() {
        for path in [
            "/v1/messages",
            "/v1/messages?beta=true",
            "/v1/messages/count_tokens",
            "/v1/messages/batches/b_1/results",
            "/anthropic/v1/messages",
            "/v1/complete",
        ] {
            check(&[(":path", path)], BodyFormat::Anthropic);
        }
        for path in [
            "/v1/chat/completions",
            "/chat/completions",
            "/v1/completions",
            "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
            "/v1beta/openai/chat/completions",
            "/v1/responses",
            "/v1/responses/r_1/input_items",
            "/v1/embeddings",
            "/v1/images/generations",
            "/v1/audio/transcriptions",
            "/v1/moderations",
            "/v1/threads/t_1/messages",
        ] {
            check(&[(":path", path)], BodyFormat::Openai);
        }
    }

    #[test]
    fn what_shows_nothing_gets_flowguards_form() {
        check(&[], BodyFormat::Flowguard);
        for path in [
            "",
            "/",
            "/test",
            "/v1/models",
            "/v1/files",
            "/v1/chat",
            "/complete",
            "/images/a.png",
            "/audio/",
            "/v1/messages-of-the-day",
            "/search?q=/v1/messages",
            "/V1/Messages",
            "/v1beta/models/gemini-2.5-flash:generateContent",
        ] {
            check(&[(":path", path)], BodyFormat::Flowguard);
        }
        // Both vendors' libraries send these.
        check(&[("x-stainless-lang", "python"), ("x-api-key", "a")], BodyFormat::Flowguard);
    }

    #[test]
    fn only_auto_asks_the_request() {
        let anthropics = headers(&[("anthropic-version", "2023-06-01")]);
        for (setting, format) in [
            (ErrorFormat::Auto, BodyFormat::Anthropic),
            (ErrorFormat::Flowguard, BodyFormat::Flowguard),
            (ErrorFormat::Openai, BodyFormat::Openai),
            (ErrorFormat::Anthropic, BodyFormat::Anthropic),
        ] {
            assert_eq!(BodyFormat::of(setting, &anthropics), format, "{setting:?}");
        }
    }
}
