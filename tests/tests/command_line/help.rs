//! What a command says of itself.

use super::world::Shell;

#[tokio::test(flavor = "multi_thread")]
async fn a_commands_help_is_a_screen_and_has_no_flag_that_it_does_not_take() {
    let shell = Shell::new(None);
    for command in
        ["clients list", "keys create", "tokens list", "tokens create", "explain", "diff"]
    {
        let arguments: Vec<_> = command.split(' ').chain(["--help"]).collect();
        let help = shell.run(&arguments).await.stdout;
        assert!(help.lines().count() <= 40, "{help}");
        assert!(help.contains("--server <URL>") && !help.contains("--proxy-port"), "{help}");
    }
    let help = shell.run(&["tokens", "create", "--help"]).await.stdout;
    assert!(help.contains("With --local the settings of a control plane are taken too"), "{help}");
    let help = shell.run(&["serve", "--help"]).await.stdout;
    assert!(help.contains("--proxy-port <PORT>"), "{help}");
}
