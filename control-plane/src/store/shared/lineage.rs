//! How a client's or a limit's numbers came to be what they are: what every control plane has to agree
//! on before it asks for one of its buckets.

use limiter::{Quota, Window};

use super::{Exact, Told};
use crate::{
    clients::{ClientConfig, Revision},
    limits::{Each, Limit, Measure},
};

/// Of a client or a limit: since when it is this one, and of each of its two numbers how often it
/// changed. A client's are requests and tokens per minute, a limit's its own and the one on trial.
///
/// A number that is taken away stays as it was, so that a bucket goes on where it was when it comes
/// back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lineage {
    epoch: Exact,
    kind: u8,
    numbers: [Option<Numbers>; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbers {
    revision: u32,
    since: Exact,
    quota: Quota,
}

const NUMBERS_LEN: usize = 1 + 4 + 8 + 8 + 4 + 8;

impl Lineage {
    /// Of a client that has these limits since the write of `revision`.
    pub(super) fn of_client(before: Option<&Self>, config: &ClientConfig, write: Exact) -> Self {
        let limits = config.limits;
        let quotas = [limits.rpm.map(Quota::from), limits.tpm.map(Quota::from)];
        Self::after(before, 0, quotas, write)
    }

    /// Of a limit that is so since the write of `revision`. One that counts another thing, or shares it
    /// otherwise, is another limit.
    pub(super) fn of_limit(before: Option<&Self>, limit: &Limit, write: Exact) -> Self {
        let Each { client, group, plan, model } = limit.each;
        let measure = match limit.measure {
            Measure::Requests(_) => 1,
            Measure::Tokens(_) => 2,
            Measure::Concurrent(_) => 3,
        };
        let each = [client, group, plan, model].into_iter().enumerate();
        let kind = each.fold(measure, |kind, (bit, is_each)| kind | u8::from(is_each) << (4 + bit));
        let on_trial = limit.on_trial().and_then(|measure| measure.quota());
        Self::after(before, kind, [limit.measure.quota(), on_trial], write)
    }

    /// Of a model that is there since the write of `revision`: what limits have for it is its own.
    pub(super) fn of_model(before: Option<&Self>, write: Exact) -> Self {
        Self::after(before, 0, [None; 2], write)
    }

    /// The same client or limit, with nothing spent.
    pub(super) fn anew(self, write: Exact) -> Self {
        Self { epoch: write, ..self }
    }

    fn after(before: Option<&Self>, kind: u8, quotas: [Option<Quota>; 2], write: Exact) -> Self {
        let before = before.filter(|before| before.kind == kind);
        let mut numbers = before.map_or([None; 2], |before| before.numbers);
        for (numbers, quota) in numbers.iter_mut().zip(quotas) {
            let Some(quota) = quota else { continue };
            let revision = match numbers {
                Some(numbers) if numbers.quota == quota => continue,
                Some(numbers) => numbers.revision.wrapping_add(1),
                None => 0,
            };
            *numbers = Some(Numbers { revision, since: write, quota });
        }
        Self { epoch: before.map_or(write, |before| before.epoch), kind, numbers }
    }

    /// Since which write it is this one, with nothing spent.
    pub(crate) fn epoch(&self) -> Exact {
        self.epoch
    }

    /// What the store is told of the first or the second number; `None` where there never was one.
    pub(crate) fn told(&self, second: bool) -> Option<Told> {
        let [one, other] = self.numbers;
        let Numbers { revision, since, quota } = if second { other } else { one }?;
        Some(Told { epoch: self.epoch, revision, since, quota })
    }

    pub(super) fn push_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.epoch.get().to_le_bytes());
        bytes.push(self.kind);
        for numbers in self.numbers {
            let Some(Numbers { revision, since, quota }) = numbers else {
                bytes.extend([0; NUMBERS_LEN]);
                continue;
            };
            bytes.push(1);
            bytes.extend(revision.to_le_bytes());
            bytes.extend(since.get().to_le_bytes());
            bytes.extend(quota.amount().to_le_bytes());
            bytes.extend(quota.window().secs().to_le_bytes());
            bytes.extend(quota.burst().to_le_bytes());
        }
    }

    /// The lineage that was written as the first of these bytes, and what comes after it.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut reader = Reader(bytes);
        let epoch = Exact::try_from(reader.u64()?).ok()?;
        let [kind] = reader.take()?;
        let mut numbers = [None; 2];
        for numbers in &mut numbers {
            let [is_there] = reader.take()?;
            let revision = u32::from_le_bytes(reader.take()?);
            let since = Exact::try_from(reader.u64()?).ok()?;
            let amount = reader.u64()?;
            let window = u32::from_le_bytes(reader.take()?);
            let burst = reader.u64()?;
            if is_there == 1 {
                let window = Window::from_secs(window).ok()?;
                let quota = Quota::new(amount, window, Some(burst)).ok()?;
                *numbers = Some(Numbers { revision, since, quota });
            }
        }
        Some((Self { epoch, kind, numbers }, reader.0))
    }
}

/// The number of a write, as buckets have it.
pub(super) fn exact(revision: Revision) -> Exact {
    Exact::try_from(revision.get()).unwrap_or_default()
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}
