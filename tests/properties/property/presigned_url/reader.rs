//! A second reader of pre-signed `GetCallerIdentity` URLs, written for the tests alone.
//!
//! It splits with the library's `split`, decodes into owned strings, and knows the calendar by itself.

use std::collections::BTreeMap;

use sts_agent_name::EndpointSet;

use super::super::{is_made_of, is_unique_id};

pub(super) struct Parts {
    pub(super) host: String,
    pub(super) region: String,
    pub(super) access_key_id: String,
    pub(super) date: String,
    pub(super) expires: Option<u64>,
    pub(super) signed_headers: Vec<String>,
    pub(super) token: Option<String>,
    signature: String,
}

impl Parts {
    /// The parameters in the order in which they are written.
    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        let day = &self.date[..8];
        let credential = format!("{}/{day}/{}/sts/aws4_request", self.access_key_id, self.region);
        let mut pairs = vec![
            ("Action", "GetCallerIdentity".to_owned()),
            ("Version", "2011-06-15".to_owned()),
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("X-Amz-Credential", credential),
            ("X-Amz-Date", self.date.clone()),
        ];
        pairs.extend(self.expires.map(|seconds| ("X-Amz-Expires", seconds.to_string())));
        pairs.push(("X-Amz-SignedHeaders", self.signed_headers.join(";")));
        pairs.extend(self.token.clone().map(|token| ("X-Amz-Security-Token", token)));
        pairs.push(("X-Amz-Signature", self.signature.clone()));
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    pub(super) fn canonical(&self) -> String {
        let pairs: Vec<String> =
            self.pairs().iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        format!("https://{}/?{}", self.host, pairs.join("&"))
    }
}

const NAMES: [&str; 9] = [
    "Action",
    "Version",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// The parts of `text`, or `None` if a rule is broken, whichever.
pub(super) fn read(text: &str, endpoints: &EndpointSet) -> Option<Parts> {
    if text.len() > 8192 {
        return None;
    }
    let (front, query) = text.strip_prefix("https://")?.split_once('?')?;
    let host = front.strip_suffix('/').unwrap_or(front);
    let endpoint = endpoints.iter().find(|endpoint| endpoint.host() == host)?;

    let mut values = BTreeMap::new();
    for piece in query.split('&') {
        let (name, value) = piece.split_once('=')?;
        let known = NAMES.contains(&name);
        if !known || values.insert(name, decode(value)?).is_some() {
            return None;
        }
    }
    let mut take = |name: &str| values.remove(name);
    if take("Action")? != "GetCallerIdentity"
        || take("Version")? != "2011-06-15"
        || take("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256"
    {
        return None;
    }

    let date = take("X-Amz-Date").filter(|date| is_moment(date))?;
    let region = endpoint.region().as_str().to_owned();
    let scope = format!("/{}/{region}/sts/aws4_request", &date[..8]);
    let access_key_id = take("X-Amz-Credential")?.strip_suffix(&scope)?.to_owned();
    if !is_unique_id(&access_key_id, "AKIA") && !is_unique_id(&access_key_id, "ASIA") {
        return None;
    }

    let expires = match take("X-Amz-Expires") {
        None => None,
        Some(text) => {
            let seconds: u64 = text.parse().ok()?;
            ((1..=604_800).contains(&seconds) && seconds.to_string() == text).then_some(seconds)?;
            Some(seconds)
        }
    };
    let list = take("X-Amz-SignedHeaders").filter(|list| list.len() <= 512)?;
    let signed_headers: Vec<String> = list.split(';').map(str::to_owned).collect();
    let is_name = |name: &String| is_made_of(name, 1, 512, "_-") && name.to_ascii_lowercase() == *name;
    let mut sorted = signed_headers.clone();
    sorted.sort();
    sorted.dedup();
    let names_host = signed_headers.contains(&"host".to_owned());
    if !signed_headers.iter().all(is_name) || sorted != signed_headers || !names_host {
        return None;
    }

    let token = take("X-Amz-Security-Token");
    let is_token_char = |c: char| c.is_ascii_graphic() && !"<>\"'`&".contains(c);
    if token.as_ref().is_some_and(|token| token.is_empty() || !token.chars().all(is_token_char)) {
        return None;
    }
    let signature = take("X-Amz-Signature")?;
    if signature.len() != 64 || !signature.chars().all(|c| "0123456789abcdef".contains(c)) {
        return None;
    }

    let host = host.to_owned();
    let parts = Parts { host, region, access_key_id, date, expires, signed_headers, token, signature };
    // What is written must be read again.
    (parts.canonical().len() <= 8192).then_some(parts)
}

/// `raw` with its escapes decoded; only unreserved characters may stand as they are.
fn decode(raw: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut pieces = raw.split('%');
    bytes.extend_from_slice(pieces.next()?.as_bytes());
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        if !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    // The digits of an escape are unreserved characters themselves.
    let plain = raw.chars().all(|c| c == '%' || is_unreserved(c));
    plain.then(|| String::from_utf8(bytes).ok())?
}

fn encode(value: &str) -> String {
    let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
    let mut text = String::new();
    for byte in value.bytes() {
        if is_unreserved(char::from(byte)) {
            text.push(char::from(byte));
        } else {
            text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    text
}

fn is_unreserved(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~".contains(c)
}

/// `YYYYMMDDTHHMMSSZ`, and a moment of the Gregorian calendar.
fn is_moment(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    if shape != "00000000T000000Z" {
        return false;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<u32>().unwrap_or_default();
    let (year, month, day) = (number(0, 4), number(4, 6), number(6, 8));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day) && number(9, 11) < 24 && number(11, 13) < 60 && number(13, 15) < 60
}
