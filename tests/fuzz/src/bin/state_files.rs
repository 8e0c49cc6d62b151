//! The fuzzer of [`targets::state_files`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::state_files::check(bytes));
