//! The [canonical request].
//!
//! [canonical request]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-canonical-request

use super::{Mismatch, Query, ReceivedRequest};

/// SHA-256 of an empty body: the only body that a pre-signed GET has.
const EMPTY_BODY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The text whose hash is signed. It holds the session token.
pub(super) fn canonical_request(
    request: &ReceivedRequest<'_>,
    signed_headers: &[String],
) -> Result<String, Mismatch> {
    let method = request.method();
    let path = canonical_path(request.path());
    let query = Query::read(request.query())?.canonical();
    let mut headers = String::new();
    for name in signed_headers {
        let values: Vec<_> = request.values(name).map(squeeze).collect();
        if values.is_empty() {
            return Err(Mismatch::MissingHeader);
        }
        headers.push_str(name);
        headers.push(':');
        headers.push_str(&values.join(","));
        headers.push('\n');
    }
    let names = signed_headers.join(";");
    Ok(format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{EMPTY_BODY}"))
}

/// Every byte but the unreserved ones of RFC 3986 as `%XX`.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex(&[byte]).to_ascii_uppercase());
        }
    }
    encoded
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The path without empty and dotted segments, each segment encoded once more (every service but S3 does so).
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let mut canonical = String::new();
    for segment in &segments {
        canonical.push('/');
        canonical.push_str(&encode(segment.as_bytes()));
    }
    if canonical.is_empty() || ["/", "/.", "/.."].iter().any(|end| path.ends_with(end)) {
        canonical.push('/');
    }
    canonical
}

/// Blanks cut off at both ends, inner runs of them made one.
fn squeeze(value: &str) -> String {
    let trimmed = value.trim_matches([' ', '\t']);
    let words: Vec<_> = trimmed.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{canonical_path, encode, squeeze};

    #[test]
    fn a_path_is_normalised() {
        for (path, want) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/./", "/"),
            ("/a/../", "/"),
            ("/..", "/"),
            ("/a/./b", "/a/b"),
            ("/a/b/..", "/a/"),
            ("/a/", "/a/"),
            ("/%2e/", "/%252e/"),
        ] {
            assert_eq!(canonical_path(path), want, "{path:?}");
        }
    }

    #[test]
    fn a_header_value_is_squeezed() {
        for (value, want) in
            [("", ""), ("  a   b ", "a b"), ("\ta\t", "a"), ("a\t b", "a\t b"), ("\"a  b\"", "\"a b\"")]
        {
            assert_eq!(squeeze(value), want, "{value:?}");
        }
    }

    #[test]
    fn all_but_unreserved_bytes_are_encoded() {
        assert_eq!(encode(b"aZ09-_.~ /+%\x00\xff"), "aZ09-_.~%20%2F%2B%25%00%FF");
    }
}
