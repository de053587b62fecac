//! The request as the service saw it.

use std::fmt;

/// A request as it came in: nothing decoded, nothing folded.
///
/// Its query may hold a session token and a signature, so `Debug` leaves the query and the headers' values out.
#[derive(Clone)]
pub struct ReceivedRequest<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> ReceivedRequest<'a> {
    /// A request without headers. `query` is what stands behind the `?`; an empty `path` means `/`.
    #[must_use]
    pub fn new(method: &'a str, path: &'a str, query: &'a str) -> Self {
        Self { method, path, query, headers: Vec::new() }
    }

    /// The request that a client sends for `url`: its authority becomes the `Host` header.
    ///
    /// `None` if `url` does not start with `https://`, or names no host. A fragment is never sent, so it is cut off.
    ///
    /// ```
    /// # use sts_agent_name::testing::sigv4::ReceivedRequest;
    /// let request = ReceivedRequest::from_url("GET", "https://sts.amazonaws.com/?Action=GetCallerIdentity");
    /// assert_eq!(request.and_then(|it| it.host()), Some("sts.amazonaws.com"));
    /// assert!(ReceivedRequest::from_url("GET", "http://sts.amazonaws.com/").is_none());
    /// ```
    #[must_use]
    pub fn from_url(method: &'a str, url: &'a str) -> Option<Self> {
        let rest = url.strip_prefix("https://")?;
        let rest = rest.split_once('#').map_or(rest, |(sent, _)| sent);
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.find('/').map_or((place, ""), |slash| place.split_at(slash));
        (!authority.is_empty()).then(|| Self::new(method, path, query).header("Host", authority))
    }

    /// Adds a header, in the order of the wire. A name may come more than once.
    #[must_use]
    pub fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The one `Host` header; `None` if there is none, or more than one.
    #[must_use]
    pub fn host(&self) -> Option<&'a str> {
        let mut hosts = self.values("host");
        let host = hosts.next()?;
        hosts.next().is_none().then_some(host)
    }

    pub(in crate::testing) fn method(&self) -> &'a str {
        self.method
    }

    pub(in crate::testing) fn path(&self) -> &'a str {
        self.path
    }

    pub(in crate::testing) fn query(&self) -> &'a str {
        self.query
    }

    /// The values of every header called `name`, whatever its case, in the order of the wire.
    pub(in crate::testing) fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(given, _)| given.eq_ignore_ascii_case(name))
            .map(|&(_, value)| value)
    }

    pub(in crate::testing) fn header_names(&self) -> impl Iterator<Item = &'a str> {
        self.headers.iter().map(|&(name, _)| name)
    }
}

impl fmt::Debug for ReceivedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedRequest")
            .field("method", &self.method)
            .field("headers", &self.headers.len())
            .finish_non_exhaustive()
    }
}
