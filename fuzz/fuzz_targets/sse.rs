//! The parser of event streams: any bytes in any chunks give what the plain reference gives.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| everwire::fuzz_sse(input));
