//! See `exercise::settings`.
#![no_main]

#[path = "../exercise.rs"]
#[allow(dead_code, reason = "one target exercises one thing")]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exercise::settings(bytes));
