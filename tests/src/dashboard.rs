//! Grafana's dashboard as its file has it, and its queries as Grafana would send them.

use serde_json::Value;

use crate::json::{array, text};
use crate::read;

/// The dashboard that Grafana is provisioned with.
#[derive(Debug)]
pub struct Dashboard {
    /// The whole file.
    pub json: Value,
}

/// One query of a panel, an annotation or a variable.
#[derive(Clone, Debug)]
pub struct Query {
    /// The panel's title, or the name of what else asks it.
    pub asked_by: String,
    /// PromQL, with Grafana's variables.
    pub expression: String,
}

impl Dashboard {
    /// Reads `grafana/dashboards/flowguard.json`.
    pub fn read() -> Self {
        let text = read("grafana/dashboards/flowguard.json");
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

    /// One of them.
    pub fn variable(&self, name: &str) -> &Value {
        let mut variables = self.variables().iter();
        let variable = variables.find(|variable| variable["name"] == name);
        variable.unwrap_or_else(|| panic!("no variable {name}"))
    }

    /// What it marks on every panel.
    pub fn annotations(&self) -> &[Value] {
        array(&self.json["annotations"]["list"])
    }

    /// Every query of every panel.
    pub fn queries(&self) -> Vec<Query> {
        let of_panel = |panel: &Value| {
            let title = text(&panel["title"]).to_owned();
            let targets = array(&panel["targets"]).to_vec();
            targets.into_iter().map(move |target| Query {
                asked_by: title.clone(),
                expression: text(&target["expr"]).to_owned(),
            })
        };
        self.panels().flat_map(of_panel).collect()
    }

    /// The query of every annotation.
    pub fn queries_of_annotations(&self) -> Vec<Query> {
        let query = |annotation: &Value| Query {
            asked_by: text(&annotation["name"]).to_owned(),
            expression: text(&annotation["target"]["expr"]).to_owned(),
        };
        self.annotations().iter().map(query).collect()
    }
}

impl Query {
    /// The expression as Grafana sends it for all jobs and instances, when `clients` (a regular
    /// expression) are chosen and a rate is taken over `rate_interval`.
    pub fn substituted(&self, clients: &str, rate_interval: &str) -> String {
        let mut expression = self.expression.clone();
        for (variable, value) in [
            ("$__rate_interval", rate_interval),
            ("$__range", "1h"),
            ("$client", clients),
            ("$instance", ".+"),
            ("$job", ".+"),
        ] {
            expression = expression.replace(variable, value);
        }
        assert!(!expression.contains('$'), "a variable is left in {expression}");
        expression
    }
}
