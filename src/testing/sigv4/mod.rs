//! A second opinion on Signature Version 4: an independent checker of query-string signatures.
//!
//! ```text
//! method, path, query, headers ─▶ canonical request ─▶ string to sign ─▶ signature  ==  X-Amz-Signature ?
//! ```
//!
//! Written from the AWS documentation ([creating a signed request], [query parameters]) and sharing no code
//! with the signer that it checks. It does what the service does: the query is decoded and encoded anew, so the
//! spelling of an escape does not count, its meaning does. It is pure: [`check`] proves that the holder of the
//! secret signed exactly this request, and says nothing about its age, its scope or its action.
//!
//! ```
//! use sts_agent_name::testing::sigv4::{self, Mismatch, ReceivedRequest};
//!
//! let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
//! let query = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
//!     &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260101%2Fus-east-1%2Fsts%2Faws4_request\
//!     &X-Amz-Date=20260101T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=";
//! let unsigned = format!("{query}{}", "0".repeat(64));
//! let request = ReceivedRequest::new("GET", "/", &unsigned).header("Host", "sts.us-east-1.amazonaws.com");
//! assert_eq!(sigv4::check(&request, secret), Err(Mismatch::Signature));
//!
//! let stages = sigv4::stages(&request, secret)?;
//! assert!(stages.canonical_request().starts_with("GET\n/\nAction=GetCallerIdentity&Version=2011-06-15&"));
//! assert!(stages.string_to_sign().starts_with("AWS4-HMAC-SHA256\n20260101T000000Z\n20260101/us-east-1/sts/"));
//!
//! let signed = format!("{query}{}", stages.signature());
//! let request = ReceivedRequest::new("GET", "/", &signed).header("Host", "sts.us-east-1.amazonaws.com");
//! assert_eq!(sigv4::check(&request, secret), Ok(()));
//! # Ok::<(), Mismatch>(())
//! ```
//!
//! [creating a signed request]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
//! [query parameters]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html

mod authorization;
mod canonical;
mod date;
mod mismatch;
mod query;
mod request;
mod stages;

pub(in crate::testing) use authorization::Authorization;
pub(in crate::testing) use date::amz_date;
pub use mismatch::Mismatch;
pub(in crate::testing) use query::Query;
pub use request::ReceivedRequest;
pub use stages::Stages;

/// Whether `request` was signed, as received, by the holder of `secret`.
///
/// The signatures are compared in constant time.
///
/// # Errors
///
/// The first rule that the request breaks; [`Mismatch::Signature`] if it keeps the form and was signed with
/// another secret or for another request. See [`Mismatch`].
pub fn check(request: &ReceivedRequest<'_>, secret: &str) -> Result<(), Mismatch> {
    Authorization::read(request)?.check(request, secret)
}

/// The stages between `request` and the signature that `secret` gives it.
///
/// # Errors
///
/// As [`check`], but for [`Mismatch::Signature`]: the signature that came with the request is not looked at,
/// beyond its form.
pub fn stages(request: &ReceivedRequest<'_>, secret: &str) -> Result<Stages, Mismatch> {
    Authorization::read(request)?.stages(request, secret)
}
