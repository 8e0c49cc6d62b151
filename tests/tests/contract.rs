//! docs/contract.md says what is: every setting with its flag and its default, every field of the
//! gRPC API with its number, every metric with its type.

use std::collections::BTreeSet;

use harness::tools;
use repository::golden_metrics::types;
use repository::read;
use repository::readme::chapter;

/// The chapter of the contract that begins with this number.
fn section(number: u32) -> String {
    chapter(&read("docs/contract.md"), &format!("{number}. ")).to_owned()
}

/// What `flowguard` prints to somebody who has set nothing.
fn flowguard(argument: &str) -> String {
    let output = tools::flowguard().env_clear().arg(argument).output().expect("flowguard runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn every_setting_is_there_with_its_flag_and_its_default() {
    let (section, help) = (section(1), flowguard("--help"));
    let mut rows: Vec<Vec<&str>> = Vec::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        rows.push(line.split('|').map(|cell| cell.trim().trim_matches('`')).skip(1).collect());
    }
    let printed = flowguard("settings");
    let settings: Vec<_> = printed.lines().filter_map(|line| line.split_once('=')).collect();
    let told: BTreeSet<_> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(told, settings.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>());
    for row in rows {
        let (name, flag, default) = (row[0], row[1], row[2]);
        let value = settings.iter().find(|(setting, _)| *setting == name).map(|(_, value)| *value);
        assert_eq!(value, Some(if default == "none" { "" } else { default }), "{name}");
        let bare = name.strip_prefix("FLOWGUARD_").unwrap_or(name);
        let own_flag = format!("--{}", bare.to_ascii_lowercase().replace('_', "-"));
        let has_flag = help.contains(&format!("{own_flag} <"));
        assert_eq!(flag, if has_flag { &own_flag } else { "" }, "{name}");
    }
}

#[test]
fn every_field_of_the_grpc_api_is_there_with_its_number() {
    let section = section(4);
    let api = read("proto/flowguard.proto");
    let mut checked = 0;
    for line in api.lines().filter_map(|line| line.strip_suffix(';')) {
        let Some((declaration, number)) = line.split_once(" = ") else { continue };
        if number.parse::<u32>().is_err() {
            continue;
        }
        let name = declaration.rsplit(' ').next().unwrap_or_default();
        let field = format!("{name}={number}");
        assert!(section.contains(&field), "{field} is missing");
        checked += 1;
    }
    assert!(checked > 30, "{checked} fields");
}

#[test]
fn every_metric_is_there_with_its_type() {
    let section = section(5);
    for (name, kind) in types().iter().filter(|(name, _)| name.starts_with("flowguard_")) {
        let row = section.lines().find(|line| line.contains(&format!("`{name}`")));
        let row = row.unwrap_or_else(|| panic!("{name} is missing"));
        let types = row.split('|').nth(2).unwrap_or_default();
        assert!(types.contains(kind.as_str()), "{name} is a {kind}: {row}");
    }
}
