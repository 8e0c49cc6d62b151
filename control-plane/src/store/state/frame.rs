//! What both kinds of files consist of: frames, each a length, a checksum and so many bytes.
//!
//! A checksum goes on from that of the frame before, and the first one from the header's. What once
//! was a frame of another file, or at another place, is therefore none here.

use std::io::{self, BufReader, Read};

use super::DiskFile;

const LENGTH_BYTES: usize = 4;
const HEAD_BYTES: usize = LENGTH_BYTES + 4;

/// How much of a file is read at once.
const READ_BYTES: usize = 64 << 10;

/// The checksum of everything up to some place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checksum(u32);

impl Checksum {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(crc32fast::hash(bytes))
    }

    fn and(self, bytes: &[u8]) -> Self {
        let mut hasher = crc32fast::Hasher::new_with_initial(self.0);
        hasher.update(bytes);
        Self(hasher.finalize())
    }

    pub(super) fn to_bytes(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }
}

/// A frame that is being made; one buffer makes all of a file's.
#[derive(Debug)]
pub(super) struct Frame {
    /// Begins with the room for length and checksum.
    bytes: Vec<u8>,
}

impl Frame {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; HEAD_BYTES] }
    }

    /// Begins anew, with no byte.
    pub(super) fn clear(&mut self) {
        self.bytes.truncate(HEAD_BYTES);
    }

    /// What is added to grows the frame.
    pub(super) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Its bytes without length and checksum.
    pub(super) fn body_len(&self) -> usize {
        self.bytes.len().saturating_sub(HEAD_BYTES)
    }

    /// Writes length and checksum, behind a frame with the checksum `before`. It answers all bytes
    /// of the frame, and the checksum for the next one.
    pub(super) fn seal(&mut self, before: Checksum) -> (&[u8], Checksum) {
        let mut checksum = before;
        if let Some((head, body)) = self.bytes.split_first_chunk_mut::<HEAD_BYTES>() {
            checksum = before.and(body);
            let (length, sum) = head.split_at_mut(LENGTH_BYTES);
            // A frame has a maximum far below, which whoever makes one keeps.
            length.copy_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
            sum.copy_from_slice(&checksum.to_bytes());
        }
        (&self.bytes, checksum)
    }
}

/// What comes next in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A frame, which is the reader's body.
    Frame,
    /// The file ends with the frame before.
    End,
    /// Something that is no frame, so that all from here on is unknown.
    Torn,
}

/// Reads the frames of a file one by one.
#[derive(Debug)]
pub(super) struct FrameReader {
    input: BufReader<FileReader>,
    /// The bytes behind the last frame.
    left: u64,
    before: Checksum,
    body: Vec<u8>,
    body_bytes_max: u32,
}

impl FrameReader {
    /// Reads what is behind the first `offset` bytes, whose checksum is `before`. What claims to be
    /// larger than `body_bytes_max` is no frame.
    pub(super) fn new(
        file: Box<dyn DiskFile>,
        offset: u64,
        before: Checksum,
        body_bytes_max: u32,
    ) -> io::Result<Self> {
        let left = file.len()?.saturating_sub(offset);
        let input = BufReader::with_capacity(READ_BYTES, FileReader { file, offset });
        Ok(Self { input, left, before, body: Vec::new(), body_bytes_max })
    }

    /// Reads the next frame.
    pub(super) fn advance(&mut self) -> io::Result<Next> {
        self.body.clear();
        if self.left == 0 {
            return Ok(Next::End);
        }
        let Some(behind_head) = self.left.checked_sub(HEAD_BYTES as u64) else {
            return Ok(Next::Torn);
        };
        let (mut length, mut checksum) = ([0; LENGTH_BYTES], [0; 4]);
        self.input.read_exact(&mut length)?;
        self.input.read_exact(&mut checksum)?;
        let length = u32::from_le_bytes(length);
        let Some(left) = behind_head.checked_sub(length.into()) else { return Ok(Next::Torn) };
        // No frame is empty: zeros, which a power failure may leave, are none.
        if length == 0 || length > self.body_bytes_max {
            return Ok(Next::Torn);
        }
        let Ok(length) = usize::try_from(length) else { return Ok(Next::Torn) };
        self.body.resize(length, 0);
        self.input.read_exact(&mut self.body)?;
        let sum = self.before.and(&self.body);
        if sum.to_bytes() != checksum {
            return Ok(Next::Torn);
        }
        self.before = sum;
        self.left = left;
        Ok(Next::Frame)
    }

    /// The frame that was read last.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The bytes behind it.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// The file again.
    pub(super) fn into_file(self) -> Box<dyn DiskFile> {
        self.input.into_inner().file
    }
}

/// A file from some place on.
#[derive(Debug)]
struct FileReader {
    file: Box<dyn DiskFile>,
    offset: u64,
}

impl Read for FileReader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(self.offset, bytes)?;
        self.offset = self.offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}
