//! What shells complete by.

use std::process::Command;

use super::world::{Shell, ran};

#[tokio::test(flavor = "multi_thread")]
async fn each_shell_is_told_every_command() {
    let shell = Shell::new(None);
    for name in ["bash", "zsh", "fish"] {
        let completions = shell.run(&["completions", name]).await;
        assert_eq!((completions.code, completions.stderr.as_str()), (Some(0), ""), "{name}");
        for word in ["clients", "explain", "top", "context", "envoy-config", "token-file"] {
            assert!(completions.stdout.contains(word), "{name} is not told of {word}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bash_completes_a_command_by_it() {
    let shell = Shell::new(None);
    let script = shell.run(&["completions", "bash"]).await.stdout;
    let file = shell.file("completions.bash", &script, 0o600);
    let mut bash = Command::new("bash");
    bash.args([
        "--norc",
        "-c",
        r#"source "$0"; COMP_WORDS=(flowguard clients d); COMP_CWORD=2; _flowguard flowguard d clients; echo "${COMPREPLY[@]}""#,
    ]);
    bash.arg(file);
    assert_eq!(ran(bash).await.stdout, "delete\n");
}
