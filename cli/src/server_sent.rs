//! Events as a server sends them (server-sent events, as in the HTML standard), read of bytes that are
//! cut anywhere.

/// More than any event has; a server that sends more without a line's end sends no events.
pub(crate) const BYTES_MAX: usize = 1_024 * 1_024;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: String,
}

/// What came and is no whole event yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
}

/// More than an event has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Reader {
    /// The events that end in this piece.
    pub(crate) fn read(&mut self, piece: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        for byte in piece {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    let line = String::from_utf8_lossy(&line);
                    events.extend(self.line(line.trim_end_matches('\r')));
                }
                _ if self.line.len() + self.event.data.len() < BYTES_MAX => self.line.push(*byte),
                _ => return Err(TooLong),
            }
        }
        Ok(events)
    }

    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.event.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            // A comment keeps the connection alive; when to come back is this program's own business.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: Option<&str>, name: &str, data: &str) -> Event {
        Event { id: id.map(str::to_owned), name: name.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        let text = "retry: 1000\n\nid: 1\nevent: ready\ndata: {\"a\":1}\n\n: heartbeat\n\n\
                    event: lagged\r\ndata:x\r\ndata: y\r\n\r\nid: 2\n\ndata\n\nid: cut";
        let expected = [
            event(Some("1"), "ready", "{\"a\":1}"),
            event(None, "lagged", "x\ny"),
            event(None, "", ""),
        ];
        for size in 1..text.len() {
            let mut reader = Reader::default();
            let pieces = text.as_bytes().chunks(size);
            let events: Vec<_> = pieces.flat_map(|piece| reader.read(piece).unwrap()).collect();
            assert_eq!(events, expected, "{size}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        assert_eq!(Reader::default().read(&vec![b'x'; BYTES_MAX + 1]), Err(TooLong));
    }
}
