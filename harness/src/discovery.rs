//! Configuration that Envoy discovers in a file and follows while it runs, as in a mesh.

use std::path::Path;

use crate::yaml_block::{NotOneBlock, YamlBlock};

/// What of the generated configuration Envoy discovers, and with it the filter's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovered {
    /// The listener for API traffic: a change drains the old one. How an `EnvoyFilter` of Istio's
    /// arrives.
    Listener,
    /// The filter alone: connections and the requests on them stay. How a `WasmPlugin` of Istio's
    /// arrives.
    Filter,
}

impl Discovered {
    /// Splits a generated configuration into the one to start Envoy with, which names `file`, and
    /// what that file is to hold.
    ///
    /// # Errors
    /// The generated configuration has not the lines where it would be split.
    pub fn split(self, config: &str, file: &Path) -> Result<(String, String), NotOneBlock> {
        let (block, resource_type) = match self {
            Self::Listener => ("- name: proxy", "envoy.config.listener.v3.Listener"),
            Self::Filter => ("- name: flowguard", "envoy.config.core.v3.TypedExtensionConfig"),
        };
        let block = YamlBlock::find(config, block)?;
        let resource = format!(
            "resources:\n  -\n    '@type': type.googleapis.com/{resource_type}\n{}",
            block.indented(2).replacen('-', " ", 1)
        );
        let source = format!("path_config_source: {{ path: '{}' }}", file.display());
        let rest = match self {
            Self::Listener => format!(
                "{}dynamic_resources:\n  lds_config:\n    resource_api_version: V3\n    {source}\n",
                block.removed()
            ),
            Self::Filter => block.replaced_by(&format!(
                "- name: flowguard\n  \
                   config_discovery:\n    \
                     config_source:\n      \
                       resource_api_version: V3\n      \
                       {source}\n    \
                     type_urls: [type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm]\n"
            )),
        };
        Ok((rest, resource))
    }
}
