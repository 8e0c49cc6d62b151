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

use answers::{check_answers, check_key};
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

#[tokio::test(flavor = "multi_thread")]
async fn every_client_is_known_by_its_key_as_the_readme_has_it() {
    let stack = TestStack::builder()
        .setting("DEMO_CLIENTS", "true")
        .setting("FLOWGUARD_IDENTITY", "api-key")
        .setting("ERROR_FORMAT", "auto")
        .start()
        .await;
    let reader = Reader::new(&stack).await;
    let text = text();
    let chapter = readme::chapter(&text, "Clients by their key");
    let commands = readme::shell_commands(chapter);
    let make = commands.iter().find(|command| command.starts_with("curl -X POST ")).expect("one");
    let key = check_key(&reader.run(make).await);
    let mut variables = vec![format!("export FLOWGUARD_KEY={key}")];
    let programs = readme::blocks(chapter, "python");
    assert_eq!(programs.len(), 1, "{programs:?}");
    check_answers(&reader.run_python(&variables.join("\n"), &programs[0]).await, 2);
    variables.extend(commands.into_iter().filter(|command| command.starts_with("export ")));
    assert_eq!(variables.len(), 3, "{variables:?}");
    check_answers(&reader.run_python(&variables.join("\n"), UNCHANGED_PROGRAM).await, 2);
    assert_eq!(stack.admin().stats("demo-client").await.success_requests, 4);
    for request in stack.upstream.requests() {
        assert_eq!(request.header_values("x-client-id"), ["demo-client"]);
        assert!(!format!("{:?}", request.headers).contains("fgk_"));
    }
}

fn text() -> String {
    read("README.md")
}

async fn succeed(what: &str, mut command: Command) -> String {
    printed(what, SOON, &mut command).await
}
