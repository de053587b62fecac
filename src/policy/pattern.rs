//! One pattern for role names, in which `*` stands for any run of characters.

use memchr::memmem::Finder;
use thiserror::Error;

use crate::charset::{all_of, is_iam_name_byte};

/// A role pattern, taken apart.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// Without `*`: one name.
    Exact(Box<str>),
    /// With at least one `*`.
    Wild(Wild),
}

/// The literal pieces of a pattern with at least one `*`.
///
/// A name is matched whole and case counts. Work is linear in the name: the pieces are searched for one after the
/// other, and a piece never has to be given back.
#[derive(Clone, Debug)]
pub(super) struct Wild {
    prefix: Box<str>,
    middle: Vec<Finder<'static>>,
    suffix: Box<str>,
}

impl Pattern {
    /// Longest pattern, in bytes: a role name has at most 64, and `*` may stand between all of them.
    pub(super) const MAX_LENGTH: usize = 128;

    /// Longest role name, in bytes ([IAM and STS quotas]).
    ///
    /// [IAM and STS quotas]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    const LONGEST_NAME: usize = 64;

    /// Reads one pattern.
    pub(super) fn parse(pattern: &str) -> Result<Self, InvalidRolePattern> {
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
        // A pattern that can match nothing is a mistake, and the operator should hear of it.
        if pattern.bytes().filter(|&b| b != b'*').count() > Self::LONGEST_NAME {
            return Err(InvalidRolePattern::Unmatchable);
        }
        let Some((prefix, rest)) = pattern.split_once('*') else {
            return Ok(Self::Exact(pattern.into()));
        };
        let (middle, suffix) = rest.rsplit_once('*').unwrap_or(("", rest));
        let middle = middle.split('*').filter(|piece| !piece.is_empty());
        Ok(Self::Wild(Wild {
            prefix: prefix.into(),
            middle: middle.map(|piece| Finder::new(piece).into_owned()).collect(),
            suffix: suffix.into(),
        }))
    }
}

impl Wild {
    /// The literal pieces, each of which a name that matches must hold. There is at least one.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let ends = [self.prefix.as_bytes(), self.suffix.as_bytes()];
        let middle = self.middle.iter().map(Finder::needle);
        ends.into_iter().chain(middle).filter(|piece| !piece.is_empty())
    }

    /// Whether the pattern matches the whole of `name`.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
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
    /// More than 10,000 patterns in one rule.
    #[error("a rule has more than 10000 role patterns")]
    TooMany,
    /// More than 64 characters beside `*`: no role name is as long.
    #[error("role pattern is longer than any role name")]
    Unmatchable,
}

#[cfg(test)]
mod tests {
    use super::{InvalidRolePattern, Pattern};

    fn matches(pattern: &str, role: &str) -> bool {
        match Pattern::parse(pattern).expect(pattern) {
            Pattern::Exact(name) => &*name == role,
            Pattern::Wild(wild) => wild.matches(role.as_bytes()),
        }
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
        let Ok(Pattern::Wild(wild)) = Pattern::parse(pattern) else { panic!("{pattern} has no star") };
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
                    for role in roles.iter().filter(|_| Pattern::parse(&pattern).is_ok()) {
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
            (&"a".repeat(65), InvalidRolePattern::Unmatchable),
            (&("*".to_owned() + &"a*".repeat(65)), InvalidRolePattern::Form),
            (&("a*".repeat(33) + &"b".repeat(32)), InvalidRolePattern::Unmatchable),
        ] {
            assert_eq!(Pattern::parse(pattern).err(), Some(want), "{pattern:?}");
        }
    }
}
