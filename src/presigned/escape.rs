//! Percent-encoding, in the one form that SigV4 signs and this crate writes.
//!
//! Unreserved bytes stand as they are, every other byte is `%` and two upper-case digits
//! ([SigV4, canonical request]); so each text has exactly one encoding.
//!
//! [SigV4, canonical request]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

use crate::charset::is_unreserved;
use crate::secret::SecretText;

/// `raw` with its escapes decoded, in `buffer` where there are any; `None` if it does not fit or an escape is
/// not whole.
pub(super) fn decode<'a, const N: usize>(raw: &'a str, buffer: &'a mut [u8; N]) -> Option<&'a [u8]> {
    if !raw.contains('%') {
        return Some(raw.as_bytes());
    }
    let mut length = 0;
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' { unescape(bytes.next()?, bytes.next()?)? } else { byte };
        *buffer.get_mut(length)? = byte;
        length += 1;
    }
    buffer.get(..length)
}

/// The byte that two hexadecimal digits stand for.
pub(super) fn unescape(high: u8, low: u8) -> Option<u8> {
    Some(digit(high)? << 4 | digit(low)?)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// Writes `text` (ASCII) in the canonical encoding.
#[cfg(feature = "agent")]
pub(super) fn encode(mut text: &str, out: &mut SecretText) {
    while let Some(run) = text.bytes().position(|byte| !is_unreserved(byte)) {
        let (plain, rest) = text.split_at_checked(run).unwrap_or_default();
        out.push_str(plain);
        rest.bytes().take(1).for_each(|byte| push_byte(byte, out));
        text = rest.get(1..).unwrap_or_default();
    }
    out.push_str(text);
}

/// Writes one byte (ASCII) in the canonical encoding.
pub(super) fn push_byte(byte: u8, out: &mut SecretText) {
    let mut one = [0; 4];
    if is_unreserved(byte) {
        out.push_str(char::from(byte).encode_utf8(&mut one));
    } else {
        let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 };
        out.push_str(str::from_utf8(&[b'%', digit(byte >> 4), digit(byte & 15)]).unwrap_or_default());
    }
}

/// The decoded bytes of a value whose escapes are known to be whole.
pub(super) fn decoded_bytes(raw: &str) -> impl Iterator<Item = u8> {
    let mut bytes = raw.bytes();
    core::iter::from_fn(move || match bytes.next()? {
        b'%' => unescape(bytes.next()?, bytes.next()?),
        byte => Some(byte),
    })
}
