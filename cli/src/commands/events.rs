//! `flowguard events`.

use clap::Args;
use serde_json::Value;

use crate::{
    call::Call,
    connection::ConnectionError,
    failure::{Failure, Refusal},
    json::{self, Wrong, shown},
    message::in_one_line,
    options::Format,
    output::{is_closed, print, warn, yaml},
    server_sent::{Event, Reader},
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
        return Err(Refusal::new(&answer, connection.shows_a_token()).into());
    }
    let mut reader = Reader::default();
    let too_long = || ConnectionError::TooLong { server: connection.server().to_string() };
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
            Err(Refusal::of_stream(reason, &text("message"), session.connection.shows_a_token())
                .into())
        }
    }
}

fn show(event: &Event, session: &Session, format: Format) -> Result<(), Failure> {
    let wrong = |wrong| Failure::Answer { server: session.connection.server().to_string(), wrong };
    let text = match format {
        Format::Json => format!("{}\n", event.data),
        Format::Name => format!("{}\n", in_one_line(&event.name)),
        Format::Yaml => {
            let data = json::read(event.data.as_bytes()).map_err(wrong)?;
            format!("---\n{}", yaml(&data).map_err(wrong)?)
        }
        Format::Table => line(event).map_err(wrong)?,
    };
    print(text.as_bytes())
}

/// When, what, and its fields in one line.
fn line(event: &Event) -> Result<String, Wrong> {
    let mut data = json::read(event.data.as_bytes())?;
    let time = data.as_object_mut().and_then(|fields| fields.remove("time"));
    let fields = match &data {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) => format!("{name}={text}"),
                value => format!("{name}={value}"),
            })
            .collect::<Vec<_>>()
            .join(" "),
        other => other.to_string(),
    };
    let line = format!("{} {:<9} {fields}", shown(time.as_ref()), event.name);
    Ok(format!("{}\n", in_one_line(line.trim_end())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line() {
        let event = |name: &str, data: &str| Event {
            id: None,
            name: name.to_owned(),
            data: data.to_owned(),
        };
        let told =
            line(&event("refusals", r#"{"time":"T","client":"a","rpm":3,"by":["x"]}"#)).unwrap();
        assert_eq!(told, "T refusals  by=[\"x\"] client=a rpm=3\n");
        assert_eq!(line(&event("ready", "{}")).unwrap(), "- ready\n");
        assert!(line(&event("ready", "{")).is_err());
    }
}
