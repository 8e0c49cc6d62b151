//! An open request as the store has it.

/// An admitted request that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRequest {
    /// Its worker's number for it.
    pub id: u32,
    /// Which of its demands were charged: a bit for each, the first one's the least.
    pub charged: u16,
    /// What was noted of it.
    pub note: Vec<u8>,
}

impl OpenRequest {
    /// The request of this field of a worker's open requests.
    pub(in crate::store::shared) fn read(name: &[u8], value: &[u8]) -> Option<Self> {
        let id = std::str::from_utf8(name).ok()?.parse().ok()?;
        let (charged, note) = value.split_first_chunk()?;
        Some(Self { id, charged: u16::from_le_bytes(*charged), note: note.to_vec() })
    }
}
