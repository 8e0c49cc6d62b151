//! The fuzzer of [`targets::store_replies`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::store_replies::check(bytes));
