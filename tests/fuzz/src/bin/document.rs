//! The fuzzer of [`targets::document`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::document::check(bytes));
