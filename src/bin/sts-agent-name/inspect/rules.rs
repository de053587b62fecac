//! Every rule that is judged without STS, in the order of judgement.
//!
//! `Verifier::begin_with_challenge` looks at the challenge, then `PresignedUrl::parse_with` at the text, then `begin`
//! at what the text says, then the policy at what it can foresee.

use self::Needs::{Account, Audience, Challenge, Hint, Issuer, Nothing};
use self::Shows::{Age, Blank, Host, Length, Now, Path, Signature, Token, Value};

/// One rule: which codes it refuses with, and what is shown beside it.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    pub(crate) codes: &'static [&'static str],
    pub(crate) stage: Stage,
    pub(crate) needs: Needs,
    pub(crate) shows: Shows,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// Judged one after the other.
    Alone,
    /// Judged in one pass from left to right: one that fails leaves the others of the pass open.
    Query,
    /// As `Alone`, and after the text has been parsed and rebuilt.
    Parsed,
}

/// What must be known for a rule to be judged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Needs {
    Account,
    Audience,
    Challenge,
    /// A policy that the account in the key ID counts for.
    Hint,
    /// The keys of the server that issued a challenge, which nobody else has.
    Issuer,
    Nothing,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shows {
    Age,
    Blank,
    Host,
    Length,
    Now,
    Path,
    Signature,
    Token,
    /// The value of this parameter.
    Value(&'static str),
}

const fn rule(
    stage: Stage,
    name: &'static str,
    codes: &'static [&'static str],
    shows: Shows,
    text: &'static str,
) -> Rule {
    Rule { name, text, codes, stage, needs: Nothing, shows }
}

const fn given(needs: Needs, name: &'static str, codes: &'static [&'static str], text: &'static str) -> Rule {
    Rule { name, text, codes, stage: Stage::Parsed, needs, shows: Blank }
}

const CHALLENGE_CODES: &[&str] =
    &["challenge_required", "challenge_not_expected", "challenge_invalid", "challenge_expired"];

pub(crate) const RULES: [Rule; 32] = [
    Rule {
        name: "challenge",
        text: "a fresh challenge of this server stands beside it",
        codes: CHALLENGE_CODES,
        stage: Stage::Alone,
        needs: Issuer,
        shows: Blank,
    },
    rule(Stage::Alone, "length", &["too_long"], Length, "at most 8192 bytes, as it came and as rebuilt"),
    rule(Stage::Alone, "scheme", &["not_https"], Blank, "begins with https://"),
    rule(Stage::Alone, "host", &["unknown_host"], Host, "the host is an STS endpoint"),
    rule(Stage::Alone, "endpoint", &["endpoint_not_allowed"], Blank, "the endpoint is accepted here"),
    rule(Stage::Alone, "path", &["invalid_path"], Path, "the path is /"),
    rule(Stage::Query, "query_form", &["malformed_parameter"], Blank, "the query is name=value pieces"),
    rule(Stage::Query, "query_names", &["unknown_parameter"], Blank, "no parameter beside the nine"),
    rule(Stage::Query, "query_once", &["duplicate_parameter"], Blank, "no parameter twice"),
    rule(Stage::Query, "query_bytes", &["forbidden_byte"], Blank, "no byte that must be escaped"),
    rule(Stage::Query, "query_escapes", &["malformed_escape"], Blank, "escapes are whole"),
    rule(Stage::Alone, "required", &["missing_parameter"], Blank, "no required parameter is missing"),
    rule(Stage::Alone, "action", &["wrong_action"], Value("Action"), "Action is GetCallerIdentity"),
    rule(Stage::Alone, "version", &["wrong_version"], Value("Version"), "Version is 2011-06-15"),
    rule(
        Stage::Alone,
        "algorithm",
        &["wrong_algorithm"],
        Value("X-Amz-Algorithm"),
        "the algorithm is AWS4-HMAC-SHA256",
    ),
    rule(Stage::Alone, "date", &["invalid_date"], Value("X-Amz-Date"), "X-Amz-Date is a date"),
    rule(
        Stage::Alone,
        "credential",
        &["invalid_credential"],
        Value("X-Amz-Credential"),
        "X-Amz-Credential is five parts",
    ),
    rule(Stage::Alone, "access_key", &["invalid_access_key"], Blank, "its first part is an access key ID"),
    rule(Stage::Alone, "scope", &["wrong_scope"], Blank, "its scope is the day, the host's region and sts"),
    rule(
        Stage::Alone,
        "expires",
        &["invalid_expires"],
        Value("X-Amz-Expires"),
        "X-Amz-Expires is 1 to 604800, or left out",
    ),
    rule(
        Stage::Alone,
        "signed_headers",
        &["invalid_signed_headers"],
        Value("X-Amz-SignedHeaders"),
        "the signed headers are a sorted list with host",
    ),
    rule(Stage::Alone, "session_token", &["invalid_session_token"], Token, "the session token is one"),
    rule(Stage::Alone, "signature", &["invalid_signature"], Signature, "the signature is 64 hex digits"),
    rule(
        Stage::Parsed,
        "no_other_header",
        &["unexpected_signed_header"],
        Blank,
        "no header is signed that the server does not send",
    ),
    given(Audience, "audience", &["audience_not_signed"], "the audience is signed"),
    given(Challenge, "challenge_signed", &["challenge_not_signed"], "the challenge is signed"),
    rule(Stage::Parsed, "temporary", &["long_term_credentials"], Blank, "the credentials are temporary"),
    rule(Stage::Parsed, "token_present", &["missing_session_token"], Blank, "their session token is there"),
    rule(Stage::Parsed, "not_ahead", &["not_yet_valid"], Now, "not signed in the future"),
    rule(Stage::Parsed, "not_old", &["expired"], Age, "not too old"),
    given(Account, "partition", &["partition_not_allowed"], "the endpoint is in the account's partition"),
    given(Hint, "key_account", &["access_key_account_not_allowed"], "the access key names no other account"),
];

/// Which rule refuses with this code.
pub(crate) fn position(code: &str) -> Option<usize> {
    RULES.iter().position(|rule| rule.codes.contains(&code))
}
