//! The fuzzer of [`targets::plugin_config`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::plugin_config::check(bytes));
