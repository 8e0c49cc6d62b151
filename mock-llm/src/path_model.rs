//! The model that a path names, as answers repeat it whose requests' bodies name none.

use percent_encoding::percent_decode_str;

/// The model of a path: `…/openai/deployments/MODEL/…` on Azure, `…/models/MODEL:method` of Gemini
/// and Vertex AI, `…/model/MODEL/operation` of Bedrock.
pub(super) fn of(path: &str) -> Option<String> {
    let behind = |before: &str| path.split_once(before)?.1.split_once('/').map(|(name, _)| name);
    let named = behind("/openai/deployments/").or_else(|| behind("/model/"));
    named.map(decoded).or_else(|| with_method(path).map(|(model, _)| model))
}

/// The model and the method of `…/MODEL:method`.
pub(super) fn with_method(path: &str) -> Option<(String, &str)> {
    let (model, method) = path.rsplit('/').next()?.rsplit_once(':')?;
    Some((decoded(model), method))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_model_as_each_vendor_has_it() {
        for (path, model) in [
            ("/openai/deployments/gpt-4o/chat/completions", Some("gpt-4o")),
            ("/a/openai/deployments/meta-llama%2Fx/embeddings", Some("meta-llama/x")),
            ("/v1beta/models/gemini-x:generateContent", Some("gemini-x")),
            ("/v1/projects/p/locations/l/publishers/a/models/c@1:rawPredict", Some("c@1")),
            ("/model/a.model-v1:0/converse", Some("a.model-v1:0")),
            ("/v1/chat/completions", None),
            ("/v1/models", None),
        ] {
            assert_eq!(of(path).as_deref(), model, "{path}");
        }
    }
}
