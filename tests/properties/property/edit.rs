//! Edits of a text that know its joints: what random bytes seldom do to a URL, an ARN or a document.

/// A small generator of pseudo-random numbers (xorshift64*), so that an edit is a function of its seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`, or zero if there is none.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap_or_default();
        if limit == 0 { 0 } else { drawn % limit }
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or_default()
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a [u8] {
        words.get(self.below(words.len())).map_or(b"", |word| word.as_bytes())
    }
}

/// What stands between the pieces of a URL, an ARN, a pattern, a document or a list.
const JOINTS: &[u8] = b"&=?/:;<>%,* {}\n";

/// `input` with one edit; `words` are what its grammar knows.
pub(crate) fn edit(input: &[u8], words: &[&str], seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    // Joints are pieces of their own.
    let mut pieces: Vec<&[u8]> = input.chunk_by(|a, b| !JOINTS.contains(a) && !JOINTS.contains(b)).collect();
    if pieces.is_empty() {
        return random.one_of(words).to_vec();
    }
    let (from, to) = (random.below(pieces.len()), random.below(pieces.len()));
    let run = (1 + random.below(6)).min(pieces.len() - from);
    let changed;
    match random.below(12) {
        // Whole pieces: left out, doubled, moved, many times, swapped.
        0 => drop(pieces.drain(from..from + run)),
        1 => pieces = [&pieces[..to], &pieces[from..from + run], &pieces[to..]].concat(),
        2 => {
            let moved: Vec<&[u8]> = pieces.drain(from..from + run).collect();
            let at = to.min(pieces.len());
            pieces.splice(at..at, moved);
        }
        3 => {
            let many = pieces[from..from + run].repeat(1 << random.below(8));
            pieces.splice(to..to, many);
        }
        4 => pieces.swap(from, to),
        // Words: in the place of a piece, or between two.
        5 => pieces[from] = random.one_of(words),
        6 => pieces.insert(to, random.one_of(words)),
        // One piece, written in another way.
        7 => {
            changed =
                pieces[from].iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect::<Vec<u8>>();
            pieces[from] = &changed;
        }
        8 => {
            changed = recased(pieces[from], &mut random);
            pieces[from] = &changed;
        }
        // Single bytes.
        9 => return escaped(input, &mut random),
        10 => return one_byte(input, &mut random),
        _ => return unescaped(input, &mut random),
    }
    pieces.concat()
}

/// Joints are pieces of their own.
fn pieces(input: &[u8]) -> Vec<&[u8]> {
    input.chunk_by(|a, b| !JOINTS.contains(a) && !JOINTS.contains(b)).collect()
}

/// `input` with each word in the place of each piece and before it, with each piece left out and doubled, and with
/// each byte replaced by each of ASCII's.
pub(crate) fn each_edit(input: &[u8], words: &[&str], mut check: impl FnMut(&[u8])) {
    let pieces = pieces(input);
    for at in 0..pieces.len() {
        let mut with =
            |middle: &[&[u8]]| check(&[&pieces[..at], middle, &pieces[at + 1..]].concat().concat());
        with(&[]);
        with(&[pieces[at], pieces[at]]);
        for word in words {
            with(&[word.as_bytes()]);
            with(&[word.as_bytes(), pieces[at]]);
        }
    }
    for at in 0..input.len() {
        let mut text = input.to_vec();
        for byte in 0..=127 {
            text[at] = byte;
            check(&text);
        }
    }
}

/// `input` with a few edits.
pub(crate) fn edits(input: &[u8], words: &[&str], seeds: &[u64]) -> Vec<u8> {
    seeds.iter().fold(input.to_vec(), |text, &seed| edit(&text, words, seed))
}

/// In lower case, or in upper case.
fn recased(piece: &[u8], random: &mut Random) -> Vec<u8> {
    if random.below(2) == 0 { piece.to_ascii_lowercase() } else { piece.to_ascii_uppercase() }
}

/// One byte as an escape, in either case.
fn escaped(input: &[u8], random: &mut Random) -> Vec<u8> {
    let mut text = input.to_vec();
    let at = random.below(input.len());
    if let Some(&byte) = input.get(at) {
        let escape = if random.below(2) == 0 { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
        text.splice(at..=at, escape.into_bytes());
    }
    text
}

/// One escape as the byte that it stands for.
fn unescaped(input: &[u8], random: &mut Random) -> Vec<u8> {
    let mut text = input.to_vec();
    let places: Vec<usize> =
        input.iter().enumerate().filter(|(_, byte)| **byte == b'%').map(|(at, _)| at).collect();
    let Some(&at) = places.get(random.below(places.len())) else { return one_byte(input, random) };
    let digits = input.get(at + 1..at + 3).and_then(|digits| str::from_utf8(digits).ok());
    if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
        text.splice(at..at + 3, [byte]);
    }
    text
}

/// One byte changed, folded, put in or left out.
fn one_byte(input: &[u8], random: &mut Random) -> Vec<u8> {
    let mut text = input.to_vec();
    let at = random.below(input.len());
    match (random.below(5), text.get_mut(at)) {
        (0, Some(byte)) => *byte = random.byte(),
        (1, Some(byte)) => *byte ^= 0x20,
        (2, Some(byte)) => *byte = byte.wrapping_add(1),
        (3, Some(_)) => drop(text.remove(at)),
        _ => text.insert(at, random.byte()),
    }
    text
}
