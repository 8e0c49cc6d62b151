//! Files whose checksums are right, whatever stands between them: what a fuzzer makes would hardly
//! ever come behind one.
//!
//! The files are a snapshot and the two journals of its generation, each with its length in two bytes
//! before it, the last one without.

use flowguard::store::state::simulated::MemoryDisk;

pub(super) const NAMES: [&str; 3] = ["state.snapshot", "state.journal-1-a", "state.journal-1-b"];

const FORMAT: u32 = 1;

/// A file begins with three numbers, and an entry of the journal with as many.
const NUMBERS: usize = 3;

/// What an input says of a file.
enum Content<'a> {
    /// It is not there.
    None,
    /// It is these bytes.
    Bytes(&'a [u8]),
    /// Its frames hold these: each a byte that is its length, and so many bytes. The first three bytes
    /// are the numbers of its header.
    Frames(&'a [u8]),
}

/// A disk with the files that `input` says.
pub(super) fn disk(mut input: &[u8]) -> MemoryDisk {
    let disk = MemoryDisk::new();
    for (index, name) in NAMES.into_iter().enumerate() {
        let is_journal = index > 0;
        match next_content(&mut input, index + 1 == NAMES.len()) {
            Content::None => {}
            Content::Bytes(bytes) => disk.put(name, bytes),
            Content::Frames(frames) => disk.put(name, &sealed(frames, is_journal)),
        }
    }
    disk
}

fn next_content<'a>(input: &mut &'a [u8], is_last: bool) -> Content<'a> {
    let all: &'a [u8] = input;
    let content = if is_last {
        all
    } else if let Some((len, rest)) = all.split_first_chunk() {
        let (content, rest) = rest.split_at(usize::from(u16::from_le_bytes(*len)).min(rest.len()));
        *input = rest;
        content
    } else {
        &[]
    };
    match content {
        [] => Content::None,
        [0, bytes @ ..] => Content::Bytes(bytes),
        [_, frames @ ..] => Content::Frames(frames),
    }
}

fn sealed(content: &[u8], is_journal: bool) -> Vec<u8> {
    let mut file = if is_journal { b"FGjourna" } else { b"FGsnapsh" }.to_vec();
    file.extend(FORMAT.to_le_bytes());
    let (numbers, mut frames) = content.split_at(NUMBERS.min(content.len()));
    file.extend(widened(numbers));
    let mut checksum = crc32fast::hash(&file);
    file.extend(checksum.to_le_bytes());
    while let Some((len, rest)) = frames.split_first() {
        let (content, rest) = rest.split_at(usize::from(*len).min(rest.len()));
        frames = rest;
        let body = if is_journal { entry(content) } else { content.to_vec() };
        let mut hasher = crc32fast::Hasher::new_with_initial(checksum);
        hasher.update(&body);
        checksum = hasher.finalize();
        file.extend(u32::try_from(body.len()).expect("a short frame").to_le_bytes());
        file.extend(checksum.to_le_bytes());
        file.extend(body);
    }
    file
}

/// Its three numbers, and its records.
fn entry(content: &[u8]) -> Vec<u8> {
    let (numbers, records) = content.split_at(NUMBERS.min(content.len()));
    let mut entry = widened(numbers);
    entry.extend(records);
    entry
}

/// Numbers of one byte as those of eight: small ones, or the largest there is.
fn widened(numbers: &[u8]) -> Vec<u8> {
    let wide = |number: u8| if number == u8::MAX { u64::MAX } else { number.into() };
    (0..NUMBERS)
        .flat_map(|index| wide(numbers.get(index).copied().unwrap_or(0)).to_le_bytes())
        .collect()
}
