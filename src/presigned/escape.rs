//! Percent-encoding, in the one form that SigV4 signs and this crate writes.
//!
//! Unreserved bytes stand as they are, every other byte is `%` and two upper-case digits
//! ([SigV4, canonical request]); so each text has exactly one encoding.
//!
//! [SigV4, canonical request]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

use zeroize::Zeroizing;

use crate::charset::{UNRESERVED, byte_table, classes_of, is_token_byte, is_unreserved};
use crate::secret::SecretText;

/// A value as it stands in a query: unreserved bytes and whole escapes.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a> {
    pub(super) text: &'a str,
    pub(super) form: Form,
    /// Whether each byte that is escaped may be in a session token; all others may.
    pub(super) is_token: bool,
}

/// How a value is encoded.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Form {
    /// Without an escape, and so in the canonical encoding.
    Plain,
    /// With escapes, in the canonical encoding.
    Canonical,
    /// With escapes that stand for unreserved bytes, or with digits in lower case.
    Other,
}

impl<'a> Raw<'a> {
    pub(super) fn plain(text: &'a str) -> Self {
        Self { text, form: Form::Plain, is_token: true }
    }

    /// Takes note of an escape in the value: its two digits, and the byte that they stand for.
    pub(super) fn note_escape(&mut self, high: u8, low: u8, byte: u8) {
        let canonical = !is_unreserved(byte) && !high.is_ascii_lowercase() && !low.is_ascii_lowercase();
        self.form = if canonical && self.form != Form::Other { Form::Canonical } else { Form::Other };
        self.is_token &= is_token_byte(byte);
    }

    /// The value with its escapes decoded, in `buffer` where there are any; `None` if it does not fit there or is
    /// no text.
    pub(super) fn decode<const N: usize>(self, buffer: &'a mut [u8; N]) -> Option<&'a str> {
        if self.form == Form::Plain {
            return Some(self.text);
        }
        let mut length = 0;
        let mut put = |bytes: &[u8]| {
            buffer.get_mut(length..length + bytes.len())?.copy_from_slice(bytes);
            length += bytes.len();
            Some(())
        };
        let mut pieces = self.text.split('%');
        put(pieces.next()?.as_bytes())?;
        for piece in pieces {
            let [high, low, plain @ ..] = piece.as_bytes() else { return None };
            put(&[unescape(*high, *low)?])?;
            put(plain)?;
        }
        str::from_utf8(buffer.get(..length)?).ok()
    }
}

/// The byte that two hexadecimal digits stand for.
pub(super) fn unescape(high: u8, low: u8) -> Option<u8> {
    let value = |digit: u8| VALUES.get(usize::from(digit)).copied().unwrap_or(NO_DIGIT);
    let (high, low) = (value(high), value(low));
    (high != NO_DIGIT && low != NO_DIGIT).then_some(high << 4 | low)
}

const NO_DIGIT: u8 = u8::MAX;

/// What each byte is worth as a hexadecimal digit. Looked up, since no processor guesses the digits of a token.
static VALUES: [u8; 256] = byte_table!(value_of);

const fn value_of(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'F' => digit - b'A' + 10,
        b'a'..=b'f' => digit - b'a' + 10,
        _ => NO_DIGIT,
    }
}

/// Writes `bytes` (ASCII) in the canonical encoding.
pub(super) fn encode(bytes: impl Iterator<Item = u8>, out: &mut SecretText) {
    let mut buffer = Zeroizing::new([0; 256]);
    let mut length = 0;
    for byte in bytes {
        let form = FORMS.get(usize::from(byte)).copied().unwrap_or_default();
        // All of it is copied, and what does not count is written over.
        if let Some(room) = buffer.get_mut(length..).and_then(<[u8]>::first_chunk_mut) {
            *room = form;
        }
        length += usize::from(form[3]);
        if length > buffer.len() - form.len() {
            out.push_ascii(buffer.get(..length).unwrap_or_default());
            length = 0;
        }
    }
    out.push_ascii(buffer.get(..length).unwrap_or_default());
}

/// How each byte stands in the canonical encoding: up to three bytes, and how many of them count.
static FORMS: [[u8; 4]; 256] = byte_table!(form_of);

const fn form_of(byte: u8) -> [u8; 4] {
    const fn digit(value: u8) -> u8 {
        if value < 10 { b'0' + value } else { b'A' + value - 10 }
    }
    let unreserved = classes_of(byte) & UNRESERVED != 0;
    if unreserved { [byte, 0, 0, 1] } else { [b'%', digit(byte >> 4), digit(byte & 15), 3] }
}

/// The decoded bytes of a value whose escapes are known to be whole.
pub(super) fn decoded_bytes(raw: &str) -> impl Iterator<Item = u8> {
    let mut bytes = raw.bytes();
    core::iter::from_fn(move || match bytes.next()? {
        b'%' => unescape(bytes.next()?, bytes.next()?),
        byte => Some(byte),
    })
}
