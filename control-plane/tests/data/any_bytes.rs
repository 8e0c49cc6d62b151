//! Whatever stands in a file: it is a backup, or it is told what is wrong in which line.

use flowguard::data;
use proptest::{collection::vec, prelude::*, sample::select};

/// Parts of which a document is made, and of which one is spoiled.
const PARTS: [&str; 22] = [
    "{\"flowguard\":{\"format\":1,\"version\":\"0.1.0\",\"at\":1700000000000}}\n",
    "{\"flowguard\":{\"format\":3}}\n",
    "{\"client\":{\"client_id\":\"a\",\"rpm\":60}}\n",
    "{\"client\":{\"client_id\":\"b\",\"tpm\":null,\"enabled\":false,\"min_estimate\":7}}\n",
    "{\"bucket\":{\"bucket\":{\"rpm\":\"a\"},\"epoch\":0,\"level\":null}}\n",
    "{\"bucket\":{\"bucket\":{\"tpm\":\"a\"},\"epoch\":1,\"level\":{\"amount\":60,\"burst\":60,\"window_s\":60,\
     \"revision\":0,\"whole\":-5,\"rest\":0,\"refilled_at\":18446744073709551615}}}\n",
    "{\"learned\":{\"client\":\"a\",\"used\":[1,2,3],\"learned_at\":0}}\n",
    "{\"end\":{\"clients\":1,\"records\":1}}\n",
    "{\"end\":{\"clients\":0,\"records\":0}}\n",
    "{\"client\":",
    "{",
    "}",
    "[",
    "\"",
    "\\u0000",
    "null",
    "1e999",
    "-0",
    "\n",
    "\r\n",
    " ",
    "ü",
];

fn document() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        9 => select(&PARTS[..]).prop_map(|part| part.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..8),
    ];
    (any::<bool>(), vec(part, 0..12)).prop_map(|(has_header, parts)| {
        let header = if has_header { PARTS[0].as_bytes() } else { b"" };
        [header.to_vec(), parts.concat()].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn any_bytes_are_a_backup_or_refused_by_line(bytes in document()) {
        let Err(errors) = data::read("file", &bytes[..]) else { return Ok(()) };
        let lines = bytes.split(|byte| *byte == b'\n').count();
        let text = errors.to_string();
        for told in text.lines() {
            let number = told.strip_prefix("file:").and_then(|rest| rest.split(':').next());
            let number = number.and_then(|number| number.parse::<usize>().ok());
            prop_assert!(number.is_some_and(|number| number <= lines + 1), "{told}");
            prop_assert!(!told.contains(char::is_control), "{told:?}");
        }
    }
}
