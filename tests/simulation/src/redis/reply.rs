//! Commands and answers, as they cross a connection (RESP2).

/// What a command is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Nothing.
    Nil,
    /// A number.
    Integer(i64),
    /// Bytes.
    Bulk(Vec<u8>),
    /// A word.
    Status(String),
    /// What went wrong.
    Error(String),
    /// Several.
    List(Vec<Reply>),
}

impl Reply {
    /// That it was done.
    pub(super) fn ok() -> Self {
        Self::Status("OK".to_owned())
    }

    /// A value that may not be there.
    pub(super) fn value(value: Option<impl Into<Vec<u8>>>) -> Self {
        value.map_or(Self::Nil, |value| Self::Bulk(value.into()))
    }

    /// How many.
    pub(super) fn count(count: usize) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// Its bytes on a connection.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.push_to(&mut bytes);
        bytes
    }

    fn push_to(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Nil => bytes.extend(b"$-1\r\n"),
            Self::Integer(number) => bytes.extend(format!(":{number}\r\n").bytes()),
            Self::Bulk(value) => {
                bytes.extend(format!("${}\r\n", value.len()).bytes());
                bytes.extend(value);
                bytes.extend(b"\r\n");
            }
            Self::Status(word) => bytes.extend(format!("+{word}\r\n").bytes()),
            Self::Error(text) => bytes.extend(format!("-{text}\r\n").bytes()),
            Self::List(list) => {
                bytes.extend(format!("*{}\r\n", list.len()).bytes());
                for reply in list {
                    reply.push_to(bytes);
                }
            }
        }
    }
}

/// A command as a client sends it: its name, and what it is about.
pub(super) type Command = Vec<Vec<u8>>;

/// Takes the first command off what has arrived; `None`: it is not there to its end.
pub(super) fn take_command(arrived: &mut Vec<u8>) -> Option<Command> {
    let mut rest = arrived.as_slice();
    let count = number(&mut rest, b'*')?;
    let mut command = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        let len = number(&mut rest, b'$')?;
        command.push(rest.get(..len)?.to_vec());
        rest = rest.get(len + 2..)?;
    }
    let taken = arrived.len() - rest.len();
    arrived.drain(..taken);
    Some(command)
}

/// The number of a line that begins with this letter.
fn number(rest: &mut &[u8], letter: u8) -> Option<usize> {
    let end = rest.windows(2).position(|two| two == b"\r\n")?;
    let line = &rest[..end];
    assert_eq!(line.first(), Some(&letter), "clients send lists of texts");
    *rest = &rest[end + 2..];
    std::str::from_utf8(&line[1..]).ok()?.parse().ok()
}
