//! Role patterns against a naive matcher, through the whole decision: a policy with the pattern, a caller with
//! the role.

use sts_agent_name::policy::{
    InvalidPolicy, InvalidRolePattern, InvalidRule, Policy, PolicyBuilder, Refusal,
};
use sts_agent_name::server::{Verifier, VerifyError};

use super::verify_decision::verifier;
use super::{EVIDENCE, is_iam_name, now, reply};

pub(crate) const WORDS: &[&str] = &[
    "*",
    "**",
    "a*",
    "*a",
    ",",
    ", ",
    "agent",
    "agents-",
    "semaphore-agent-*",
    "ab",
    "ba",
    "\n",
    " ",
    "A",
    "_+=.@-",
];

/// The first line is a list of patterns (and, taken whole, one pattern), the second a role.
pub(crate) fn check(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let (list, role) = text.split_once('\n').unwrap_or((text, "ci-agent"));
    check_one(list, role);
    check_list(list, role);
    check_long_list(list, role);
}

/// One pattern, in which a comma is a character as any other.
pub(crate) fn check_one(pattern: &str, role: &str) {
    let built = builder().role(pattern).build();
    match fault(pattern) {
        Some(fault) => assert_eq!(built.err(), Some(refused(fault)), "{pattern:?}"),
        None => decides(&built.expect("a good pattern makes a policy"), role, matches(pattern, role)),
    }
}

/// Patterns between commas, with blanks around them.
pub(crate) fn check_list(list: &str, role: &str) {
    let patterns: Vec<&str> = list.split(',').map(|pattern| pattern.trim_matches([' ', '\t'])).collect();
    let built = builder().roles(list).build();
    if let Some(fault) = patterns.iter().find_map(|pattern| fault(pattern)) {
        assert_eq!(built.err(), Some(refused(fault)), "{list:?}");
    } else {
        let wanted = patterns.iter().any(|pattern| matches(pattern, role));
        decides(&built.expect("good patterns make a policy"), role, wanted);
    }
}

/// A list that is long enough to be searched by an index: the pieces of the given patterns, put together anew.
pub(crate) fn check_long_list(list: &str, role: &str) {
    let pieces: Vec<&str> =
        list.split([',', '*', ' ', '\t']).filter(|piece| !piece.is_empty()).take(6).collect();
    let pairs = pieces.iter().flat_map(|one| pieces.iter().map(move |two| format!("{one}*{two}")));
    let others = ["*x*y*", "x*", "*y", "*a*b*", "b*a", "*aa*", "ab*", "*-agent*", "ci-*", "*z*"];
    let patterns: Vec<String> =
        list.split(',').map(str::to_owned).chain(pairs).chain(others.map(str::to_owned)).collect();
    // Left out in turn, since one that matches would hide what the others do.
    for skip in 0..3 {
        let some = patterns.iter().skip(skip).step_by(2).chain(&patterns[patterns.len() - others.len()..]);
        let some: Vec<&str> = some.map(|pattern| pattern.trim_matches([' ', '\t'])).collect();
        check_list(&some.join(","), role);
    }
}

fn builder() -> PolicyBuilder {
    Policy::builder().account("123456789012")
}

fn refused(fault: InvalidRolePattern) -> InvalidPolicy {
    InvalidPolicy::Rule(InvalidRule::RolePattern(fault))
}

/// What the policy says of a caller with this role.
fn decides(policy: &Policy, role: &str, wanted: bool) {
    if !is_iam_name(role, 1, 64) {
        return;
    }
    let verifier: &Verifier = verifier();
    let exchange = verifier.begin(EVIDENCE, policy, now()).expect("good evidence");
    let session = "i-0123456789abcdef0";
    let arn = format!("arn:aws:sts::123456789012:assumed-role/{role}/{session}");
    let body = reply::render(&arn, &format!("AROADBQP57FF2AEXAMPLE:{session}"), "123456789012");
    match exchange.finish(200, Some("text/xml"), body.as_bytes()) {
        Ok(agent) => {
            assert!(wanted, "let in: {policy:?} on {role}");
            assert_eq!(agent.identity().arn().as_str(), arn);
        }
        Err(VerifyError::Refused(Refusal::Role(_))) => assert!(!wanted, "shut out: {policy:?} on {role}"),
        Err(other) => panic!("{other:?}"),
    }
}

/// What keeps a text from being a pattern.
pub(crate) fn fault(pattern: &str) -> Option<InvalidRolePattern> {
    let literal = pattern.replace('*', "");
    if pattern.is_empty() {
        Some(InvalidRolePattern::Empty)
    } else if literal.is_empty() {
        Some(InvalidRolePattern::MatchesAll)
    } else if pattern.len() > 128 || !is_iam_name(&literal, 1, 128) {
        Some(InvalidRolePattern::Form)
    } else if literal.len() > 64 {
        Some(InvalidRolePattern::Unmatchable)
    } else {
        None
    }
}

/// A table of which beginnings of the pattern match which beginnings of the name: slow, and plainly right.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for wanted in pattern.bytes() {
        let mut next = vec![false; name.len() + 1];
        for place in 0..=name.len() {
            next[place] = if wanted == b'*' {
                reached[place] || (place > 0 && next[place - 1])
            } else {
                place > 0 && reached[place - 1] && name.as_bytes()[place - 1] == wanted
            };
        }
        reached = next;
    }
    reached[name.len()]
}
