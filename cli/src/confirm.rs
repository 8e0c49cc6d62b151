//! Asks before something is gone.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::failure::{Failure, Usage};

/// Goes on only if this may be deleted: `--yes` says so, or whoever sits at the terminal.
pub(crate) async fn may_delete(what: String, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Usage::NeedsYes(what).into());
    }
    // Ctrl-C ends the wait: whoever waits for this task goes away.
    let asked = tokio::task::spawn_blocking(move || ask(&what)).await;
    match asked {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) | Err(_) => Err(Failure::Declined),
        Ok(Err(error)) => Err(Failure::Process(error)),
    }
}

fn ask(what: &str) -> io::Result<bool> {
    let mut stderr = io::stderr();
    write!(stderr, "Delete {}? [y/N] ", crate::message::in_one_line(what))?;
    stderr.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
