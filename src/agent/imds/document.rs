//! The JSON document in which IMDS hands out credentials.
//!
//! ```text
//! { "Code": "Success", "LastUpdated": "2026-01-01T00:00:00Z", "Type": "AWS-HMAC", "AccessKeyId": "ASIA…",
//!   "SecretAccessKey": "…", "Token": "…", "Expiration": "2026-01-01T06:00:00Z" }
//! ```
//!
//! If IMDS has none, `Code` says why and the rest is missing or means nothing.

use std::borrow::Cow;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use serde::Deserialize;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use super::error::{ImdsError, ImdsStep, InvalidImdsReply};
use crate::access_key::{self, AccessKeyKind};
use crate::charset::{all_of, is_token_byte};

/// Borrows from the reply's buffer, which is wiped: no copy of a secret is left behind. It has no `Debug`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow)]
    access_key_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    secret_access_key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    token: Option<Cow<'a, str>>,
    #[serde(borrow)]
    expiration: Option<Cow<'a, str>>,
}

/// Reads the credentials in `body`.
pub(super) fn credentials(
    step: ImdsStep,
    body: &[u8],
    provider: &'static str,
) -> Result<Credentials, ImdsError> {
    let invalid = || ImdsError::reply(step, InvalidImdsReply::NotCredentials);
    // serde_json's errors can quote what they found, so they end here.
    let document: Document<'_> = serde_json::from_slice(body).map_err(|_| invalid())?;
    if document.code != "Success" {
        let is_word = all_of(document.code.as_bytes(), 1, 64, |b| b.is_ascii_alphanumeric());
        let code = if is_word { &*document.code } else { "unknown" };
        return Err(ImdsError::NotIssued { step, code: code.into() });
    }
    let key_id = document.access_key_id.filter(|id| access_key::kind_of(id) == Ok(AccessKeyKind::Temporary));
    let secret = document.secret_access_key.filter(|secret| is_visible(secret, u8::is_ascii_graphic));
    let token = document.token.filter(|token| is_visible(token, |byte| is_token_byte(*byte)));
    let ends = document.expiration.and_then(|text| moment(&text));
    let (Some(key_id), Some(secret), Some(token), Some(ends)) = (key_id, secret, token, ends) else {
        return Err(invalid());
    };
    Ok(Credentials::new(key_id, secret, Some(token.into_owned()), Some(SystemTime::from(ends)), provider))
}

fn is_visible(text: &str, class: impl Fn(&u8) -> bool) -> bool {
    !text.is_empty() && text.as_bytes().iter().all(class)
}

/// `YYYY-MM-DDTHH:MM:SSZ`, the one form that IMDS writes, and a moment that the calendar has.
fn moment(text: &str) -> Option<OffsetDateTime> {
    let text: &[u8; 20] = text.as_bytes().try_into().ok()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2, b'Z'] = *text
    else {
        return None;
    };
    let two = |tens: u8, ones: u8| {
        let both = tens.is_ascii_digit() && ones.is_ascii_digit();
        both.then(|| (tens - b'0') * 10 + (ones - b'0'))
    };
    let year = i32::from(two(y1, y2)?) * 100 + i32::from(two(y3, y4)?);
    let month = Month::try_from(two(m1, m2)?).ok()?;
    let date = Date::from_calendar_date(year, month, two(d1, d2)?).ok()?;
    let time = Time::from_hms(two(h1, h2)?, two(n1, n2)?, two(s1, s2)?).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_utc())
}

#[cfg(test)]
mod tests {
    use super::{ImdsError, ImdsStep, InvalidImdsReply, credentials, moment};

    const RECORDED: &str = r#"{
  "Code" : "Success",
  "LastUpdated" : "2026-01-01T00:00:00Z",
  "Type" : "AWS-HMAC",
  "AccessKeyId" : "ASIAIOSFODNN7EXAMPLE",
  "SecretAccessKey" : "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  "Token" : "IQoJb3JpZ2luX2VjEXAMPLE/+==",
  "Expiration" : "2026-01-01T06:00:01Z"
}"#;

    fn read(body: &str) -> Result<aws_credential_types::Credentials, ImdsError> {
        credentials(ImdsStep::InstanceIdentity, body.as_bytes(), "test")
    }

    #[test]
    fn the_recorded_document_is_read() {
        for body in [RECORDED, &RECORDED.replace("/K7", "\\/K7"), &RECORDED.replace("Type", "Unheard")] {
            let found = read(body).expect(body);
            assert_eq!(found.access_key_id(), "ASIAIOSFODNN7EXAMPLE");
            assert_eq!(found.secret_access_key(), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
            assert_eq!(found.session_token(), Some("IQoJb3JpZ2luX2VjEXAMPLE/+=="));
            assert_eq!(found.expiry(), moment("2026-01-01T06:00:01Z").map(Into::into));
        }
    }

    #[test]
    fn anything_else_is_refused_without_a_word_of_it() {
        for (from, to) in [
            ("ASIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
            ("ASIAIOSFODNN7EXAMPLE", ""),
            ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""),
            ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "a b"),
            ("IQoJb3JpZ2luX2VjEXAMPLE", "<"),
            ("\"SecretAccessKey\"", "\"Secret\""),
            ("\"LastUpdated\"", "\"Token\""),
            ("\"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\"", "7"),
            ("2026-01-01T06:00:01Z", "2026-02-30T06:00:01Z"),
            ("2026-01-01T06:00:01Z", "2026-01-01T06:00:01+00:00"),
            ("\"Success\"", "null"),
            ("}", "}}"),
            ("}", ""),
        ] {
            let error = read(&RECORDED.replace(from, to)).expect_err(to);
            assert!(
                matches!(error, ImdsError::InvalidReply { source: InvalidImdsReply::NotCredentials, .. }),
                "{to}: {error}"
            );
            let said = format!("{error} {error:?}");
            assert!(!said.contains("wJalr") && !said.contains("IQoJ"), "{said}");
        }
    }

    #[test]
    fn a_code_is_repeated_only_if_it_is_a_word() {
        let refused = |code: &str| {
            read(&format!(r#"{{"Code": "{code}", "Message": "EC2 cannot assume the role"}}"#))
                .expect_err(code)
                .to_string()
        };
        assert_eq!(
            refused("AssumeRoleUnauthorizedAccess"),
            "instance identity credentials: IMDS has none, code AssumeRoleUnauthorizedAccess; \
             does the role exist, and does it trust ec2.amazonaws.com?",
        );
        assert!(refused("a b").contains("code unknown"));
        assert!(refused(&"a".repeat(65)).contains("code unknown"));
    }
}
