//! Every command of the README, as written and in its order, on one real stack; and every program.
//!
//! Three things differ from a reader's machine. The README's ports are replaced by the stack's, so
//! that the test runs beside a FlowGuard on the default ones. `grpcurl` is a shell function that
//! calls `buf curl` and knows only the forms that it translates. And commands of `cargo xtask` get
//! `--help`, which judges their names and flags, because running them is what CI does; but
//! `cargo xtask load` runs.

mod answers;
mod named;
mod reader;

use harness::TestStack;
use harness::deadline::SOON;
use harness::process::printed;
use repository::{read, readme};
use tokio::process::Command;

use answers::check_answers;
use reader::Reader;

#[tokio::test(flavor = "multi_thread")]
async fn every_command_does_what_the_readme_says() {
    let stack = TestStack::builder().setting("DEMO_CLIENTS", "true").start().await;
    let reader = Reader::new(&stack).await;
    let commands = readme::shell_commands(&text());
    assert!(commands.len() >= 10, "{commands:?}");
    for command in commands {
        reader.follow(&command).await;
    }
}

/// A program that is not told where FlowGuard is: the README's variables do that.
const UNCHANGED_PROGRAM: &str = r#"
import anthropic, openai
hello = {"model": "m", "messages": [{"role": "user", "content": "Hello!"}]}
print(openai.OpenAI().chat.completions.create(**hello).choices[0].message.content)
print(anthropic.Anthropic().messages.create(max_tokens=9, **hello).content[0].text)
"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_program_runs_as_the_readme_has_it() {
    let stack = TestStack::builder()
        .setting("DEMO_CLIENTS", "true")
        .setting("ESTIMATE", "learned")
        .setting("ERROR_FORMAT", "auto")
        .start()
        .await;
    let reader = Reader::new(&stack).await;
    let text = text();
    let chapter = readme::chapter(&text, "In your code");
    let programs = readme::blocks(chapter, "python");
    assert_eq!(programs.len(), 3, "{programs:?}");
    for (program, answers) in programs.iter().zip([1, 1, 2]) {
        check_answers(&reader.run_python("", program).await, answers);
    }
    let variables: Vec<_> = readme::shell_commands(chapter)
        .into_iter()
        .filter(|it| it.starts_with("export "))
        .collect();
    assert_eq!(variables.len(), 4, "{variables:?}");
    check_answers(&reader.run_python(&variables.join("\n"), UNCHANGED_PROGRAM).await, 2);
    assert_eq!(stack.admin().stats("demo-client").await.success_requests, 6);
}

fn text() -> String {
    read("README.md")
}

async fn succeed(what: &str, mut command: Command) -> String {
    printed(what, SOON, &mut command).await
}
