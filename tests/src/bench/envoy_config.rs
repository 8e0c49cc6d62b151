//! The generated Envoy configuration, made fit for a measurement: no access log, and mostly no upstream.
//!
//! The generator's output is edited by blocks of lines rather than parsed: what is measured then stays, line by line,
//! what an operator gets.

use super::BenchError;

/// Envoy writes no access log.
pub(crate) fn without_access_log(config: &str) -> Result<String, BenchError> {
    replace_block(config, "access_log:", None)
}

/// Envoy answers by itself where it would have forwarded.
pub(crate) fn answer_directly(config: &str) -> Result<String, BenchError> {
    replace_block(
        config,
        "route:",
        Some("direct_response: { status: 200, body: { inline_string: ok } }"),
    )
}

/// Takes the filter out.
pub(crate) fn without_filter(config: &str) -> Result<String, BenchError> {
    replace_block(config, "- name: flowguard", None)
}

/// Replaces the one line `first` and the lines below it that are indented further.
fn replace_block(
    config: &str,
    first: &'static str,
    replacement: Option<&str>,
) -> Result<String, BenchError> {
    let lines: Vec<&str> = config.lines().collect();
    let mut starts = (0..lines.len()).filter(|&index| lines[index].trim() == first);
    let (Some(start), None) = (starts.next(), starts.next()) else {
        return Err(BenchError::ConfigBlock { first });
    };
    let indent = indentation(lines[start]);
    let rest = &lines[start + 1..];
    let end = rest.iter().position(|line| !line.trim().is_empty() && indentation(line) <= indent);
    let end = end.map_or(lines.len(), |length| start + 1 + length);

    let replacement = replacement.map(|text| format!("{:indent$}{text}", ""));
    let mut kept = lines[..start].to_vec();
    kept.extend(replacement.as_deref());
    kept.extend(&lines[end..]);
    Ok(kept.join("\n") + "\n")
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "\
routes:
  - match: { prefix: / }
    # Where it goes.
    route:
      cluster: upstream

      timeout: 0s
filters:
  - name: flowguard
    config: {}
  - name: flowguard_decisions
";

    #[test]
    fn a_block_ends_where_the_indentation_does() {
        let replaced =
            replace_block(CONFIG, "route:", Some("direct_response: {}")).expect("one such line");
        let expected = CONFIG
            .replace("route:\n      cluster: upstream\n\n      timeout: 0s", "direct_response: {}");
        assert_eq!(replaced, expected);
    }

    #[test]
    fn an_item_goes_and_its_neighbour_of_a_like_name_stays() {
        let without = without_filter(CONFIG).expect("one such line");
        assert_eq!(without, CONFIG.replace("  - name: flowguard\n    config: {}\n", ""));
    }

    #[test]
    fn a_block_that_is_not_there_or_twice_is_an_error() {
        for config in ["", "route:\nroute:\n"] {
            let error =
                replace_block(config, "route:", None).expect_err("not exactly one such line");
            assert!(error.to_string().contains("`route:`"), "{error}");
        }
    }
}
