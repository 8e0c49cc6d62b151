//! The chapters of a Markdown document, the commands that it tells its reader to type, and the
//! programs that it shows.

/// The chapter whose title begins so.
pub fn chapter<'a>(markdown: &'a str, title: &str) -> &'a str {
    let mut chapters = markdown.split("\n## ").skip(1);
    let chapter = chapters.find(|chapter| chapter.starts_with(title));
    chapter.unwrap_or_else(|| panic!("no chapter {title}"))
}

/// The commands of all fenced `bash` blocks in their order, each as one would paste it: with its
/// continued lines, a loop to its end, and without lines that are comments alone.
pub fn shell_commands(markdown: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut lines = markdown.lines();
    while lines.by_ref().any(|line| line.trim() == "```bash") {
        let block = lines.by_ref().take_while(|line| line.trim() != "```");
        let mut command = Vec::new();
        let mut in_loop = false;
        for line in block.filter(|line| !line.trim_start().starts_with('#')) {
            if command.is_empty() && line.trim().is_empty() {
                continue;
            }
            in_loop = (in_loop || line.starts_with("for ")) && !line.starts_with("done");
            command.push(line);
            if !in_loop && !line.ends_with('\\') {
                commands.push(std::mem::take(&mut command).join("\n"));
            }
        }
        assert!(command.is_empty(), "a bash block ends within a command: {command:?}");
    }
    commands
}

/// The contents of all fenced blocks of a language, in their order.
pub fn blocks(markdown: &str, language: &str) -> Vec<String> {
    let mut lines = markdown.lines();
    let fence = format!("```{language}");
    let mut blocks = Vec::new();
    while lines.by_ref().any(|line| line.trim() == fence) {
        let block = lines.by_ref().take_while(|line| line.trim() != "```");
        blocks.push(block.flat_map(|line| [line, "\n"]).collect());
    }
    blocks
}

/// The spans of inline code that start with `program`, outside fenced blocks.
pub fn inline_commands<'a>(markdown: &'a str, program: &str) -> Vec<&'a str> {
    let text = markdown.split("```").step_by(2);
    let spans = text.flat_map(|text| text.split('`').skip(1).step_by(2));
    spans.filter(|span| span.starts_with(program)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chapter_ends_where_the_next_one_begins() {
        assert_eq!(chapter("# A\n\n## 1. B\nb\n### b\n\n## 2. C\nc", "1. "), "1. B\nb\n### b\n");
    }

    #[test]
    fn a_command_is_what_one_would_paste() {
        let markdown = "Text\n```bash\n# why\na -x \\\n  -y   # what\n\nfor i in 1 2; do\n  b\ndone; c\n\
                        ```\n```promql\nrate(x[5m])\n```\n```bash\nd\n```\n";
        let expected = ["a -x \\\n  -y   # what", "for i in 1 2; do\n  b\ndone; c", "d"];
        assert_eq!(shell_commands(markdown), expected);
    }

    #[test]
    fn a_program_is_all_of_its_block() {
        let markdown = "```bash\na\n```\n```python\nb:\n\n  c\n```\nText\n```python\nd\n```\n";
        assert_eq!(blocks(markdown, "python"), ["b:\n\n  c\n", "d\n"]);
    }

    #[test]
    fn inline_code_is_found_outside_of_blocks() {
        let markdown = "`cargo a` and `b`\n```bash\ncargo c\n```\n(`cargo d --e`)";
        assert_eq!(inline_commands(markdown, "cargo "), ["cargo a", "cargo d --e"]);
    }
}
