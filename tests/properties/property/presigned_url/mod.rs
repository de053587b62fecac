//! `PresignedUrl::parse` against a second reader and against `url::Url`.
//!
//! Accepted means: the rebuilt text reads as the same parts, is a fixed point, and means to a URL library what it
//! means to us. Both readers accept the same texts.

mod reader;

use std::sync::LazyLock;

use sts_agent_name::{AccessKeyKind, EndpointSet, InvalidUrl, PresignedUrl};

use self::reader::{Parts, read};

/// What a URL of this kind is made of, for edits.
pub(crate) const WORDS: &[&str] = &[
    "https://",
    "sts.amazonaws.com",
    "sts.us-east-1.amazonaws.com",
    "sts.eu-central-1.api.aws",
    "sts-fips.us-west-2.amazonaws.com",
    "sts.cn-north-1.amazonaws.com.cn",
    "/?",
    "&Action=GetCallerIdentity",
    "&Version=2011-06-15",
    "&X-Amz-Algorithm=AWS4-HMAC-SHA256",
    "&X-Amz-Credential=",
    "AKIAIOSFODNN7EXAMPLE",
    "%2F20260101%2F",
    "us-east-1",
    "eu-central-1",
    "%2Fsts%2Faws4_request",
    "&X-Amz-Date=",
    "20260101T000000Z",
    "20240229T235959Z",
    "&X-Amz-Expires=",
    "604800",
    "&X-Amz-SignedHeaders=",
    "host",
    "%3B",
    "%3Bhost",
    "%3Bx-audience",
    "&X-Amz-Security-Token=",
    "&X-Amz-Signature=",
    "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD",
    "@",
    ":443",
    "%00",
    "%0d%0a",
    "%26Action=",
    "+",
    "#",
];

static ENDPOINTS: LazyLock<EndpointSet> = LazyLock::new(EndpointSet::built_in);

pub(crate) fn check(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let parts = read(text, &ENDPOINTS);
    let url = match PresignedUrl::parse(text) {
        Ok(url) => url,
        Err(invalid) => {
            assert!(parts.is_none(), "refused ({invalid}), and a second reader accepts");
            assert_ne!(invalid, InvalidUrl::NotCanonical);
            return;
        }
    };
    let parts = parts.expect("accepted, and a second reader refuses");
    agrees(&url, &parts);
    assert_eq!(url.expose(), parts.canonical());

    let again = PresignedUrl::parse(url.expose()).expect("the rebuilt text is read");
    assert_eq!(again.expose(), url.expose(), "the rebuilt text is a fixed point");
    agrees(&again, &parts);
    let reread = read(url.expose(), &ENDPOINTS).expect("the rebuilt text is read twice");
    agrees(&url, &reread);
    a_library_reads_it_alike(&url, &parts);
}

/// Each typed view against the second reader's part.
fn agrees(url: &PresignedUrl, parts: &Parts) {
    assert_eq!(url.host(), parts.host);
    assert_eq!(url.region().as_str(), parts.region);
    assert_eq!(url.access_key_id(), parts.access_key_id);
    let temporary = url.access_key_kind() == AccessKeyKind::Temporary;
    assert_eq!(temporary, parts.access_key_id.starts_with("ASIA"));
    let at = url.signed_at();
    let (hour, minute, second) = at.to_hms();
    let moment = format!("{:04}{:02}{:02}", at.year(), u8::from(at.month()), at.day());
    assert_eq!(format!("{moment}T{hour:02}{minute:02}{second:02}Z"), parts.date);
    assert_eq!((at.offset().is_utc(), at.nanosecond()), (true, 0));
    assert_eq!(url.expires_in().map(|life| life.as_secs()), parts.expires);
    assert!(url.signed_headers().eq(parts.signed_headers.iter()), "signed headers");
    assert_eq!(url.has_session_token(), parts.token.is_some());
    assert_eq!(url.good_until(), None);
}

fn a_library_reads_it_alike(ours: &PresignedUrl, parts: &Parts) {
    let theirs = url::Url::parse(ours.expose()).expect("a URL library reads the rebuilt text");
    assert_eq!(theirs.as_str(), ours.expose());
    assert_eq!((theirs.scheme(), theirs.host_str()), ("https", Some(ours.host())));
    assert_eq!((theirs.port(), theirs.path(), theirs.fragment()), (None, "/", None));
    assert_eq!((theirs.username(), theirs.password()), ("", None));
    let pairs: Vec<(String, String)> = theirs.query_pairs().into_owned().collect();
    assert_eq!(pairs, parts.pairs());
}
