//! What may be the name of a model in a request.

/// Bytes of the longest name: an ARN of Bedrock's has some 110.
pub const MODEL_NAME_BYTES_MAX: usize = 128;

/// `bytes` as the name of a model, when they are one: 1 to [`MODEL_NAME_BYTES_MAX`] of
/// `A-Z a-z 0-9 . _ : @ + = ~ / -`. It can end no line and no text in quotes.
pub fn model_name(bytes: &[u8]) -> Option<&str> {
    let is_name = (1..=MODEL_NAME_BYTES_MAX).contains(&bytes.len())
        && bytes.iter().all(|byte| is_allowed(*byte));
    str::from_utf8(bytes).ok().filter(|_| is_name)
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._:@+=~/-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_vendors_write_them_are_names() {
        for name in [
            "gpt-4o-2024-08-06",
            "ft:gpt-4o-mini:acme::AbC1",
            "claude-3-5-sonnet@20240620",
            "us.anthropic.claude-3-haiku-20240307-v1:0",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.meta.llama3",
            "@cf/meta/llama-3.1-8b-instruct",
            "hf.co/a/b:Q4_K_M",
            "a+b=c~d",
        ] {
            assert_eq!(model_name(name.as_bytes()), Some(name));
        }
    }

    #[test]
    fn anything_else_is_none() {
        for bytes in [
            &b""[..],
            b"a b",
            b" a",
            b"a\n",
            b"a\0",
            b"a\"b",
            b"a\\b",
            b"a%2f",
            b"caf\xc3\xa9",
            b"\xff",
            b"a,b",
            b"a*",
        ] {
            assert_eq!(model_name(bytes), None, "{bytes:?}");
        }
        let longest = [b'a'; MODEL_NAME_BYTES_MAX];
        assert!(model_name(&longest).is_some());
        assert_eq!(model_name(&[b'a'; MODEL_NAME_BYTES_MAX + 1]), None);
    }
}
