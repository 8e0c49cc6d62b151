//! Where everything is, and a request to try.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;

use super::settings::Settings;

/// What is told once the stack is ready.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    pub(crate) settings: &'a Settings,
    /// Whether the upstream is the mock LLM.
    pub(crate) mock: bool,
    pub(crate) logs: &'a Path,
}

impl Summary<'_> {
    /// The text, without a line end.
    pub(crate) fn text(&self) -> Result<String> {
        let at = |name| self.settings.reachable(name);
        self.table(&[
            ("proxy", format!("http://{}", at("PROXY_PORT")?)),
            ("upstream", self.upstream()?),
            ("REST", format!("http://{}/api/v1/clients", at("CONFIG_PORT")?)),
            ("gRPC", at("GRPC_PORT")?.to_string()),
            ("metrics", format!("http://{}/metrics", at("METRICS_PORT")?)),
            ("decisions", at("DECISION_PORT")?.to_string()),
            ("Envoy admin", format!("http://{}/stats", self.settings.envoy_admin()?)),
            ("clients in", self.settings.get("DATA_DIR")?.to_owned()),
            ("logs", self.logs.display().to_string()),
        ])
    }

    /// The same of two control planes and two Envoys, of which these settings are the first ones'.
    pub(crate) fn text_of_two(
        &self,
        second: &Settings,
        store: &str,
        prometheus: SocketAddr,
    ) -> Result<String> {
        let two = |name, before: &str, behind: &str| -> Result<String> {
            let [one, other] = [self.settings.reachable(name)?, second.reachable(name)?];
            Ok(format!("{before}{one}{behind} and {before}{other}{behind}"))
        };
        self.table(&[
            ("proxies", two("PROXY_PORT", "http://", "")?),
            ("upstream", self.upstream()?),
            ("REST", two("CONFIG_PORT", "http://", "/api/v1/clients")?),
            ("gRPC", two("GRPC_PORT", "", "")?),
            ("metrics", two("METRICS_PORT", "http://", "/metrics")?),
            ("decisions", two("DECISION_PORT", "", "")?),
            ("store", store.to_owned()),
            ("Prometheus", format!("http://{prometheus}")),
            ("logs", self.logs.display().to_string()),
        ])
    }

    fn upstream(&self) -> Result<String> {
        let kind = if self.mock { " (mock LLM)" } else { "" };
        Ok(format!("{}{kind}", self.settings.get("UPSTREAM_URL")?))
    }

    fn table(&self, rows: &[(&str, String)]) -> Result<String> {
        let mut text = String::from("\nFlowGuard is up:\n");
        for (what, place) in rows {
            let _ = writeln!(text, "  {what:<12} {place}");
        }
        let proxy = self.settings.reachable("PROXY_PORT")?;
        let key =
            if self.mock { "" } else { " \\\n    -H \"Authorization: Bearer $OPENAI_API_KEY\"" };
        let _ = write!(
            text,
            "\nTry it:\n  curl -i http://{proxy}/v1/chat/completions \\\n    \
             -H 'X-Client-ID: demo-client' -H 'X-Token-Estimate: 150'{key} \\\n    \
             -H 'Content-Type: application/json' \\\n    \
             -d '{{\"model\":\"gpt-4o-mini\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n\n\
             Ctrl-C stops everything."
        );
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(mock: bool) -> String {
        let settings = Settings::parse(
            "UPSTREAM_URL=http://127.0.0.1:34567\nBIND_ADDRESS=0.0.0.0\nPROXY_PORT=8081\nMETRICS_PORT=9090\n\
             CONFIG_PORT=9091\nGRPC_PORT=9092\nDECISION_PORT=9095\nENVOY_ADMIN_PORT=9901\n\
             DATA_DIR=target/up/x/data\n",
        );
        Summary { settings: &settings, mock, logs: Path::new("target/up/x") }.text().unwrap()
    }

    #[test]
    fn every_place_is_told_and_the_request_goes_to_the_proxy() {
        let text = text(true);
        for line in [
            "  proxy        http://127.0.0.1:8081\n",
            "  upstream     http://127.0.0.1:34567 (mock LLM)\n",
            "  REST         http://127.0.0.1:9091/api/v1/clients\n",
            "  gRPC         127.0.0.1:9092\n",
            "  metrics      http://127.0.0.1:9090/metrics\n",
            "  decisions    127.0.0.1:9095\n",
            "  Envoy admin  http://127.0.0.1:9901/stats\n",
            "  clients in   target/up/x/data\n",
            "  logs         target/up/x\n",
            "  curl -i http://127.0.0.1:8081/v1/chat/completions \\\n",
        ] {
            assert!(text.contains(line), "{line}\nis missing in\n{text}");
        }
    }

    #[test]
    fn only_a_real_upstream_needs_a_key() {
        assert!(!text(true).contains("OPENAI_API_KEY"));
        assert!(text(false).contains("OPENAI_API_KEY"));
    }
}
