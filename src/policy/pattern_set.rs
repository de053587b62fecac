//! A compiled set of role patterns.

use core::cmp::Reverse;
use core::fmt;
use std::collections::{HashMap, HashSet};

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::pattern::{InvalidRolePattern, Pattern, Wild};

/// Up to so many patterns are tried one by one: that is quicker than a search for all at once.
const FEW: usize = 8;
/// Most patterns in one set: what is set up for them stays within a few megabytes.
const MOST: usize = 10_000;
/// How many pieces one automaton looks for: so many bits note which were seen, without an allocation.
const CHUNK: usize = 1024;

/// The role patterns of one rule: names without `*` in a hash table, all others behind an index.
///
/// A name is matched whole and case counts. Work is linear in the name for each pattern that could match, and
/// those are found by one pass over the name for each 1,024 patterns.
#[derive(Clone, Debug, Default)]
pub(super) struct RolePatterns {
    exact: HashSet<Box<str>>,
    wild: Vec<Wild>,
    /// `None`: every pattern is tried.
    index: Option<Vec<Chunk>>,
}

/// Up to [`CHUNK`] literal pieces that are searched for together, and the patterns that each stands for.
#[derive(Clone)]
struct Chunk {
    pieces: AhoCorasick,
    /// By piece, positions in [`RolePatterns::wild`].
    patterns: Vec<Vec<usize>>,
}

impl RolePatterns {
    /// Adds one pattern.
    pub(super) fn add(&mut self, pattern: &str) -> Result<(), InvalidRolePattern> {
        if self.exact.len().saturating_add(self.wild.len()) >= MOST {
            return Err(InvalidRolePattern::TooMany);
        }
        match Pattern::parse(pattern)? {
            Pattern::Exact(name) => drop(self.exact.insert(name)),
            Pattern::Wild(wild) => self.wild.push(wild),
        }
        // An index over fewer patterns would not find this one.
        self.index = None;
        Ok(())
    }

    /// Adds the patterns of a comma-separated text; blanks around each are dropped.
    pub(super) fn add_list(&mut self, list: &str) -> Result<(), InvalidRolePattern> {
        list.split(',').try_for_each(|pattern| self.add(pattern.trim_matches([' ', '\t'])))
    }

    /// Sets up the search for many patterns at once. Changes no outcome.
    pub(super) fn compile(&mut self) {
        if self.wild.len() > FEW {
            self.index = index(&self.wild);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.wild.is_empty()
    }

    /// Whether all names that match are one name.
    pub(super) fn is_single(&self) -> bool {
        self.exact.len() == 1 && self.wild.is_empty()
    }

    /// Whether one of the patterns matches the whole of `role`.
    pub(super) fn matches(&self, role: &str) -> bool {
        let role_bytes = role.as_bytes();
        self.exact.contains(role)
            || match &self.index {
                None => self.wild.iter().any(|wild| wild.matches(role_bytes)),
                Some(chunks) => chunks.iter().any(|chunk| chunk.matches(role_bytes, &self.wild)),
            }
    }
}

/// Finds each pattern by one of its pieces: by the one that the fewest patterns have, and of those the longest.
fn index(wild: &[Wild]) -> Option<Vec<Chunk>> {
    let mut shared: HashMap<&[u8], usize> = HashMap::new();
    for piece in wild.iter().flat_map(Wild::pieces) {
        *shared.entry(piece).or_default() += 1;
    }
    let mut by_piece: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (position, pattern) in wild.iter().enumerate() {
        let piece = pattern.pieces().min_by_key(|piece| (shared.get(piece), Reverse(piece.len())))?;
        by_piece.entry(piece).or_default().push(position);
    }
    let by_piece: Vec<(&[u8], Vec<usize>)> = by_piece.into_iter().collect();
    by_piece.chunks(CHUNK).map(Chunk::new).collect()
}

impl Chunk {
    fn new(by_piece: &[(&[u8], Vec<usize>)]) -> Option<Self> {
        // A name has at most 64 bytes, so nothing is to be gained by skipping ahead, and little by a table for all
        // bytes of all states, which would take half a kilobyte for each byte of a pattern.
        let builder =
            AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).prefilter(false).clone();
        let pieces = builder.build(by_piece.iter().map(|(piece, _)| piece)).ok()?;
        Some(Self { pieces, patterns: by_piece.iter().map(|(_, patterns)| patterns.clone()).collect() })
    }

