//! What each of the nine values must be.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use super::error::InvalidUrl;
use super::escape::{Form, Raw};
use super::write::Token;
use crate::access_key::{self, AccessKeyKind};
use crate::charset::{all_of, is_header_name_byte, is_lower_hex};
use crate::endpoint::Region;

/// Room for a decoded `X-Amz-Credential`: 128 of key ID, 32 of region and what stands around them.
const CREDENTIAL_ROOM: usize = 256;
/// Room for a decoded `X-Amz-SignedHeaders`: this crate's own headers and one of 64 bytes fit several times.
const HEADERS_ROOM: usize = 512;
/// A value that is compared with one constant or is of a fixed small form.
const SMALL_ROOM: usize = 128;
/// Seven days, SigV4's limit on `X-Amz-Expires` in seconds. STS itself ignores the parameter.
const MAX_EXPIRES: u32 = 604_800;

/// The value is exactly `want`, once decoded.
pub(super) fn exactly(raw: Raw<'_>, want: &str, otherwise: InvalidUrl) -> Result<(), InvalidUrl> {
    if raw.decode(&mut [0; SMALL_ROOM]) == Some(want) { Ok(()) } else { Err(otherwise) }
}

/// `YYYYMMDDTHHMMSSZ`, and a moment that the calendar has.
pub(super) struct SigningDate {
    pub(super) text: [u8; 16],
    pub(super) moment: OffsetDateTime,
}

impl SigningDate {
    pub(super) fn parse(raw: Raw<'_>) -> Result<Self, InvalidUrl> {
        let mut buffer = [0; SMALL_ROOM];
        let decoded = raw.decode(&mut buffer).ok_or(InvalidUrl::Date)?;
        let text: [u8; 16] = decoded.as_bytes().try_into().map_err(|_| InvalidUrl::Date)?;
        let [y1, y2, y3, y4, m1, m2, d1, d2, b'T', h1, h2, n1, n2, s1, s2, b'Z'] = text else {
            return Err(InvalidUrl::Date);
        };
        let two = |tens: u8, ones: u8| -> Result<u8, InvalidUrl> {
            if tens.is_ascii_digit() && ones.is_ascii_digit() {
                Ok((tens - b'0') * 10 + (ones - b'0'))
            } else {
                Err(InvalidUrl::Date)
            }
        };
        let year = i32::from(two(y1, y2)?) * 100 + i32::from(two(y3, y4)?);
        let month = Month::try_from(two(m1, m2)?).map_err(|_| InvalidUrl::Date)?;
        let date = Date::from_calendar_date(year, month, two(d1, d2)?).map_err(|_| InvalidUrl::Date)?;
        let time = Time::from_hms(two(h1, h2)?, two(n1, n2)?, two(s1, s2)?).map_err(|_| InvalidUrl::Date)?;
        Ok(Self { text, moment: PrimitiveDateTime::new(date, time).assume_utc() })
    }

    pub(super) fn as_str(&self) -> &str {
        str::from_utf8(&self.text).unwrap_or_default()
    }

    /// `YYYYMMDD`: the day that the credential scope must name.
    pub(super) fn day(&self) -> &str {
        self.as_str().get(..8).unwrap_or_default()
    }
}

/// `<access key ID>/<day>/<region>/sts/aws4_request`: only the key ID is not dictated by the rest of the URL.
pub(super) fn credential<'a>(
    raw: Raw<'a>,
    day: &str,
    region: &Region,
    buffer: &'a mut [u8; CREDENTIAL_ROOM],
) -> Result<(&'a str, AccessKeyKind), InvalidUrl> {
    let decoded = raw
        .decode(buffer)
        .filter(|decoded| decoded.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or(InvalidUrl::Credential)?;
    if decoded.bytes().filter(|&byte| byte == b'/').count() != 4 {
        return Err(InvalidUrl::Credential);
    }
    let (key_id, scope) = decoded.split_once('/').ok_or(InvalidUrl::Credential)?;
    let kind = access_key::kind_of(key_id).map_err(|_| InvalidUrl::AccessKeyId)?;
    // A signature is only ever good for the scope that its host dictates; STS says `Credential should be
    // scoped to a valid region.` otherwise. The region is compared, never used to find a host (CVE-2025-49827).
    let rest = [day, "/", region.as_str()].into_iter().try_fold(scope, |rest, part| rest.strip_prefix(part));
    if rest == Some("/sts/aws4_request") { Ok((key_id, kind)) } else { Err(InvalidUrl::Scope) }
}

pub(super) fn credential_buffer() -> [u8; CREDENTIAL_ROOM] {
    [0; CREDENTIAL_ROOM]
}

/// A plain decimal number of seconds without sign or leading zero.
pub(super) fn expires(raw: Raw<'_>) -> Result<u32, InvalidUrl> {
    let mut buffer = [0; SMALL_ROOM];
    let decoded = raw.decode(&mut buffer).ok_or(InvalidUrl::Expires)?.as_bytes();
    if decoded.first() == Some(&b'0') || !all_of(decoded, 1, 6, |b| b.is_ascii_digit()) {
        return Err(InvalidUrl::Expires);
    }
    let seconds = decoded.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    if (1..=MAX_EXPIRES).contains(&seconds) { Ok(seconds) } else { Err(InvalidUrl::Expires) }
}

/// Names joined by `;`: sorted, distinct, lower case, `host` among them. A list without `host` would be good
/// at any host.
pub(super) fn signed_headers<'a>(
    raw: Raw<'a>,
    buffer: &'a mut [u8; HEADERS_ROOM],
) -> Result<&'a str, InvalidUrl> {
    let decoded = raw.decode(buffer).ok_or(InvalidUrl::SignedHeaders)?;
    let (mut before, mut has_host) = ("", false);
    for name in decoded.split(';') {
        if !all_of(name.as_bytes(), 1, HEADERS_ROOM, is_header_name_byte) || name <= before {
            return Err(InvalidUrl::SignedHeaders);
        }
        has_host |= name == "host";
        before = name;
    }
    if has_host { Ok(decoded) } else { Err(InvalidUrl::SignedHeaders) }
}

pub(super) fn headers_buffer() -> [u8; HEADERS_ROOM] {
    [0; HEADERS_ROOM]
}

/// A session token, which stays encoded: AWS calls it opaque, so its alphabet is not ours to fix. What could mean
/// something to a log, a header or a page is refused all the same.
pub(super) fn token(raw: Raw<'_>) -> Result<Token<'_>, InvalidUrl> {
    if raw.text.is_empty() || !raw.is_token {
        return Err(InvalidUrl::SessionToken);
    }
    Ok(if raw.form == Form::Other { Token::Escaped(raw.text) } else { Token::Encoded(raw.text) })
}

/// 64 lower-case hexadecimal digits.
pub(super) fn signature<'a>(raw: Raw<'a>, buffer: &'a mut [u8; SMALL_ROOM]) -> Result<&'a str, InvalidUrl> {
    raw.decode(buffer)
        .filter(|decoded| all_of(decoded.as_bytes(), 64, 64, is_lower_hex))
        .ok_or(InvalidUrl::Signature)
}

pub(super) fn signature_buffer() -> [u8; SMALL_ROOM] {
    [0; SMALL_ROOM]
}
