//! What a client id is.

use proptest::{collection::vec, prelude::*};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn only_ids_of_the_contract_are_client_ids(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..140),
            "[-A-Za-z0-9._:@+|=/~]{0,130}".prop_map(String::into_bytes),
            "[./]{1,3}".prop_map(String::into_bytes),
        ],
    ) {
        let expected = (1..=128).contains(&bytes.len())
            && bytes.iter().all(|b| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@-+|=/~".contains(b))
            && !matches!(&*bytes, b"." | b"..");
        prop_assert_eq!(limiter::ClientId::check(&bytes).is_ok(), expected);
    }
}
