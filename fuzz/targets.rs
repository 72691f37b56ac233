//! The entry of each fuzz target: libFuzzer's bytes enter the target that has the program's name.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slirec_fuzz::run(env!("CARGO_BIN_NAME"), data));
