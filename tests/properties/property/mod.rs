//! What must hold for any input, one module for each public door.
//!
//! Each has a `check` that takes the input as bytes and panics if its property does not hold. The fuzz targets
//! and the tests around this module call the same functions, so that a machine without a fuzzer has them too.
//! Readers in here are written a second time, from the documents and not from `src/`: they are slow and plain,
//! and share no code with what they judge.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a property that does not hold panics"
)]
#![allow(dead_code, reason = "each fuzz target uses its own part of this module")]

pub(crate) mod arn;
pub(crate) mod edit;
pub(crate) mod policy;
pub(crate) mod presign_verify;
pub(crate) mod presigned_url;
pub(crate) mod reply;
pub(crate) mod role_pattern;
pub(crate) mod settings;
pub(crate) mod verify_decision;

use time::OffsetDateTime;

/// Evidence that a verifier accepts at [`now`].
pub(crate) const EVIDENCE: &str = concat!(
    "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
    "&X-Amz-Algorithm=AWS4-HMAC-SHA256",
    "&X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20260101%2Fus-east-1%2Fsts%2Faws4_request",
    "&X-Amz-Date=20260101T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host",
    "&X-Amz-Security-Token=FAKE",
    "&X-Amz-Signature=1a2fc26dc7ea5a2a4748b7cb2b1ef193d96ab2c99f93092f69e63075b28d1278",
);

/// Half a minute after [`EVIDENCE`] was signed.
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_767_225_630).expect("a moment")
}

/// Whether `text` is `min` to `max` characters, each alphanumeric or one of `others`.
fn is_made_of(text: &str, min: usize, max: usize, others: &str) -> bool {
    (min..=max).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

/// What IAM lets a role, a session and a user be called.
fn is_iam_name(text: &str, min: usize, max: usize) -> bool {
    is_made_of(text, min, max, "_+=,.@-")
}

fn is_instance_id(text: &str) -> bool {
    (text.len() == 10 || text.len() == 19)
        && text.starts_with("i-")
        && text[2..].chars().all(|c| "0123456789abcdef".contains(c))
}

/// `AROA…` and its like: capitals and digits, 16 to 128.
fn is_unique_id(text: &str, kind: &str) -> bool {
    is_made_of(text, 16, 128, "") && text.to_ascii_uppercase() == text && text.get(..4) == Some(kind)
}
