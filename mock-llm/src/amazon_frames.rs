//! Amazon's event stream: a frame is two lengths and their checksum, headers, a payload, and the
//! checksum of all of it.

/// A frame of an event; its payload is JSON.
pub(super) fn frame(event: &str, payload: &[u8]) -> Vec<u8> {
    let mut headers = Vec::new();
    let values =
        [(":event-type", event), (":content-type", "application/json"), (":message-type", "event")];
    for (name, value) in values {
        header(&mut headers, name, value);
    }
    let len = |bytes: usize| u32::try_from(bytes).expect("a small frame").to_be_bytes();
    let mut frame = Vec::new();
    frame.extend(len(16 + headers.len() + payload.len()));
    frame.extend(len(headers.len()));
    frame.extend(checksum(&frame));
    frame.extend(headers);
    frame.extend(payload);
    frame.extend(checksum(&frame));
    frame
}

/// A name, the type of a string, and the string.
fn header(headers: &mut Vec<u8>, name: &str, value: &str) {
    const STRING: u8 = 7;
    headers.push(u8::try_from(name.len()).expect("a short name"));
    headers.extend(name.as_bytes());
    headers.push(STRING);
    headers.extend(u16::try_from(value.len()).expect("a short value").to_be_bytes());
    headers.extend(value.as_bytes());
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_its_lengths_and_checksums() {
        let frame = frame("metadata", b"{}");
        let word =
            |at: usize| u32::from_be_bytes(frame[at..at + 4].try_into().expect("four bytes"));
        assert_eq!(word(0) as usize, frame.len());
        assert_eq!(word(4), 78, "as Amazon's own");
        assert_eq!(frame[8..12], checksum(&frame[..8]));
        assert_eq!(frame[frame.len() - 6..frame.len() - 4], *b"{}");
        assert_eq!(frame[frame.len() - 4..], checksum(&frame[..frame.len() - 4]));
        // The test value of this checksum.
        assert_eq!(checksum(b"123456789"), [0xcb, 0xf4, 0x39, 0x26]);
    }
}
