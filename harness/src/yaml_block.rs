//! Blocks of lines in Envoy's generated configuration.
//!
//! The generator's output is edited by blocks of lines rather than parsed: what runs then stays,
//! line by line, what an operator gets.

use thiserror::Error;

/// A line of a YAML text, the lines below it that are indented further, and what is around them.
#[derive(Debug)]
pub struct YamlBlock<'a> {
    before: Vec<&'a str>,
    lines: Vec<&'a str>,
    after: Vec<&'a str>,
}

/// A block of the generated configuration is not where it was.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the Envoy configuration that flowguard prints has not exactly one line `{first}`")]
pub struct NotOneBlock {
    /// The block's first line.
    pub first: &'static str,
}

impl<'a> YamlBlock<'a> {
    /// The block that begins with the one line `first`, whatever its indentation.
    ///
    /// # Errors
    /// There is no such line, or there are several.
    pub fn find(text: &'a str, first: &'static str) -> Result<Self, NotOneBlock> {
        let lines: Vec<&str> = text.lines().collect();
        let mut starts = (0..lines.len()).filter(|&index| lines[index].trim() == first);
        let (Some(start), None) = (starts.next(), starts.next()) else {
            return Err(NotOneBlock { first });
        };
        let (before, rest) = lines.split_at(start);
        let indent = indentation(rest[0]);
        let ends = |line: &&str| !line.trim().is_empty() && indentation(line) <= indent;
        let end = rest[1..].iter().position(ends).map_or(rest.len(), |length| 1 + length);
        let (lines, after) = rest.split_at(end);
        Ok(Self { before: before.to_vec(), lines: lines.to_vec(), after: after.to_vec() })
    }

    /// The block as it stands below a parent that is indented by `indent` spaces.
    pub fn indented(&self, indent: usize) -> String {
        let own = indentation(self.lines[0]);
        let lines = self.lines.iter().map(|line| {
            let unindented = line.get(own..).unwrap_or_default();
            format!("{:indent$}{unindented}\n", "")
        });
        lines.collect()
    }

    /// The whole text without the block.
    pub fn removed(&self) -> String {
        joined(self.before.iter().chain(&self.after))
    }

    /// The whole text with these lines where the block is, indented as it is.
    pub fn replaced_by(&self, replacement: &str) -> String {
        let indent = indentation(self.lines[0]);
        let lines: Vec<_> =
            replacement.lines().map(|line| format!("{:indent$}{line}", "")).collect();
        let lines = lines.iter().map(String::as_str);
        joined(self.before.iter().copied().chain(lines).chain(self.after.iter().copied()))
    }
}

fn joined(lines: impl Iterator<Item = impl AsRef<str>>) -> String {
    lines.flat_map(|line| [line.as_ref().to_owned(), "\n".to_owned()]).collect()
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

    fn block(first: &'static str) -> YamlBlock<'static> {
        YamlBlock::find(CONFIG, first).expect("one such line")
    }

    #[test]
    fn a_block_ends_where_the_indentation_does() {
        let replaced = block("route:").replaced_by("direct_response: {}");
        let expected = CONFIG
            .replace("route:\n      cluster: upstream\n\n      timeout: 0s", "direct_response: {}");
        assert_eq!(replaced, expected);
    }

    #[test]
    fn an_item_goes_and_its_neighbour_of_a_like_name_stays() {
        let without = block("- name: flowguard").removed();
        assert_eq!(without, CONFIG.replace("  - name: flowguard\n    config: {}\n", ""));
    }

    #[test]
    fn a_block_can_be_put_elsewhere() {
        let block = block("- name: flowguard").indented(1);
        assert_eq!(block, " - name: flowguard\n   config: {}\n");
    }

    #[test]
    fn a_block_that_is_not_there_or_twice_is_an_error() {
        for config in ["", "route:\nroute:\n"] {
            let error = YamlBlock::find(config, "route:").expect_err("not exactly one such line");
            assert!(error.to_string().contains("`route:`"), "{error}");
        }
    }
}
