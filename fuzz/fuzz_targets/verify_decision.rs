//! Any evidence through `begin`, any reply through `finish`: nobody outside the policy is let in.

#![no_main]

#[path = "../mutate.rs"]
mod mutate;
#[path = "../../tests/properties/property/mod.rs"]
mod property;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|input: &[u8]| property::verify_decision::check(input));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    // The words of a policy, of evidence or of a reply: any of them fits somewhere.
    let words = match seed / 2 % 4 {
        0 => property::policy::WORDS,
        1 => property::presigned_url::WORDS,
        _ => property::reply::WORDS,
    };
    mutate::mutate(data, size, max_size, seed, words)
});
