//! `flowguard events`.

use clap::Args;

use super::event_lines;
use crate::{
    call::Call,
    connection::ConnectionError,
    failure::{Failure, Refusal},
    json::{self, shown},
    message::in_one_line,
    options::Format,
    output::{is_closed, print, warn, yaml},
    server_sent::{BYTES_MAX, Event, Reader},
    session::Session,
};

/// Which events are to be told.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Some of the topics, with commas between [default: all]
    #[arg(long, value_name = "TOPICS")]
    pub topics: Option<String>,
    /// Of this client, or of those whose ids begin so (acme*)
    #[arg(long, value_name = "ID")]
    pub client: Option<String>,
    /// Of clients in this group
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
}

/// Why a stream is over.
enum Over {
    /// What ended can go on behind the last event.
    GoOn,
    /// The reader has seen enough.
    Done,
}

pub(super) async fn run(wish: Wish, session: &Session, format: Format) -> Result<(), Failure> {
    let mut last = None;
    loop {
        let call = Call::get(&["events"])?
            .query("topics", wish.topics.clone())
            .query("client", wish.client.clone())
            .query("group", wish.group.clone())
            .behind(last.clone());
        // A server that is not there when it is asked again is out of reach.
        match follow(call, session, format, &mut last).await? {
            Over::GoOn => {}
            Over::Done => return Ok(()),
        }
    }
}

async fn follow(
    call: Call,
    session: &Session,
    format: Format,
    last: &mut Option<String>,
) -> Result<Over, Failure> {
    let connection = &session.connection;
    let mut response = connection.send(call).await?;
    if !response.status().is_success() {
        let answer = connection.whole(response).await?;
        return Err(Refusal::new(&answer, connection.token()).into());
    }
    let mut reader = Reader::default();
    let server = || connection.server().to_string();
    let too_long = || ConnectionError::TooLong { server: server(), max: BYTES_MAX };
    let mut has_any = false;
    loop {
        let piece = match response.chunk().await {
            Ok(Some(piece)) => piece,
            // Without a single event it would be asked again and again.
            Ok(None) | Err(_) if has_any => return Ok(Over::GoOn),
            Ok(None) => return Err(unexpected_end(session)),
            Err(error) => return Err(connection.unreachable(&error).into()),
        };
        for event in reader.read(&piece).map_err(|_| too_long())? {
            has_any = true;
            if event.id.is_some() {
                last.clone_from(&event.id);
            }
            match event.name.as_str() {
                "end" => return ended(&event, session),
                "lagged" => warn(&format!("some events are missing: {}", event.data)),
                _ => show(&event, session, format)?,
            }
            // Nobody reads any more (`| head`): what goes on by itself would go on for ever.
            if is_closed() {
                return Ok(Over::Done);
            }
        }
    }
}

fn unexpected_end(session: &Session) -> Failure {
    let server = session.connection.server().to_string();
    ConnectionError::Unreachable { server, reason: "it ended without an event".to_owned() }.into()
}

/// An hour is over, or the server says why it does not go on.
fn ended(event: &Event, session: &Session) -> Result<Over, Failure> {
    let told = json::read(event.data.as_bytes()).unwrap_or_default();
    let text = |name| shown(told.get(name));
    match text("reason").as_str() {
        "hour" => Ok(Over::GoOn),
        reason => {
            let token = session.connection.token();
            Err(Refusal::of_stream(reason, &text("message"), token).into())
        }
    }
}

fn show(event: &Event, session: &Session, format: Format) -> Result<(), Failure> {
    let server = || session.connection.server().to_string();
    if !json::is_json(event.data.as_bytes()) {
        return Err(Failure::NoJson { server: server(), body: event.data.clone() });
    }
    let wrong = |wrong| Failure::Answer { server: server(), wrong };
    let text = match format {
        Format::Json => format!("{}\n", event.data),
        Format::Name => format!("{}\n", in_one_line(&event.name)),
        Format::Yaml => {
            let data = json::read_in_order(event.data.as_bytes()).map_err(wrong)?;
            format!("---\n{}", yaml(&data).map_err(wrong)?)
        }
        Format::Table => event_lines::lines(event).map_err(wrong)?,
    };
    print(text.as_bytes())
}
