//! The shared store's script alone: calls of one shape, one after the other.

use std::{error::Error, num::NonZeroU64, sync::Arc, time::Duration};

use flowguard::store::shared::{
    Batch, BatchError, BucketIndex, Correction, Decide, Demand, End, Exact, Opening, Operation,
    Told, Wanted,
    client::{Answer, Client},
};
use harness::redis::Redis;
use limiter::{Charge, Quota, Tokens, Window};
use tokio::time::Instant;

/// Of every limit.
const BURST: NonZeroU64 = NonZeroU64::new(limiter::AMOUNT_MAX).expect("some");

/// So many clients take turns.
const CLIENTS: u32 = 1_000;

const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// About as much as is written down of a request with a few limits.
const NOTE_LEN: usize = 120;

/// Whose requests are in one call. All share one bucket; the others are each client's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    /// Each is of another client.
    Distinct,
    /// All are of one client, and those of the next call of the next one.
    One,
    /// All of all calls are of one client, and of one worker. Otherwise there are two workers.
    Same,
}

/// What one call takes.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// From its begin to its end, as the server sees it: more where the machine does something else.
    pub script_us: f64,
    /// What the thread worked, reading and answering included.
    pub cpu_us: f64,
}

/// The shape of a call.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Buckets that a request is charged to.
    pub limits: u32,
    /// Requests of a call.
    pub asks: u32,
    /// Whose they are.
    pub clients: Clients,
    /// Whether requests are remembered, and those of the call before end in it.
    pub keeps_notes: bool,
}

impl Load {
    /// Microseconds a call; `None` where that is more than one call may do.
    pub async fn measure(
        self,
        redis: &Redis,
        client: &Client,
        calls: u32,
    ) -> Result<Option<Cost>, Box<dyn Error>> {
        if let Err(BatchError::Full) = self.batch(0) {
            return Ok(None);
        }
        for number in 0..=CLIENTS / self.asks {
            self.call(client, number).await?;
        }
        redis.command(&[b"CONFIG", b"RESETSTAT"]).await;
        let before = cpu_us(&info(redis).await)?;
        for number in 0..calls {
            self.call(client, CLIENTS + number).await?;
        }
        let info = info(redis).await;
        let line = info.lines().find(|line| line.starts_with("cmdstat_evalsha:"));
        let us = line.and_then(|line| line.split("usec_per_call=").nth(1)?.split(',').next());
        Ok(Some(Cost {
            script_us: us.ok_or("the server tells no time of EVALSHA")?.parse()?,
            cpu_us: (cpu_us(&info)? - before) / f64::from(calls),
        }))
    }

    /// The call of this number.
    pub async fn call(self, client: &Client, number: u32) -> Result<(), Box<dyn Error>> {
        let batch = Arc::new(self.batch(number)?);
        match client.call(&batch, None, Instant::now() + CALL_TIMEOUT).await {
            Answer::InTime(answered) => {
                answered?;
                Ok(())
            }
            Answer::Late(_) => Err("no answer in time".into()),
        }
    }

    fn batch(self, number: u32) -> Result<Batch, BatchError> {
        let mut batch = Batch::default();
        let since = Exact::ZERO;
        let minute = Quota::new(limiter::AMOUNT_MAX, Window::MINUTE, None)
            .map_err(|_| BatchError::Demands)?;
        let told = Told { epoch: Exact::ZERO, revision: 1, since, quota: minute };
        for ask in 0..self.asks {
            let client = match self.clients {
                Clients::Distinct => (number * self.asks + ask) % CLIENTS,
                Clients::One => number % CLIENTS,
                Clients::Same => 0,
            };
            let mut decide = Decide::default();
            let mut last = None;
            for limit in 0..self.limits {
                let key =
                    if limit == 0 { "b:org".to_owned() } else { format!("b:{client}:{limit}") };
                let bucket = batch.bucket(key.as_bytes(), told, None)?;
                let wanted = Wanted::Tokens(bucket, Tokens::ONE);
                decide.demands.push(Demand { wanted, is_watched: false });
                last = Some(bucket);
            }
            if self.keeps_notes {
                self.keep(&mut batch, &mut decide, last, (number, ask))?;
            }
            batch.push(Operation::Decide(decide))?;
        }
        Ok(batch)
    }

    /// The request is remembered, and the one in its place in the call before ends: what it was charged
    /// last is corrected, as its tokens are.
    fn keep(
        self,
        batch: &mut Batch,
        decide: &mut Decide,
        last: Option<BucketIndex>,
        (number, ask): (u32, u32),
    ) -> Result<(), BatchError> {
        let worker = if self.clients == Clients::Same { 0 } else { ask % 2 };
        let worker = batch.worker(format!("o:{worker}").as_bytes(), Exact::ZERO)?;
        let request = number * self.asks + ask;
        let ended = request.wrapping_sub(self.asks);
        let corrections = last.map(|bucket| Correction {
            bucket,
            charge: Charge::of(Tokens::ONE, BURST, 1),
            epoch: Exact::ZERO,
            used: Tokens::ZERO,
        });
        let corrections = corrections.into_iter().collect();
        batch.push(Operation::End(End { worker, request: ended, corrections }))?;
        decide.opening = Some(Opening { worker, request, note: vec![b'n'; NOTE_LEN] });
        Ok(())
    }
}

async fn info(redis: &Redis) -> String {
    let info = redis.command(&[b"INFO", b"everything"]).await;
    String::from_utf8_lossy(&info).into_owned()
}

/// What the server's thread worked so far.
fn cpu_us(info: &str) -> Result<f64, Box<dyn Error>> {
    let mut us = 0.0;
    for name in ["used_cpu_user_main_thread:", "used_cpu_sys_main_thread:"] {
        let value = info.lines().find_map(|line| line.strip_prefix(name));
        us += value.ok_or("the server tells no time of its thread")?.parse::<f64>()? * 1e6;
    }
    Ok(us)
}
