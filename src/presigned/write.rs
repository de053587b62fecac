//! Writing a URL from checked parts: one order (botocore's), one encoding.

use super::escape::{decoded_bytes, encode};
use super::{ACTION, ALGORITHM, Layout, VERSION};
use crate::endpoint::Endpoint;
use crate::secret::SecretText;

/// `;` between the names of signed headers, as it stands in the URL.
pub(super) const HEADER_SEPARATOR: &str = "%3B";

/// The parts of a URL. Whoever makes one has checked each of them.
pub(crate) struct Parts<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) access_key_id: &'a str,
    /// `YYYYMMDDTHHMMSSZ`.
    pub(crate) date: &'a str,
    pub(crate) expires: Option<u32>,
    /// Sorted names joined by `;`.
    pub(crate) signed_headers: &'a str,
    pub(crate) token: Option<Token<'a>>,
    pub(crate) signature: &'a str,
}

/// A session token on its way into a URL.
#[derive(Clone, Copy)]
pub(crate) enum Token<'a> {
    /// In the canonical encoding already.
    Encoded(&'a str),
    /// With escapes that are whole but not canonical.
    Escaped(&'a str),
    /// As the credentials hold it.
    #[cfg(feature = "agent")]
    Plain(&'a str),
}

impl Token<'_> {
    /// At most how long the canonical form is.
    fn room(self) -> usize {
        match self {
            // Decoding and encoding again never makes an escaped text longer.
            Self::Encoded(text) | Self::Escaped(text) => text.len(),
            #[cfg(feature = "agent")]
            Self::Plain(text) => text.len().saturating_mul(3),
        }
    }
}

/// More than the fixed words of a URL, its date, expiry and signature take (391 bytes).
const FIXED_ROOM: usize = 448;

impl Parts<'_> {
    /// The canonical text, and where its parts stand.
    pub(super) fn write(&self) -> (SecretText, Layout) {
        let day = self.date.get(..8).unwrap_or_default();
        let host = self.endpoint.host();
        let region = self.endpoint.region().as_str();
        let mut text = SecretText::with_capacity(
            FIXED_ROOM
                + host.len()
                + self.access_key_id.len()
                + region.len()
                + self.signed_headers.len().saturating_mul(3)
                + self.token.map_or(0, Token::room),
        );
        let mut layout = Layout::default();
        for piece in ["https://", host, "/?Action=", ACTION, "&Version=", VERSION] {
            text.push_str(piece);
        }
        for piece in ["&X-Amz-Algorithm=", ALGORITHM, "&X-Amz-Credential="] {
            text.push_str(piece);
        }
        layout.access_key_id = ranged(&mut text, |text| text.push_str(self.access_key_id));
        for piece in ["%2F", day, "%2F", region, "%2Fsts%2Faws4_request&X-Amz-Date=", self.date] {
            text.push_str(piece);
        }
        if let Some(seconds) = self.expires {
            text.push_str("&X-Amz-Expires=");
            push_number(seconds, &mut text);
        }
        text.push_str("&X-Amz-SignedHeaders=");
        layout.signed_headers = ranged(&mut text, |text| {
            for (position, name) in self.signed_headers.split(';').enumerate() {
                if position > 0 {
                    text.push_str(HEADER_SEPARATOR);
                }
                text.push_str(name);
            }
        });
        if let Some(token) = self.token {
            text.push_str("&X-Amz-Security-Token=");
            layout.token = Some(ranged(&mut text, |text| match token {
                Token::Encoded(encoded) => text.push_str(encoded),
                Token::Escaped(escaped) => encode(decoded_bytes(escaped), text),
                #[cfg(feature = "agent")]
                Token::Plain(plain) => encode(plain.bytes(), text),
            }));
        }
        text.push_str("&X-Amz-Signature=");
        layout.signature = ranged(&mut text, |text| text.push_str(self.signature));
        (text, layout)
    }
}

/// Runs `write` and tells which part of the text it wrote.
fn ranged(text: &mut SecretText, write: impl FnOnce(&mut SecretText)) -> core::ops::Range<usize> {
    let start = text.expose().len();
    write(text);
    start..text.expose().len()
}

/// Writes a number of at most ten digits without an allocation.
fn push_number(number: u32, text: &mut SecretText) {
    let mut place = 1_000_000_000;
    while place > 1 && number / place == 0 {
        place /= 10;
    }
    let mut one = [0; 4];
    while place > 0 {
        let digit = char::from_digit(number / place % 10, 10).unwrap_or('0');
        text.push_str(digit.encode_utf8(&mut one));
        place /= 10;
    }
}
