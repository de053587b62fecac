//! Where IMDS answers.

use core::fmt;
use core::net::Ipv6Addr;
use std::env;

use thiserror::Error;

use super::error::ImdsError;
use crate::charset::all_of;

const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const MODE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";

/// The address of an instance metadata service: a host and a port, spoken to in plain HTTP.
///
/// ```
/// use sts_agent_name::agent::imds::ImdsEndpoint;
///
/// assert_eq!(ImdsEndpoint::ipv4().to_string(), "http://169.254.169.254");
/// assert_eq!(ImdsEndpoint::ipv6().to_string(), "http://[fd00:ec2::254]");
/// assert_eq!(ImdsEndpoint::parse("http://imds.example:8080/")?.to_string(), "http://imds.example:8080");
/// # Ok::<(), sts_agent_name::agent::imds::InvalidImdsEndpoint>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct ImdsEndpoint {
    /// As it stands in the URL and in the `Host` header, brackets and port included.
    authority: Box<str>,
    host: Box<str>,
    port: u16,
}

impl ImdsEndpoint {
    /// `http://169.254.169.254`, which every instance has.
    #[must_use]
    pub fn ipv4() -> Self {
        Self { authority: "169.254.169.254".into(), host: "169.254.169.254".into(), port: 80 }
    }

    /// `http://[fd00:ec2::254]`, for Nitro instances with `HttpProtocolIpv6` switched on.
    #[must_use]
    pub fn ipv6() -> Self {
        Self { authority: "[fd00:ec2::254]".into(), host: "fd00:ec2::254".into(), port: 80 }
    }

    /// Parses `http://` and a host, with a port or without, and nothing behind it but one slash.
    ///
    /// # Errors
    ///
    /// ```
    /// use sts_agent_name::agent::imds::{ImdsEndpoint, InvalidImdsEndpoint};
    ///
    /// for text in ["", "169.254.169.254", "http://", "http://a:0", "http://a/latest", "http://u@a", "http://[::1"] {
    ///     assert_eq!(ImdsEndpoint::parse(text), Err(InvalidImdsEndpoint::Form), "{text}");
    /// }
    /// assert_eq!(ImdsEndpoint::parse("https://169.254.169.254"), Err(InvalidImdsEndpoint::NotHttp));
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidImdsEndpoint> {
        if text.starts_with("https:") {
            return Err(InvalidImdsEndpoint::NotHttp);
        }
        let authority = text.strip_prefix("http://").ok_or(InvalidImdsEndpoint::Form)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = split(authority).ok_or(InvalidImdsEndpoint::Form)?;
        Ok(Self { authority: authority.into(), host: host.into(), port })
    }

    /// The endpoint that the environment names, as the AWS SDKs read it:
    ///
    /// * `AWS_EC2_METADATA_DISABLED=true`: none;
    /// * `AWS_EC2_METADATA_SERVICE_ENDPOINT`: this one;
    /// * `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE`: `IPv4`, which is the default, or `IPv6`.
    ///
    /// Whoever sets these variables chooses whose credentials the agent signs with. An empty variable counts as
    /// unset.
    ///
    /// # Errors
    ///
    /// [`ImdsError::Disabled`], or [`ImdsError::Environment`] if a variable is none of the above.
    pub fn from_env() -> Result<Self, ImdsError> {
        Self::from_variables(variable)
    }

    fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, ImdsError> {
        if get(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Err(ImdsError::Disabled);
        }
        if let Some(text) = get(ENDPOINT) {
            let wrong = |_| ImdsError::Environment {
                variable: ENDPOINT,
                expected: "http://host or http://host:port",
            };
            return Self::parse(&text).map_err(wrong);
        }
        match get(MODE) {
            None => Ok(Self::ipv4()),
            Some(mode) if mode.eq_ignore_ascii_case("ipv4") => Ok(Self::ipv4()),
            Some(mode) if mode.eq_ignore_ascii_case("ipv6") => Ok(Self::ipv6()),
            Some(_) => Err(ImdsError::Environment { variable: MODE, expected: "IPv4 or IPv6" }),
        }
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// What a socket connects to.
    pub(super) fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }
}

