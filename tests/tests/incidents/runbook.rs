//! The table of the runbook, *what you see when…*: what each incident is expected to look like.

use repository::read;

/// An alert of an incident: in which minute of it the alert fires, and in which minute after it the
/// alert is gone.
#[derive(Debug)]
pub(crate) struct Alert {
    pub(crate) name: String,
    pub(crate) fires_in: usize,
    pub(crate) gone_in: usize,
}

/// One incident.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) alerts: Vec<Alert>,
    /// By log: of each line the words that it has.
    pub(crate) logs: [(&'static str, Vec<Vec<String>>); 3],
}

/// The row with these words in its first column.
pub(crate) fn row(incident: &str) -> Row {
    let rows = rows();
    let found: Vec<_> = rows.iter().filter(|row| is_about(row, incident)).collect();
    let [found] = found[..] else { panic!("{} rows about {incident}", found.len()) };
    let [_, alerts, access_log, envoy, control_plane] = cells(found)[..] else {
        panic!("not five columns: {found}")
    };
    Row {
        alerts: lines(alerts).map(alert).collect(),
        logs: [
            ("Envoy's access log", lines(access_log).map(words).collect()),
            ("Envoy's log", lines(envoy).map(words).collect()),
            ("the control plane's log", lines(control_plane).map(words).collect()),
        ],
    }
}

/// All rows of the table.
pub(crate) fn rows() -> Vec<String> {
    let runbook = read("docs/runbook.md");
    let (_, table) = runbook.split_once("| what happens |").expect("the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with("| "));
    rows.map(str::to_owned).collect()
}

/// Whether a row has these words in its first column.
pub(crate) fn is_about(row: &str, incident: &str) -> bool {
    cells(row)[0].contains(incident)
}

fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split(" | ").map(str::trim).collect()
}

/// The lines of a cell that is not empty.
fn lines(cell: &str) -> impl Iterator<Item = &str> {
    cell.split("<br>").filter(|line| *line != "–")
}

/// `[Name](#name) 1, 6`: in which minute it fires, and is gone.
fn alert(text: &str) -> Alert {
    let read = || {
        let (name, rest) = text.strip_prefix('[')?.split_once("](#")?;
        let (fires, gone) = rest.split_once(") ")?.1.split_once(", ")?;
        let (fires_in, gone_in) = (fires.parse().ok()?, gone.parse().ok()?);
        Some(Alert { name: name.to_owned(), fires_in, gone_in })
    };
    read().unwrap_or_else(|| panic!("no alert with its minutes: {text}"))
}

/// What stands between backticks.
fn words(line: &str) -> Vec<String> {
    line.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
