//! Whether a streamed body is the one that was asked for: every event, every byte of content, and the usage at its end.

use serde_json::Value;

/// The bytes of content in each event, about those of one token.
pub(crate) const CONTENT_BYTES: u32 = 4;

/// What a stream ends with.
pub(crate) const DONE: &[u8] = b"data: [DONE]\n\n";

/// Checks a body of OpenAI's chunks, `chunks` of them with content, and counts its events, the last ones included.
pub(crate) fn check(body: &[u8], chunks: u32) -> Result<u32, String> {
    let body = body.strip_suffix(DONE).ok_or("did not end with [DONE]")?;
    let body = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let mut events = 1;
    let mut content_bytes = 0;
    let mut completion_tokens = None;
    for event in body.split_terminator("\n\n") {
        let data = event.strip_prefix("data: ").ok_or_else(|| format!("had an event {event:?}"))?;
        let data: Value =
            serde_json::from_str(data).map_err(|error| format!("had {data:?}: {error}"))?;
        if completion_tokens.is_some() {
            return Err("went on after its usage".to_owned());
        }
        let content = data["choices"][0]["delta"]["content"].as_str();
        content_bytes += content.map_or(0, str::len);
        match data.get("usage") {
            Some(Value::Null) => {}
            Some(usage) => completion_tokens = usage["completion_tokens"].as_u64(),
            None => return Err(format!("had an event without a usage: {data}")),
        }
        events += 1;
    }
    let expected_bytes = chunks as usize * CONTENT_BYTES as usize;
    if content_bytes != expected_bytes || completion_tokens != Some(chunks.into()) {
        return Err(format!(
            "was to have {expected_bytes} bytes of content and {chunks} tokens, but had {content_bytes} and \
             {completion_tokens:?}"
        ));
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORD: &str = r#"data: {"choices":[{"delta":{"content":"word"}}],"usage":null}"#;
    const USAGE: &str = r#"data: {"choices":[],"usage":{"completion_tokens":2}}"#;
    const END: &str = "data: [DONE]";

    fn check_events(events: &[&str]) -> Result<u32, String> {
        let body = events.iter().fold(String::new(), |body, event| body + event + "\n\n");
        check(body.as_bytes(), 2)
    }

    #[test]
    fn every_event_of_a_whole_stream_counts() {
        assert_eq!(check_events(&[WORD, WORD, USAGE, END]), Ok(4));
    }

    #[test]
    fn a_stream_that_lacks_something_or_has_too_much_is_refused() {
        let no_usage = r#"data: {"choices":[]}"#;
        for wrong in [
            &[WORD, WORD, USAGE][..],
            &[WORD, WORD, END],
            &[WORD, USAGE, END],
            &[WORD, WORD, WORD, USAGE, END],
            &[WORD, WORD, USAGE, WORD, END],
            &[WORD, WORD, no_usage, USAGE, END],
            &[WORD, WORD, "data: {", USAGE, END],
            &["event: word", WORD, WORD, USAGE, END],
            &[],
        ] {
            assert!(check_events(wrong).is_err(), "{wrong:?}");
        }
    }
}
