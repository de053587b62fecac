//! Why a signature does not stand.

use thiserror::Error;

/// The rule that a request breaks. Never carries a part of the request.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Mismatch {
    /// `X-Amz-Algorithm` is not `AWS4-HMAC-SHA256`.
    #[error("algorithm is not AWS4-HMAC-SHA256")]
    Algorithm,
    /// `X-Amz-Credential` is not `key/day/region/service/aws4_request`.
    #[error("credential is not a key and a four-part scope")]
    Credential,
    /// `X-Amz-Date` is not a real date of the form `YYYYMMDDThhmmssZ`.
    #[error("date is not a basic ISO 8601 date and time in UTC")]
    Date,
    /// The day in the scope is not the day of `X-Amz-Date`.
    #[error("day of the scope is not the day of the date")]
    Day,
    /// A parameter that must be unique is there twice.
    #[error("parameter {0} is there twice")]
    DuplicateParameter(&'static str),
    /// A `%` without two hex digits after it, or a value that must be text and is not UTF-8.
    #[error("query has a malformed escape")]
    Escape,
    /// A header of `X-Amz-SignedHeaders` did not come with the request.
    #[error("a signed header is missing")]
    MissingHeader,
    /// A parameter without which there is nothing to check.
    #[error("parameter {0} is missing")]
    MissingParameter(&'static str),
    /// The form was kept, and the signature is another one.
    #[error("signature is not the one of this request and this secret")]
    Signature,
    /// `X-Amz-Signature` is not 64 lower-case hex digits.
    #[error("signature is not 64 lower-case hex digits")]
    SignatureForm,
    /// `X-Amz-SignedHeaders` is not sorted, lower-case, free of repetition, or leaves out `host`.
    #[error("signed headers are not a sorted list with host in it")]
    SignedHeaders,
    /// The request has an `x-amz-` header that was not signed.
    #[error("an x-amz- header is not signed")]
    UnsignedHeader,
}
