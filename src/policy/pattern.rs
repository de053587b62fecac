//! Patterns for role names, in which `*` stands for any run of characters.

use std::collections::HashSet;

use memchr::memmem::Finder;
use thiserror::Error;

use crate::charset::{all_of, is_iam_name_byte};

/// A compiled set of role patterns.
///
/// A name is matched whole and case counts. Work is linear in the name for each pattern with a `*` (its
/// literal pieces are searched for one after the other, and a piece never has to be given back) and constant
/// for all others together.
#[derive(Clone, Debug, Default)]
pub(super) struct RolePatterns {
    exact: HashSet<Box<str>>,
    wild: Vec<Wild>,
}

/// The literal pieces of a pattern with at least one `*`.
#[derive(Clone, Debug)]
struct Wild {
    prefix: Box<str>,
    middle: Vec<Finder<'static>>,
    suffix: Box<str>,
}

impl RolePatterns {
    /// Longest pattern, in bytes: a role name has at most 64, and `*` may stand between all of them.
    const MAX_LENGTH: usize = 128;

    /// Adds one pattern.
    pub(super) fn add(&mut self, pattern: &str) -> Result<(), InvalidRolePattern> {
        if pattern.is_empty() {
            return Err(InvalidRolePattern::Empty);
        }
        // `*` alone lets in every role of the account; whoever wants that says so by name.
        if pattern.bytes().all(|b| b == b'*') {
            return Err(InvalidRolePattern::MatchesAll);
        }
        if !all_of(pattern.as_bytes(), 1, Self::MAX_LENGTH, |b| is_iam_name_byte(b) || b == b'*') {
            return Err(InvalidRolePattern::Form);
        }
        match pattern.split_once('*') {
            None => {
                self.exact.insert(pattern.into());
            }
            Some((prefix, rest)) => {
                let (middle, suffix) = rest.rsplit_once('*').unwrap_or(("", rest));
                let middle = middle.split('*').filter(|piece| !piece.is_empty());
                self.wild.push(Wild {
                    prefix: prefix.into(),
                    middle: middle.map(|piece| Finder::new(piece).into_owned()).collect(),
                    suffix: suffix.into(),
                });
            }
        }
        Ok(())
    }

    /// Adds the patterns of a comma-separated text; blanks around each are dropped.
    pub(super) fn add_list(&mut self, list: &str) -> Result<(), InvalidRolePattern> {
        list.split(',').try_for_each(|pattern| self.add(pattern.trim_matches([' ', '\t'])))
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
        self.exact.contains(role) || self.wild.iter().any(|wild| wild.matches(role.as_bytes()))
    }
}

impl Wild {
    fn matches(&self, name: &[u8]) -> bool {
        self.matches_by(name, Finder::find)
    }

    /// As [`matches`](Self::matches), with the search given, so that a test can count what it looks at.
    fn matches_by(
        &self,
        name: &[u8],
        mut find: impl FnMut(&Finder<'static>, &[u8]) -> Option<usize>,
    ) -> bool {
        let Some(rest) = name.strip_prefix(self.prefix.as_bytes()) else { return false };
        let Some(mut rest) = rest.strip_suffix(self.suffix.as_bytes()) else { return false };
        // The leftmost place for each piece leaves the most room for the next, so none is tried twice.
        for piece in &self.middle {
            let Some(found) = find(piece, rest) else { return false };
            rest = rest.get(found + piece.needle().len()..).unwrap_or_default();
        }
        true
    }
}

/// Why a text is not a role pattern.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidRolePattern {
    /// An empty pattern: an empty list, or one with a comma too many.
    #[error("role pattern is empty")]
    Empty,
    /// A character that no role name has (blanks among them), or more than 128 characters.
    #[error("role pattern has a character that no role name has, or is too long")]
    Form,
    /// Nothing but `*`: use `any_role` to say that every role will do.
    #[error("role pattern matches every role; allow any role by name instead")]
    MatchesAll,
}

#[cfg(test)]
mod tests {
    use super::{InvalidRolePattern, RolePatterns};

    fn matches(pattern: &str, role: &str) -> bool {
        let mut patterns = RolePatterns::default();
        patterns.add(pattern).expect(pattern);
        patterns.matches(role)
    }

    #[test]
    fn a_star_is_any_run_of_characters() {
        for (pattern, role, want) in [
            ("agents", "agents", true),
            ("agents", "agents2", false),
            ("agents", "Agents", false),
            ("agents-*", "agents-", true),
            ("agents-*", "agents-a", true),
            ("agents-*", "my-agents-a", false),
            ("*-agents", "ci-agents", true),
            ("*-agents", "ci-agents-x", false),
            ("*agents*", "evil-agents-x", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("ab*ba", "abba", true),
            ("a**b", "ab", true),
            ("*a*a*", "a", false),
            ("*a*a*", "xaxax", true),
            ("a.c*", "abc", false),
        ] {
            assert_eq!(matches(pattern, role), want, "{pattern} on {role}");
        }
    }

    /// How many bytes the comparisons and searches of one match go over, and its outcome.
    fn steps(pattern: &str, role: &str) -> (usize, bool) {
        let mut patterns = RolePatterns::default();
        patterns.add(pattern).expect(pattern);
        let [wild] = patterns.wild.as_slice() else { panic!("{pattern} has no star") };
        let mut steps = wild.prefix.len() + wild.suffix.len();
        let outcome = wild.matches_by(role.as_bytes(), |piece, rest| {
            let found = piece.find(rest);
            // What a search has gone over is never searched again; one that fails is the last.
            steps += found.map_or(rest.len(), |place| place + piece.needle().len());
            found
        });
        (steps, outcome)
    }

    #[test]
    fn work_is_at_most_the_bytes_of_name_and_pattern() {
        let mut roles: Vec<String> =
            ["a", "b", "ab", "ba", "aab"].map(|unit| unit.repeat(64 / unit.len())).into();
        roles.extend(["a".repeat(63) + "b", "b".to_owned() + &"a".repeat(63), "ab".to_owned()]);
        let mut tried = 0;
        for unit in ["*a", "a*", "*ab", "*aab", "*aaaaaaa", "**ab", "a*b*", "*b*a", "*ba*ab"] {
            for pattern in (1..=128 / unit.len()).map(|times| unit.repeat(times)) {
                for end in ["", "*", "b", "*c"] {
                    let pattern = format!("{pattern}{end}");
                    for role in roles.iter().filter(|_| pattern.len() <= RolePatterns::MAX_LENGTH) {
                        let (steps, outcome) = steps(&pattern, role);
                        assert!(steps <= role.len() + pattern.len(), "{steps} for {pattern} on {role}");
                        assert_eq!(outcome, matches(&pattern, role), "{pattern} on {role}");
                        tried += 1;
                    }
                }
            }
        }
        assert!(tried > 5_000, "{tried}");
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (pattern, want) in [
            ("", InvalidRolePattern::Empty),
            ("*", InvalidRolePattern::MatchesAll),
            ("***", InvalidRolePattern::MatchesAll),
            (" a", InvalidRolePattern::Form),
            ("a b", InvalidRolePattern::Form),
            ("a/b", InvalidRolePattern::Form),
            ("a?", InvalidRolePattern::Form),
            (&"a".repeat(129), InvalidRolePattern::Form),
        ] {
            assert_eq!(RolePatterns::default().add(pattern), Err(want), "{pattern:?}");
        }
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
