//! `CallerIdentity::from_reply` against a second reader of XML.
//!
//! Accepted means: the second reader finds the same three texts, each is in its grammar, and all three name one
//! caller. A refusal names the code that the second reader finds.

mod reader;

use sts_agent_name::{ArnResource, CallerIdentity, ReplyError};

pub(crate) use self::reader::{Texts, identity};
use super::{arn, is_made_of, is_unique_id};

/// What the two documents are made of, for edits.
pub(crate) const WORDS: &[&str] = &[
    "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">",
    "</GetCallerIdentityResponse>",
    "<GetCallerIdentityResult>",
    "</GetCallerIdentityResult>",
    "<Arn>",
    "</Arn>",
    "arn:aws:sts::123456789012:assumed-role/ci-agent/i-0123456789abcdef0",
    "arn:aws:sts::123456789012:assumed-role/aws:ec2-instance/i-0123456789abcdef0",
    "<UserId>",
    "</UserId>",
    "AROADBQP57FF2AEXAMPLE:i-0123456789abcdef0",
    "123456789012:aws:ec2-instance:i-0123456789abcdef0",
    "<Account>123456789012</Account>",
    "<Account>210987654321</Account>",
    "<ResponseMetadata>",
    "</ResponseMetadata>",
    "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">",
    "<Error>",
    "</Error>",
    "<Code>Throttling</Code>",
    "<Message>Signature expired</Message>",
    "<!-- -->",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
    "<?pi?>",
    "&amp;",
    "&#49;",
    "&lt;",
    " xmlns=\"\"",
    " a=\"b\"",
    "x:",
    "/>",
    "\r",
];

/// What AWS's services say for "too often".
const THROTTLED: [&str; 6] = [
    "RequestLimitExceeded",
    "RequestThrottled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

pub(crate) fn check(body: &[u8]) {
    check_identity(body);
    check_refusal(body);
    // Nothing but a 200 of type text/xml is ever believed.
    for status in [0, 100, 199, 201, 204, 206, 299, 300, 302, 308, 400, 403, 404, 418, 500, 503, 599, 600] {
        assert!(CallerIdentity::from_reply(status, Some("text/xml"), body).is_err(), "{status}");
    }
    for other in
        [None, Some(""), Some("application/json"), Some("text/html"), Some("text/xml; charset=utf-16")]
    {
        assert!(CallerIdentity::from_reply(200, other, body).is_err(), "{other:?}");
    }
}

pub(crate) fn check_identity(body: &[u8]) {
    let read = CallerIdentity::from_reply(200, Some("text/xml"), body);
    match read {
        Ok(caller) => {
            let texts = identity(body).expect("accepted, and a second reader refuses");
            assert_eq!(caller.arn().as_str(), texts.arn);
            assert_eq!(caller.user_id(), texts.user_id);
            assert_eq!(caller.account().as_str(), texts.account);
            assert!(agree(&texts), "accepted, and a second look finds no agreement: {texts:?}");
            let role_id = texts.user_id.split_once(':').map(|(owner, _)| owner);
            assert_eq!(caller.role_id(), role_id.filter(|owner| owner.starts_with("AROA")));
        }
        // The document was read, so the second reader reads it too, and finds the same fault.
        Err(ReplyError::InvalidIdentity | ReplyError::Mismatch) => {
            let texts = identity(body).expect("read, and a second reader refuses");
            assert!(!agree(&texts), "refused, and a second look finds agreement: {texts:?}");
        }
        Err(ReplyError::TooLarge) => assert!(body.len() > 16_384),
        Err(ReplyError::Malformed) => {}
        Err(other) => panic!("{other:?} on a status of 200"),
    }
}

pub(crate) fn check_refusal(body: &[u8]) {
    let refusal = CallerIdentity::from_reply(400, Some("text/xml"), body).expect_err("a status of 400");
    let code = || reader::code(body).expect("read, and a second reader refuses");
    match refusal {
        ReplyError::Other { code: ours } => {
            assert_eq!(*ours, *code());
            assert!(is_made_of(&ours, 1, 48, "."));
        }
        ReplyError::Throttled => assert!(THROTTLED.contains(&code().as_str())),
        ReplyError::SignatureRejected { .. } => assert_eq!(code(), "SignatureDoesNotMatch"),
        ReplyError::InvalidClientToken => assert_eq!(code(), "InvalidClientTokenId"),
        ReplyError::TokenExpired => assert!(code().starts_with("ExpiredToken")),
        ReplyError::RegionDisabled => assert_eq!(code(), "RegionDisabledException"),
        ReplyError::TooLarge => assert!(body.len() > 16_384),
        ReplyError::Malformed => {}
        other => panic!("{other:?} on a status of 400"),
    }
}

/// Whether the three texts are well-formed and name one caller, by the principal table of the IAM guide.
pub(crate) fn agree(texts: &Texts) -> bool {
    let Texts { arn, user_id, account } = texts;
    let Some(parts) = arn::read(arn) else { return false };
    arn::is_account(account)
        && parts.account == account
        && match parts.resource {
            ArnResource::AssumedRole { session, .. } => user_id
                .strip_suffix(session)
                .and_then(|owner| owner.strip_suffix(':'))
                .is_some_and(|role_id| is_unique_id(role_id, "AROA")),
            ArnResource::InstanceIdentity { instance } => {
                *user_id == format!("{account}:aws:ec2-instance:{instance}")
            }
            ArnResource::FederatedUser { name } => *user_id == format!("{account}:{name}"),
            ArnResource::Root => user_id == account,
            ArnResource::User { .. } => is_unique_id(user_id, "AIDA"),
            other => panic!("{other:?} is new"),
        }
}

/// The reply that STS writes for this caller.
pub(crate) fn render(arn: &str, user_id: &str, account: &str) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (arn, user_id, account) = (escape(arn), escape(user_id), escape(account));
    format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
         <GetCallerIdentityResult>\n    <Arn>{arn}</Arn>\n    <UserId>{user_id}</UserId>\n    \
         <Account>{account}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    \
         <RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId>\n  </ResponseMetadata>\n\
         </GetCallerIdentityResponse>\n"
    )
}

/// What STS renders is read as what it was rendered from, exactly where the three texts agree.
pub(crate) fn check_rendered(texts: &Texts) {
    let body = render(&texts.arn, &texts.user_id, &texts.account);
    check_identity(body.as_bytes());
    let accepted = CallerIdentity::from_reply(200, Some("text/xml"), body.as_bytes()).is_ok();
    assert_eq!(accepted, agree(texts), "{texts:?}");
}
