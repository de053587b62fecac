//! How inputs are changed: by libFuzzer, and by edits that know the joints of the text.

use libfuzzer_sys::fuzzer_mutate;

use crate::property::edit;

/// Changes the first `size` bytes of `data` and returns how many there are now.
pub(crate) fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32, words: &[&str]) -> usize {
    if seed.is_multiple_of(2) {
        return fuzzer_mutate(data, size, max_size);
    }
    let mut edited = edit::edit(&data[..size], words, u64::from(seed));
    edited.truncate(max_size);
    data[..edited.len()].copy_from_slice(&edited);
    edited.len()
}
