//! Splitting a query into the nine parameters, in one pass over its bytes.

use super::error::InvalidUrl;
use crate::charset::is_unreserved;

/// The raw (still escaped) values of the nine parameters that SigV4 query authentication gives
/// `GetCallerIdentity`. Each was seen at most once and holds only unreserved bytes and whole escapes.
#[derive(Default)]
pub(super) struct Query<'a> {
    pub(super) action: Option<&'a str>,
    pub(super) version: Option<&'a str>,
    pub(super) algorithm: Option<&'a str>,
    pub(super) credential: Option<&'a str>,
    pub(super) date: Option<&'a str>,
    pub(super) expires: Option<&'a str>,
    pub(super) signed_headers: Option<&'a str>,
    pub(super) token: Option<&'a str>,
    pub(super) signature: Option<&'a str>,
}

impl<'a> Query<'a> {
    /// Splits `query`. Names count in their exact spelling only: an escaped or differently cased look-alike is
    /// an unknown parameter, a second one a duplicate, and nothing is skipped.
    pub(super) fn split(mut query: &'a str) -> Result<Self, InvalidUrl> {
        let mut found = Self::default();
        loop {
            let (name, value_on) = name_of(query)?;
            let slot = found.slot(name).ok_or_else(|| not_a_name(name))?;
            if slot.is_some() {
                return Err(InvalidUrl::Duplicate);
            }
            let end = value_end(value_on.as_bytes())?;
            let (value, rest) = value_on.split_at_checked(end).ok_or(InvalidUrl::ForbiddenByte)?;
            *slot = Some(value);
            match rest.strip_prefix('&') {
                Some(next) => query = next,
                None => return Ok(found),
            }
        }
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<&'a str>> {
        Some(match name {
            "Action" => &mut self.action,
            "Version" => &mut self.version,
            "X-Amz-Algorithm" => &mut self.algorithm,
            "X-Amz-Credential" => &mut self.credential,
            "X-Amz-Date" => &mut self.date,
            "X-Amz-Expires" => &mut self.expires,
            "X-Amz-Security-Token" => &mut self.token,
            "X-Amz-Signature" => &mut self.signature,
            "X-Amz-SignedHeaders" => &mut self.signed_headers,
            _ => return None,
        })
    }
}

/// The name up to `=`, and what follows the `=`.
fn name_of(query: &str) -> Result<(&str, &str), InvalidUrl> {
    let separator = query.bytes().position(|b| b == b'=' || b == b'&').ok_or(InvalidUrl::Parameter)?;
    let (name, rest) = query.split_at_checked(separator).ok_or(InvalidUrl::Parameter)?;
    let value_on = rest.strip_prefix('=').ok_or(InvalidUrl::Parameter)?;
    Ok((name, value_on))
}

/// What is wrong with a name that is none of the nine.
fn not_a_name(name: &str) -> InvalidUrl {
    let plain = name.bytes().all(|byte| is_unreserved(byte) || byte == b'%');
    if plain { InvalidUrl::UnknownParameter } else { InvalidUrl::ForbiddenByte }
}

/// Where the value that `bytes` begin with ends: at `&` or at the end of the text.
fn value_end(bytes: &[u8]) -> Result<usize, InvalidUrl> {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let Some(plain) = rest.iter().position(|&byte| !UNRESERVED.contains(byte)) else {
            return Ok(bytes.len());
        };
        at += plain;
        match rest.get(plain..) {
            Some([b'&', ..]) => return Ok(at),
            Some([b'%', high, low, ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => at += 3,
            Some([b'%', ..]) => return Err(InvalidUrl::Escape),
            _ => return Err(InvalidUrl::ForbiddenByte),
        }
    }
    Ok(bytes.len())
}

/// A set of bytes as 256 bits: one look-up a byte.
struct ByteSet([bool; 256]);

impl ByteSet {
    fn contains(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).copied().unwrap_or_default()
    }
}

static UNRESERVED: ByteSet = {
    let mut set = [false; 256];
    let mut byte = 0u8;
    // `for` and indexing by iterator are not to be had in constants.
    while byte < u8::MAX {
        #[expect(
            clippy::as_conversions,
            clippy::indexing_slicing,
            reason = "evaluated by the compiler: a byte is an index into 256"
        )]
        {
            set[byte as usize] = is_unreserved(byte);
        }
        byte += 1;
    }
    ByteSet(set)
};
