//! The generated Envoy configuration, made fit for a measurement: no access log, and mostly no upstream.

use harness::yaml_block::{NotOneBlock, YamlBlock};

/// Envoy writes no access log.
pub(crate) fn without_access_log(config: &str) -> Result<String, NotOneBlock> {
    Ok(YamlBlock::find(config, "access_log:")?.removed())
}

/// Envoy answers by itself where it would have forwarded.
pub(crate) fn answer_directly(config: &str) -> Result<String, NotOneBlock> {
    let answer = "direct_response: { status: 200, body: { inline_string: ok } }";
    Ok(YamlBlock::find(config, "route:")?.replaced_by(answer))
}

/// Takes the filter out.
pub(crate) fn without_filter(config: &str) -> Result<String, NotOneBlock> {
    Ok(YamlBlock::find(config, "- name: flowguard")?.removed())
}
