//! The byte classes that more than one grammar uses.

/// `[A-Za-z0-9_+=,.@-]`: role names and session names ([IAM and STS quotas]).
///
/// [IAM and STS quotas]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
pub(crate) fn is_iam_name_byte(byte: u8) -> bool {
    is(byte, IAM_NAME)
}

/// `[a-z0-9_-]`: header names as AWS's signers write them, in lower case.
pub(crate) fn is_header_name_byte(byte: u8) -> bool {
    is(byte, HEADER_NAME)
}

/// `[0-9a-f]`.
pub(crate) fn is_lower_hex(byte: u8) -> bool {
    is(byte, LOWER_HEX)
}

/// `[A-Za-z0-9._~-]`, the bytes that a URL never escapes ([RFC 3986, section 2.3]).
///
/// [RFC 3986, section 2.3]: https://www.rfc-editor.org/rfc/rfc3986#section-2.3
pub(crate) fn is_unreserved(byte: u8) -> bool {
    is(byte, UNRESERVED)
}

/// Session tokens: visible ASCII without markup, quotes and `&`. AWS calls tokens opaque, so their alphabet is
/// not ours to fix; what could mean something to a log, a header or a page is left out all the same.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    is(byte, TOKEN)
}

/// `[A-Z0-9]`: unique IDs, access key IDs among them ([unique identifiers]).
///
/// [unique identifiers]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
pub(crate) fn is_unique_id_byte(byte: u8) -> bool {
    is(byte, UNIQUE_ID)
}

const IAM_NAME: u8 = 1;
const HEADER_NAME: u8 = 2;
const LOWER_HEX: u8 = 4;
pub(crate) const UNRESERVED: u8 = 8;
const TOKEN: u8 = 16;
const UNIQUE_ID: u8 = 32;

/// The classes that a byte is in.
pub(crate) const fn classes_of(byte: u8) -> u8 {
    let letter_or_digit = byte.is_ascii_alphanumeric();
    let lower_or_digit = letter_or_digit && !byte.is_ascii_uppercase();
    let mut classes = 0;
    if letter_or_digit || matches!(byte, b'_' | b'+' | b'=' | b',' | b'.' | b'@' | b'-') {
        classes |= IAM_NAME;
    }
    if lower_or_digit || matches!(byte, b'_' | b'-') {
        classes |= HEADER_NAME;
    }
    if matches!(byte, b'0'..=b'9' | b'a'..=b'f') {
        classes |= LOWER_HEX;
    }
    if letter_or_digit || matches!(byte, b'-' | b'.' | b'_' | b'~') {
        classes |= UNRESERVED;
    }
    if byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"' | b'\'' | b'`' | b'&') {
        classes |= TOKEN;
    }
    if byte.is_ascii_uppercase() || byte.is_ascii_digit() {
        classes |= UNIQUE_ID;
    }
    classes
}

/// A table of what a `const fn` says of each byte. Its entries are filled in order, since a constant has neither
/// `for` nor iterators.
macro_rules! byte_table {
    ($of:path) => {{
        let mut table = [$of(0); 256];
        let mut rest = table.as_mut_slice();
        let mut byte = 0_u8;
        while let Some((entry, after)) = rest.split_first_mut() {
            *entry = $of(byte);
            byte = byte.wrapping_add(1);
            rest = after;
        }
        table
    }};
}
pub(crate) use byte_table;

/// One look-up instead of several comparisons, since each byte of a request is asked.
static CLASSES: [u8; 256] = byte_table!(classes_of);

fn is(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|classes| classes & class != 0)
}

/// Whether `text` is `min` to `max` bytes of one class.
pub(crate) fn all_of(text: &[u8], min: usize, max: usize, class: impl Fn(u8) -> bool) -> bool {
    (min..=max).contains(&text.len()) && text.iter().copied().all(class)
}

/// `i-` and 8 or 17 lower-case hexadecimal digits: the ID of an EC2 instance.
pub(crate) fn is_instance_id(text: &str) -> bool {
    let Some(digits) = text.strip_prefix("i-") else { return false };
    matches!(digits.len(), 8 | 17) && all_of(digits.as_bytes(), 8, 17, is_lower_hex)
}

/// Whether an instance ID stands anywhere in `text` as a word of its own.
#[cfg(feature = "registry")]
pub(crate) fn has_instance_id(text: &str) -> bool {
    let is_word_byte = |byte: u8| byte.is_ascii_alphanumeric();
    text.match_indices("i-").any(|(start, _)| {
        let before = text.as_bytes().get(..start).and_then(<[u8]>::last);
        let digits = text.get(start + 2..).unwrap_or_default();
        let end = digits.bytes().position(|byte| !is_word_byte(byte)).unwrap_or(digits.len());
        let word = text.get(start..start + 2 + end).unwrap_or_default();
        before.is_none_or(|&byte| !is_word_byte(byte)) && is_instance_id(word)
    })
}

#[cfg(all(test, feature = "registry"))]
mod tests {
    use super::has_instance_id;

    #[test]
    fn an_instance_id_is_found_as_a_word_only() {
        for (text, want) in [
            ("i-0123456789abcdef0", true),
            ("i-01234567", true),
            ("123456789012/i-0123456789abcdef0", true),
            ("ec2-i-01234567-x", true),
            ("ci-01234567", false),
            ("ci-20260101-runner", false),
            ("i-0123456", false),
            ("i-012345678", false),
            ("i-agent-007", false),
            ("i-0123456g", false),
        ] {
            assert_eq!(has_instance_id(text), want, "{text}");
        }
    }
}
