//! Grafana's dashboard as its file has it, and its queries as Grafana would send them.

use std::fs;

use serde_json::Value;

use harness::tools;

/// The dashboard that Grafana is provisioned with.
#[derive(Debug)]
pub struct Dashboard {
    /// The whole file.
    pub json: Value,
}

/// One query of a panel.
#[derive(Clone, Debug)]
pub struct Query {
    /// The panel's title.
    pub panel: String,
    /// PromQL, with Grafana's variables.
    pub expression: String,
}

impl Dashboard {
    /// Reads `grafana/dashboards/flowguard.json`.
    pub fn read() -> Self {
        let file = tools::workspace().join("grafana/dashboards/flowguard.json");
        let text = fs::read_to_string(&file);
        let text = text.unwrap_or_else(|error| panic!("can't read {}: {error}", file.display()));
        Self { json: serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}")) }
    }

    /// Everything on it, rows included.
    pub fn panels_and_rows(&self) -> &[Value] {
        array(&self.json["panels"])
    }

    /// What shows data.
    pub fn panels(&self) -> impl Iterator<Item = &Value> {
        self.panels_and_rows().iter().filter(|panel| panel["type"] != "row")
    }

    /// The variables at its top.
    pub fn variables(&self) -> &[Value] {
        array(&self.json["templating"]["list"])
    }

    /// Every query of every panel.
    pub fn queries(&self) -> Vec<Query> {
        let of_panel = |panel: &Value| {
            let title = text(&panel["title"]).to_owned();
            let targets = array(&panel["targets"]).to_vec();
            targets.into_iter().map(move |target| Query {
                panel: title.clone(),
                expression: text(&target["expr"]).to_owned(),
            })
        };
        self.panels().flat_map(of_panel).collect()
    }
}

impl Query {
    /// The expression as Grafana sends it when `clients` (a regular expression) are chosen and a
    /// rate is taken over `rate_interval`.
    pub fn substituted(&self, clients: &str, rate_interval: &str) -> String {
        let expression = self.expression.replace("$__rate_interval", rate_interval);
        let expression = expression.replace("$client", clients);
        assert!(!expression.contains('$'), "a variable is left in {expression}");
        expression
    }
}

/// A JSON array.
pub fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("not an array: {value}"))
}

/// A JSON string.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}
