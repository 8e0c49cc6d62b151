//! The fuzzer of [`targets::frames`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::frames::check(bytes));
