//! The body of an answer, which ends: it has a bound, and a time to come in.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, timeout_at};

/// So long any answer may take.
const TIME_MIN: Duration = Duration::from_mins(1);

/// And a second more for each of these: no line that anybody works with is slower.
const BYTES_A_SECOND: u32 = 8 * 1_024;

/// Why there is no whole one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfinished<E> {
    /// It has more bytes than this.
    TooLong(usize),
    /// So many bytes had come when its time was over.
    TooSlow(usize),
    /// What carries it ended.
    Broken(E),
}

/// What has come of one.
#[derive(Debug)]
pub(crate) struct Body {
    bytes: BytesMut,
    bytes_max: usize,
    began: Instant,
}

impl Body {
    /// One that begins now.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes: BytesMut::new(), bytes_max, began: Instant::now() }
    }

    /// Waits for the next piece; whether there may be more.
    pub(crate) async fn take<E>(
        &mut self,
        piece: impl Future<Output = Result<Option<Bytes>, E>>,
    ) -> Result<bool, Unfinished<E>> {
        let len = self.bytes.len();
        let piece = timeout_at(self.began + time_for(len), piece).await;
        let piece = piece.map_err(|_| Unfinished::TooSlow(len))?.map_err(Unfinished::Broken)?;
        let Some(piece) = piece else { return Ok(false) };
        if len + piece.len() > self.bytes_max {
            return Err(Unfinished::TooLong(self.bytes_max));
        }
        self.bytes.extend_from_slice(&piece);
        Ok(true)
    }

    /// All of it.
    pub(crate) fn whole(self) -> Bytes {
        self.bytes.freeze()
    }
}

fn time_for(bytes: usize) -> Duration {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    TIME_MIN + Duration::from_secs(bytes / u64::from(BYTES_A_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "the clock is paused, and moves by this")]
    /// Takes pieces of so many bytes, each so long after the one before.
    async fn take(
        count: usize,
        bytes: usize,
        after: Duration,
        max: usize,
    ) -> Result<Bytes, Unfinished<()>> {
        let mut body = Body::new(max);
        for _ in 0..count {
            let piece = async {
                tokio::time::sleep(after).await;
                Ok(Some(vec![b' '; bytes].into()))
            };
            body.take(piece).await?;
        }
        assert!(!body.take(async { Ok::<_, ()>(None) }).await.unwrap());
        Ok(body.whole())
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_drips_is_given_up_after_a_minute() {
        let began = Instant::now();
        let answer = take(1_000, 1, Duration::from_millis(499), 1_000_000).await;
        assert_eq!(answer, Err(Unfinished::TooSlow(120)));
        assert_eq!(began.elapsed(), TIME_MIN);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_answer_on_a_slow_line_comes_whole() {
        let answer = take(600, 9_000, Duration::from_secs(1), 10_000_000).await;
        assert_eq!(answer.unwrap().len(), 600 * 9_000);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_is_read_than_may_come() {
        assert_eq!(take(3, 100, Duration::ZERO, 250).await, Err(Unfinished::TooLong(250)));
        let broken = Body::new(250).take(async { Err::<Option<Bytes>, _>("gone") }).await;
        assert_eq!(broken, Err(Unfinished::Broken("gone")));
    }
}