    /// Tries the patterns whose piece stands in `role`, each once however often its piece does.
    fn matches(&self, role: &[u8], wild: &[Wild]) -> bool {
        let mut seen = Seen::default();
        self.pieces.find_overlapping_iter(role).map(|found| found.pattern().as_usize()).any(|piece| {
            seen.is_new(piece)
                && self
                    .patterns
                    .get(piece)
                    .into_iter()
                    .flatten()
                    .any(|&position| wild.get(position).is_some_and(|pattern| pattern.matches(role)))
        })
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk").field("pieces", &self.patterns.len()).finish_non_exhaustive()
    }
}

/// Which of [`CHUNK`] pieces were seen.
struct Seen([u64; CHUNK / 64]);

impl Default for Seen {
    fn default() -> Self {
        Self([0; CHUNK / 64])
    }
}

impl Seen {
    /// Whether the piece is seen for the first time.
    fn is_new(&mut self, piece: usize) -> bool {
        let Some(word) = self.0.get_mut(piece / 64) else { return true };
        let bit = 1 << (piece % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, FEW, InvalidRolePattern, MOST, RolePatterns, Seen};

    /// A pattern is tried once however often its piece stands in a name, so work is linear in the name.
    #[test]
    fn a_piece_is_new_once() {
        let mut seen = Seen::default();
        for piece in 0..CHUNK {
            assert_eq!([seen.is_new(piece), seen.is_new(piece)], [true, false], "{piece}");
        }
    }

    /// The index finds what trying each pattern finds, however pieces overlap, repeat and are shared.
    #[test]
    fn an_index_changes_no_outcome() {
        let units = ["a", "b", "ab", "ba", "aa", "a*", "*b", "*"];
        let mut patterns = RolePatterns::default();
        let mut tried = 0;
        for one in units {
            for two in units {
                for three in units {
                    let pattern = [one, two, three].concat();
                    // Some are left out, so that there are names which nothing matches.
                    if pattern.len() % 3 == 0 && patterns.add(&pattern).is_ok() {
                        let mut compiled = patterns.clone();
                        compiled.compile();
                        assert_eq!(compiled.index.is_some(), compiled.wild.len() > FEW);
                        for role in ["a", "b", "ab", "ba", "aab", "abba", "babab", "aaaa", "bbbbb", "c"] {
                            assert_eq!(compiled.matches(role), patterns.matches(role), "{pattern} on {role}");
                            tried += 1;
                        }
                    }
                }
            }
        }
        assert!(tried > 500, "{tried}");
    }

    /// More pieces than one automaton looks for; the last is found as the first.
    #[test]
    fn many_patterns_are_all_found() {
        let mut patterns = RolePatterns::default();
        for number in 0..3_000 {
            patterns.add(&format!("team-*-{number:04}")).expect("a pattern");
        }
        patterns.compile();
        assert_eq!(patterns.index.as_ref().map(Vec::len), Some(3));
        for number in 0..3_000 {
            assert!(patterns.matches(&format!("team-x-{number:04}")));
            assert!(!patterns.matches(&format!("team-x-{number:04}x")));
        }
    }

    #[test]
    fn a_set_has_an_end() {
        let mut patterns = RolePatterns::default();
        for number in 0..MOST {
            patterns.add(&format!("team-{number}-*")).expect("a pattern");
        }
        assert_eq!(patterns.add("one-more-*"), Err(InvalidRolePattern::TooMany));
        assert_eq!(patterns.add("one-more"), Err(InvalidRolePattern::TooMany));
    }

    #[test]
    fn a_pattern_that_is_added_to_a_compiled_set_counts() {
        let mut patterns = RolePatterns::default();
        for number in 0..=FEW {
            patterns.add(&format!("team-{number}-*")).expect("a pattern");
        }
        patterns.compile();
        assert!(!patterns.matches("late-1"));
        patterns.add("late-*").expect("a pattern");
        assert!(patterns.matches("late-1") && patterns.matches("team-0-a"));
    }

    #[test]
    fn a_list_is_trimmed_and_must_be_whole() {
        let mut patterns = RolePatterns::default();
        patterns.add_list("role-a, role-b-*\t,role-c").expect("a list");
        for (role, want) in [("role-a", true), ("role-b-1", true), ("role-c", true), (" role-b-1", false)] {
            assert_eq!(patterns.matches(role), want, "{role}");
        }
        for list in ["", "a,", ",a", "a,,b", "a, ,b"] {
            assert_eq!(RolePatterns::default().add_list(list), Err(InvalidRolePattern::Empty), "{list:?}");
        }
    }
}
