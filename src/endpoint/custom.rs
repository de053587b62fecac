//! The form of an authority that an operator may name.

use core::net::{Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// Longest host name in DNS ([RFC 1035, section 2.3.4](https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4)).
const MAX_HOST: usize = 253;
const MAX_LABEL: usize = 63;
/// The port that a URL of scheme `https` never names.
const DEFAULT_PORT: u16 = 443;

/// Why an authority cannot be a custom endpoint.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidEndpoint {
    /// The host is one of the built-in table; its meaning cannot be changed.
    #[error("the host is in the built-in endpoint table")]
    BuiltIn,
    /// Not a lower-case host name, IPv4 address or bracketed IPv6 address in its shortest form.
    #[error("not a lower-case host name or an IP address")]
    Host,
    /// The port is not a plain number from 1 to 65535, or is 443, which is left out of URLs.
    #[error("not a port, or the default port 443")]
    Port,
}

/// Accepts only what every URL library writes back unchanged, so that text and meaning stay one.
pub(super) fn check(authority: &str) -> Result<(), InvalidEndpoint> {
    let (host, port) = split_port(authority);
    if !(is_ipv6(host) || is_ipv4(host) || is_dns_name(host)) {
        return Err(InvalidEndpoint::Host);
    }
    match port.map(|text| (text, text.parse::<u16>())) {
        None => Ok(()),
        Some((text, Ok(port))) if port != 0 && port != DEFAULT_PORT && port.to_string() == text => Ok(()),
        Some(_) => Err(InvalidEndpoint::Port),
    }
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_ipv6(host: &str) -> bool {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|inner| {
        inner.parse::<Ipv6Addr>().is_ok_and(|address| {
            // Addresses with an embedded IPv4 part are written in more than one way.
            address.to_ipv4().is_none() && address.to_string() == inner
        }) || inner == "::1"
    })
}

fn is_ipv4(host: &str) -> bool {
    host.parse::<Ipv4Addr>().is_ok_and(|address| address.to_string() == host)
}

fn is_dns_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            // Internationalised names are normalised by URL libraries, each in its own way.
            && !label.starts_with("xn--")
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    // A last label of digits (or `0x…`) makes a URL library read the whole name as an IPv4 address.
    let last_is_word =
        host.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_lowercase()));
    host.len() <= MAX_HOST && last_is_word && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::{InvalidEndpoint, check};

    #[test]
    fn each_wrong_part_is_named() {
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = format!("{}example", "a.".repeat(130));
        for (authority, want) in [
            ("sts.example.com", Ok(())),
            ("localhost:8443", Ok(())),
            ("127.0.0.1:4566", Ok(())),
            ("[::1]:4566", Ok(())),
            ("[2001:db8::1]", Ok(())),
            ("", Err(InvalidEndpoint::Host)),
            ("sts.example.com.", Err(InvalidEndpoint::Host)),
            ("STS.example.com", Err(InvalidEndpoint::Host)),
            ("sts_1.example.com", Err(InvalidEndpoint::Host)),
            ("-sts.example.com", Err(InvalidEndpoint::Host)),
            ("xn--stz-9la.example", Err(InvalidEndpoint::Host)),
            ("127.1", Err(InvalidEndpoint::Host)),
            ("0x7f.1", Err(InvalidEndpoint::Host)),
            ("a.0x7f", Err(InvalidEndpoint::Host)),
            ("[::ffff:1.2.3.4]", Err(InvalidEndpoint::Host)),
            ("[2001:DB8::1]", Err(InvalidEndpoint::Host)),
            ("::1", Err(InvalidEndpoint::Host)),
            ("a@b.example", Err(InvalidEndpoint::Host)),
            ("a/b", Err(InvalidEndpoint::Host)),
            (&long_label, Err(InvalidEndpoint::Host)),
            (&long_name, Err(InvalidEndpoint::Host)),
            ("sts.example.com:", Err(InvalidEndpoint::Port)),
            ("sts.example.com:0", Err(InvalidEndpoint::Port)),
            ("sts.example.com:443", Err(InvalidEndpoint::Port)),
            ("sts.example.com:0444", Err(InvalidEndpoint::Port)),
            ("sts.example.com:65536", Err(InvalidEndpoint::Port)),
            ("sts.example.com:+444", Err(InvalidEndpoint::Port)),
        ] {
            assert_eq!(check(authority), want, "{authority:?}");
        }
    }
}
