//! The fuzzer of [`targets::grpc_calls`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::grpc_calls::check(bytes));
