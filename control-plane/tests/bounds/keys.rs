//! The memory that a key takes, beside its client.

use flowguard::{
    clients::{ClientConfig, Limits},
    credentials::{ClientKey, Digest, KEYS_MAX, PublicPart, UnixSeconds, Validity},
    ledger::{Ledger, ManualClock, Policy},
};
use limiter::{ClientId, UnixMillis};

use crate::{ALONE, memory::allocated_bytes};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// Each client has so many.
const KEYS_A_CLIENT: usize = 10;

const KEY_BYTES_MAX: usize = 120;

fn key(number: usize, client: ClientId) -> ClientKey {
    ClientKey {
        public: PublicPart::try_from(&*format!("key{number:09}")).expect("a public part"),
        digest: Digest::of(&number.to_le_bytes()),
        client,
        validity: Validity { created: UnixSeconds::at(NOW), expires: UnixSeconds::new(u32::MAX) },
    }
}

#[tokio::test]
async fn a_million_keys_take_120_bytes_each_and_are_found_by_their_digests() {
    let _alone = ALONE.lock().await;
    let ledger = Ledger::new(Policy::default(), ManualClock::at(NOW));
    let id = |number: usize| ClientId::try_from(&*format!("client-{number:07}")).expect("an id");
    for number in 0..KEYS_MAX / KEYS_A_CLIENT {
        ledger.configure(&ClientConfig::new(id(number), Limits::default()));
    }
    let before = allocated_bytes();
    for number in 0..KEYS_MAX {
        ledger.put_key(key(number, id(number / KEYS_A_CLIENT)));
    }
    let allocated = usize::try_from(allocated_bytes() - before).expect("more than before");
    let each = allocated / KEYS_MAX;
    assert!(each <= KEY_BYTES_MAX, "{each} bytes");
    println!("{each} bytes a key");

    let all = ledger.keys();
    assert_eq!(all.len(), KEYS_MAX);
    for number in (0..KEYS_MAX).step_by(99_991) {
        let found = ledger.find_key(&Digest::of(&number.to_le_bytes())).expect("it is there");
        assert_eq!(found.client, id(number / KEYS_A_CLIENT));
    }
    for number in 0..KEYS_A_CLIENT {
        let key = key(number, id(0));
        assert_eq!(all.remove("client-0000000", key.public), Some(key));
    }
    assert_eq!((all.of("client-0000000").len(), all.len()), (0, KEYS_MAX - KEYS_A_CLIENT));
}
