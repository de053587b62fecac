//! The query string: decoded pairs, and their canonical form.

use super::Mismatch;
use super::canonical::encode;

/// The pairs of a query string, percent-decoded, in the order of the wire.
///
/// As the [Query API] reads them: `&` alone separates, `+` is a blank, a missing `=` is an empty value. An empty
/// pair (`&&`) is a pair with an empty name, since nobody who did not sign it may add it.
///
/// [Query API]: https://docs.aws.amazon.com/IAM/latest/UserGuide/programming.html
pub(in crate::testing) struct Query {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Query {
    pub(in crate::testing) fn read(text: &str) -> Result<Self, Mismatch> {
        if text.is_empty() {
            return Ok(Self { pairs: Vec::new() });
        }
        let pairs = text.split('&').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        Ok(Self { pairs: pairs.collect::<Result<_, Mismatch>>()? })
    }

    /// The value of the one pair called `name`.
    pub(in crate::testing) fn one(&self, name: &'static str) -> Result<&str, Mismatch> {
        self.optional(name)?.ok_or(Mismatch::MissingParameter(name))
    }

    /// The value of the pair called `name`, if there is one; two are an error.
    pub(in crate::testing) fn optional(&self, name: &'static str) -> Result<Option<&str>, Mismatch> {
        let mut values =
            self.pairs.iter().filter(|(given, _)| given == name.as_bytes()).map(|(_, value)| value);
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Mismatch::DuplicateParameter(name));
        }
        std::str::from_utf8(value).map(Some).map_err(|_| Mismatch::Escape)
    }

    /// Every pair but the signature, encoded anew, sorted by name and then by value.
    pub(super) fn canonical(&self) -> String {
        let signed = self.pairs.iter().filter(|(name, _)| name != b"X-Amz-Signature");
        let mut pairs: Vec<_> = signed.map(|(name, value)| (encode(name), encode(value))).collect();
        pairs.sort_unstable();
        let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    }
}

fn decode(text: &str) -> Result<Vec<u8>, Mismatch> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return Ok(decoded),
            [b'%', high, low, rest @ ..] => {
                decoded.push((digit(*high)? << 4) | digit(*low)?);
                rest
            }
            [b'%', ..] => return Err(Mismatch::Escape),
            [b'+', rest @ ..] => {
                decoded.push(b' ');
                rest
            }
            [byte, rest @ ..] => {
                decoded.push(*byte);
                rest
            }
        };
    }
}

fn digit(byte: u8) -> Result<u8, Mismatch> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        b'A'..=b'F' => Ok(byte - b'A' + 10),
        _ => Err(Mismatch::Escape),
    }
}

#[cfg(test)]
mod tests {
    use super::{Mismatch, Query};

    #[test]
    fn the_canonical_form_is_sorted_and_encoded_anew() {
        for (text, want) in [
            ("", ""),
            ("b=1&a=2", "a=2&b=1"),
            ("a-b=1&a=2", "a=2&a-b=1"),
            ("a=2&a=1&a", "a=&a=1&a=2"),
            ("a=%2f%7E~&b=c=d", "a=%2F~~&b=c%3Dd"),
            ("a=+%2B %20", "a=%20%2B%20%20"),
            ("a=1&", "=&a=1"),
            ("a=\u{e9}%ff", "a=%C3%A9%FF"),
            ("X-Amz-Signature=0&x-amz-signature=1", "x-amz-signature=1"),
        ] {
            assert_eq!(Query::read(text).map(|it| it.canonical()).as_deref(), Ok(want), "{text:?}");
        }
    }

    #[test]
    fn an_escape_has_two_hex_digits() {
        for text in ["a=%", "a=%2", "a=%G0", "a=%0g", "%", "a=%+1"] {
            assert_eq!(Query::read(text).err(), Some(Mismatch::Escape), "{text:?}");
        }
    }
}
