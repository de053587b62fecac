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
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
    Some(digit(high)? << 4 | digit(low)?)
}

/// Writes `bytes` (ASCII) in the canonical encoding.
pub(super) fn encode(bytes: impl Iterator<Item = u8>, out: &mut SecretText) {
    let mut one = [0; 4];
    for byte in bytes {
        if is_unreserved(byte) {
            out.push_str(char::from(byte).encode_utf8(&mut one));
        } else {
            out.push_str("%");
            for nibble in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase();
                out.push_str(digit.encode_utf8(&mut one));
            }
        }
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
