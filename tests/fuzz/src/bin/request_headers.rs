//! The fuzzer of [`targets::request_headers`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::request_headers::check(bytes));
