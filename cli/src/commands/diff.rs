//! `flowguard diff`.

use std::path::Path;

use super::apply;
use crate::{
    call::Call,
    document,
    failure::{Failure, Outcome, Usage},
    input, json, output,
    session::Session,
    unified,
};

/// Both documents as they are meant: what is the default in one and not written in the other is no
/// difference.
pub(super) async fn run(file: &Path, session: &Session) -> Result<Outcome, Failure> {
    let wrong = |reason| Usage::Document { path: file.to_owned(), reason };
    let text = input::read(file)?;
    // What it means is for the server to say, as it does when it is applied.
    apply::judge(text.clone(), session).await?;
    let wanted = document::read(&text).map_err(wrong)?;
    let answer = session.call(Call::get(&["config"])?).await?;
    let unknown =
        |wrong| Failure::Answer { server: session.connection.server().to_string(), wrong };
    let there = json::read(&answer.body).map_err(unknown)?;
    let (there, wanted) = document::comparable(&there, &wanted).map_err(wrong)?;
    let there = output::yaml(&there).map_err(unknown)?;
    let wanted = output::yaml(&wanted).map_err(unknown)?;
    if there == wanted {
        return Ok(Outcome::Done);
    }
    let names = (session.connection.server().to_string(), file.display().to_string());
    output::print(unified::diff(&there, &wanted, &names.0, &names.1).as_bytes())?;
    Ok(Outcome::No)
}
