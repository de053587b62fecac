//! Splitting a query into the nine parameters, in one pass over its bytes.

use super::error::InvalidUrl;
use super::escape::{Raw, unescape};
use crate::charset::is_unreserved;

/// The raw values of the nine parameters that SigV4 query authentication gives `GetCallerIdentity`. Each was seen
/// at most once.
#[derive(Default)]
pub(super) struct Query<'a> {
    pub(super) action: Option<Raw<'a>>,
    pub(super) version: Option<Raw<'a>>,
    pub(super) algorithm: Option<Raw<'a>>,
    pub(super) credential: Option<Raw<'a>>,
    pub(super) date: Option<Raw<'a>>,
    pub(super) expires: Option<Raw<'a>>,
    pub(super) signed_headers: Option<Raw<'a>>,
    pub(super) token: Option<Raw<'a>>,
    pub(super) signature: Option<Raw<'a>>,
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
            let (value, rest) = value_of(value_on)?;
            *slot = Some(value);
            match rest.strip_prefix('&') {
                Some(next) => query = next,
                None => return Ok(found),
            }
        }
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<Raw<'a>>> {
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

/// The value that `text` begins with, up to `&` or the end, and the rest.
fn value_of(text: &str) -> Result<(Raw<'_>, &str), InvalidUrl> {
    let mut value = Raw::plain("");
    let mut bytes = text.as_bytes().iter();
    let rest = loop {
        let here = bytes.as_slice();
        match bytes.next() {
            Some(&byte) if is_unreserved(byte) => {}
            Some(b'%') => {
                let (Some(&high), Some(&low)) = (bytes.next(), bytes.next()) else {
                    return Err(InvalidUrl::Escape);
                };
                value.note_escape(high, low, unescape(high, low).ok_or(InvalidUrl::Escape)?);
            }
            None | Some(b'&') => break here,
            Some(_) => return Err(InvalidUrl::ForbiddenByte),
        }
    };
    let (text, rest) = text.split_at_checked(text.len() - rest.len()).ok_or(InvalidUrl::ForbiddenByte)?;
    value.text = text;
    Ok((value, rest))
}
