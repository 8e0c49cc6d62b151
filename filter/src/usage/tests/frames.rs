//! Writes Amazon's event stream.

/// A frame with any checksums: they are not looked at.
pub(in super::super) fn frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let headers_len = u32::try_from(headers.len()).unwrap();
    let frame_len = 16 + headers_len + u32::try_from(payload.len()).unwrap();
    let lengths = [frame_len, headers_len].map(u32::to_be_bytes).concat();
    [&lengths, &b"\x00{\"["[..], headers, payload, b"{\"[\xff"].concat()
}
