//! `CallerIdentity::from_reply` agrees with a second reader of XML.

#![no_main]

#[path = "../mutate.rs"]
mod mutate;
#[path = "../../tests/properties/property/mod.rs"]
mod property;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|input: &[u8]| property::reply::check(input));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate(data, size, max_size, seed, property::reply::WORDS)
});