impl fmt::Debug for ImdsEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImdsEndpoint({self})")
    }
}

impl fmt::Display for ImdsEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

/// The text is not an endpoint.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidImdsEndpoint {
    /// Something else than `http://host` or `http://host:port`.
    #[error("not http://host or http://host:port")]
    Form,
    /// IMDS speaks plain HTTP on a link that does not leave the machine; there is no TLS to ask for.
    #[error("https, but IMDS speaks plain http")]
    NotHttp,
}

/// A variable of the environment that is set and not empty. What is not Unicode becomes something that no
/// parser takes.
pub(super) fn variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}

/// Host and port of an authority; the host without its brackets.
fn split(authority: &str) -> Option<(&str, u16)> {
    let (host, port) = if let Some(literal) = authority.strip_prefix('[') {
        let (host, port) = literal.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
    } else {
        let (host, port) =
            authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if !all_of(host.as_bytes(), 1, 253, is_host) || host.starts_with(['-', '.']) {
            return None;
        }
        (host, port)
    };
    let Some(port) = port else { return Some((host, 80)) };
    // `u16::from_str` takes a plus sign.
    let digits = all_of(port.as_bytes(), 1, 5, |b| b.is_ascii_digit());
    port.parse().ok().filter(|port| digits && *port != 0).map(|port| (host, port))
}

#[cfg(test)]
mod tests {
    use super::{DISABLED, ENDPOINT, ImdsEndpoint, ImdsError, InvalidImdsEndpoint, MODE};

    fn from(variables: &[(&str, &str)]) -> Result<String, ImdsError> {
        let get = |name: &str| {
            let found = variables.iter().find(|(given, _)| *given == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        ImdsEndpoint::from_variables(get).map(|endpoint| endpoint.to_string())
    }

    #[test]
    fn the_environment_is_read_as_the_sdks_read_it() {
        for (variables, want) in [
            (&[][..], "http://169.254.169.254"),
            (&[(MODE, "IPv4")], "http://169.254.169.254"),
            (&[(MODE, "ipv6")], "http://[fd00:ec2::254]"),
            (&[(MODE, "IPv6"), (ENDPOINT, "http://127.0.0.1:8080/")], "http://127.0.0.1:8080"),
            (&[(DISABLED, "false")], "http://169.254.169.254"),
        ] {
            assert_eq!(from(variables).expect(want), want);
        }
        assert!(matches!(from(&[(DISABLED, "TRUE"), (ENDPOINT, "http://a")]), Err(ImdsError::Disabled)));
        assert_eq!(
            from(&[(MODE, "IPv5")]).unwrap_err().to_string(),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is not IPv4 or IPv6",
        );
        assert_eq!(
            from(&[(ENDPOINT, "169.254.169.254")]).unwrap_err().to_string(),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT is not http://host or http://host:port",
        );
    }

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        for (text, want) in [
            ("http://localhost", ("localhost", 80)),
            ("http://127.0.0.1:65535", ("127.0.0.1", 65535)),
            ("http://[::1]:1338", ("::1", 1338)),
            ("http://[fd00:ec2::254]/", ("fd00:ec2::254", 80)),
        ] {
            assert_eq!(ImdsEndpoint::parse(text).expect(text).address(), want);
        }
        for text in [
            "http:///",
            "http://a//",
            "http://a?b",
            "http://a#b",
            "http://a:",
            "http://a:+80",
            "http://a:65536",
            "http://a:80:80",
            "http://::1",
            "http://[127.0.0.1]",
            "http://[::1]80",
            "http://[fe80::1%eth0]",
            "http://a\r\nx: y",
            "http://-a",
            "HTTP://a",
            " http://a",
        ] {
            assert_eq!(ImdsEndpoint::parse(text), Err(InvalidImdsEndpoint::Form), "{text:?}");
        }
    }
}
