//! The parts of a text as they may be shown. This reads loosely and decides nothing.
//!
//! A value is shown only in its own narrow alphabet, so that nothing of a token or a signature is shown where a text
//! is cut, joined or encoded in an odd way; and nothing that a terminal would act on.

use std::borrow::Cow;

/// A text in parts, none of them checked.
#[derive(Default)]
pub(super) struct Parts<'t> {
    text: &'t str,
    host: Option<&'t str>,
    path: &'t str,
    query: &'t str,
}

impl<'t> Parts<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let Some(rest) = text.strip_prefix("https://") else { return Self { text, ..Self::default() } };
        let (host, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        Self { text, host: Some(host), path, query }
    }

    pub(super) fn length(&self) -> Cow<'static, str> {
        if self.text.len() > sts_agent_name::PresignedUrl::MAX_LENGTH {
            return Cow::Borrowed("more than 8192 bytes");
        }
        Cow::Owned(format!("{} bytes", self.text.len()))
    }

    pub(super) fn host(&self) -> Option<Cow<'t, str>> {
        let host = self.host?;
        // A label of DNS has at most 63 bytes, a signature has 64.
        let plain = host.len() <= 100 && host.split('.').all(|label| label.len() < 64);
        let known = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
        Some(if plain && known { Cow::Borrowed(host) } else { hidden(host) })
    }

    pub(super) fn path(&self) -> Option<Cow<'t, str>> {
        self.host?;
        Some(if self.path.len() <= 1 { Cow::Borrowed(self.path) } else { hidden(self.path) })
    }

    /// The value of a parameter that is neither token nor signature.
    pub(super) fn value(&self, name: &str) -> Option<Cow<'t, str>> {
        let raw = self.raw(name)?;
        let digit = |b: u8| b.is_ascii_digit();
        let (longest, letters, stops): (usize, fn(u8) -> bool, &[u8]) = match name {
            "Action" => (40, |b| b.is_ascii_alphabetic(), b""),
            "X-Amz-Algorithm" => (32, |b| b.is_ascii_uppercase(), b"-"),
            "X-Amz-Credential" => (200, |b| b.is_ascii_alphabetic(), b"/-_"),
            "X-Amz-Date" => (20, |b| b == b'T' || b == b'Z', b"-"),
            "X-Amz-SignedHeaders" => (200, |b| b.is_ascii_lowercase(), b";-_"),
            _ => (20, |_| false, b"-"),
        };
        let value = if raw.contains('%') { Cow::Owned(decoded(raw)?) } else { Cow::Borrowed(raw) };
        let known = value.bytes().all(|b| digit(b) || letters(b) || stops.contains(&b));
        // A signature has 64 digits without a stop.
        let short = value.split(['/', ';', '-']).all(|piece| piece.len() < 64);
        Some(if value.len() <= longest && known && short { value } else { hidden(raw) })
    }

    /// That a secret is there, and how long it is.
    pub(super) fn redacted(&self, name: &str) -> Option<Cow<'t, str>> {
        self.raw(name).map(|raw| Cow::Owned(format!("redacted, {} bytes", raw.len())))
    }

    fn raw(&self, name: &str) -> Option<&'t str> {
        self.query.split('&').find_map(|piece| piece.strip_prefix(name)?.strip_prefix('='))
    }
}

fn hidden(text: &str) -> Cow<'static, str> {
    Cow::Owned(format!("not shown, {} bytes", text.len()))
}

/// Decoded once; `None` if that is no ASCII text.
fn decoded(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(next) = rest.next() {
        let byte = if next == '%' {
            let (high, low) = (rest.next()?.to_digit(16)?, rest.next()?.to_digit(16)?);
            char::from_u32(high * 16 + low)?
        } else {
            next
        };
        out.push(byte);
    }
    out.is_ascii().then_some(out)
}
