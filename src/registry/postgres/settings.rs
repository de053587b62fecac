//! The URL, which is the whole of a store's configuration.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::tls::Trust;
use crate::registry::ConnectError;

/// Connections for everything that counts, unless the URL says otherwise.
const POOL_SIZE: usize = 8;
/// Connections for looks at spent signatures.
const LOOKUP_POOL_SIZE: usize = 2;
const MAX_POOL_SIZE: usize = 1000;
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection is silent before it is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How long what was sent may remain unacknowledged.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);
const MAX_TIMEOUT: Duration = Duration::from_mins(10);

/// What a URL says, but for whom to trust.
pub(super) struct Settings {
    pub(super) config: Config,
    pub(super) pool_size: usize,
    pub(super) lookup_pool_size: usize,
    pub(super) statement_timeout: Duration,
    pub(super) lock_timeout: Duration,
}

impl Settings {
    pub(super) fn parse(url: &str) -> Result<(Self, Trust), ConnectError> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut own = Own::default();
        let mut rest = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let slot = match name {
                "lock_timeout" => &mut own.lock_timeout,
                "lookup_pool_size" => &mut own.lookup_pool_size,
                "pool_size" => &mut own.pool_size,
                "sslmode" => &mut own.ssl_mode,
                "sslrootcert" => &mut own.ssl_root_cert,
                "statement_timeout" => &mut own.statement_timeout,
                _ => {
                    rest.push(parameter);
                    continue;
                }
            };
            let value = percent_decode_str(value).decode_utf8().map_err(|_| invalid(FORM))?;
            if slot.replace(value).is_some() {
                return Err(invalid("a parameter of a postgres: URL is given once"));
            }
        }
        let mut config =
            Config::from_str(&format!("{base}?{}", rest.join("&"))).map_err(|_| invalid(FORM))?;
        if config.get_hosts().is_empty() {
            return Err(invalid("a postgres: URL names a host"));
        }
        let trust = own.tls(&mut config)?;
        fill_in(&mut config);
        let settings = Self {
            config,
            pool_size: size(own.pool_size, POOL_SIZE)?,
            lookup_pool_size: size(own.lookup_pool_size, LOOKUP_POOL_SIZE)?,
            statement_timeout: timeout(own.statement_timeout, STATEMENT_TIMEOUT)?,
            lock_timeout: timeout(own.lock_timeout, LOCK_TIMEOUT)?,
        };
        Ok((settings, trust))
    }
}

/// Without the URL, which may hold a password.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

/// The parameters that are not the driver's, or not as the driver reads them.
#[derive(Default)]
struct Own<'a> {
    lock_timeout: Option<Cow<'a, str>>,
    lookup_pool_size: Option<Cow<'a, str>>,
    pool_size: Option<Cow<'a, str>>,
    ssl_mode: Option<Cow<'a, str>>,
    ssl_root_cert: Option<Cow<'a, str>>,
    statement_timeout: Option<Cow<'a, str>>,
}

impl Own<'_> {
    fn tls(&self, config: &mut Config) -> Result<Trust, ConnectError> {
        let mode = match self.ssl_mode.as_deref() {
            None if is_this_machine(config) => "prefer",
            None => {
                return Err(invalid(
                    "sslmode is disable, prefer, require or verify-full: say which for a \
                     database on another machine",
                ));
            }
            Some(mode) => mode,
        };
        config.ssl_mode(match mode {
            "disable" => SslMode::Disable,
            "prefer" => SslMode::Prefer,
            "require" | "verify-full" => SslMode::Require,
            _ => return Err(invalid("sslmode is disable, prefer, require or verify-full")),
        });
        match (mode, self.ssl_root_cert.as_deref()) {
            ("verify-full", Some(path)) => Trust::in_file(path),
            ("verify-full", None) => Err(invalid("verify-full goes with sslrootcert, a PEM file")),
            (_, Some(_)) => Err(invalid("sslrootcert goes with sslmode=verify-full")),
            (_, None) => Ok(Trust::Anyone),
        }
    }
}

fn is_this_machine(config: &Config) -> bool {
    let addresses = config.get_hostaddrs();
    if !addresses.is_empty() {
        return addresses.iter().all(std::net::IpAddr::is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}

/// What a URL leaves open must not wait forever.
fn fill_in(config: &mut Config) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNACKNOWLEDGED);
    }
    if config.get_keepalives_idle() > KEEPALIVE {
        config.keepalives_idle(KEEPALIVE);
    }
    if config.get_application_name().is_none() {
        config.application_name("sts-agent-name");
    }
}

fn size(value: Option<Cow<'_, str>>, otherwise: usize) -> Result<usize, ConnectError> {
    let Some(value) = value else { return Ok(otherwise) };
    let size = value.parse().ok().filter(|size| (1..=MAX_POOL_SIZE).contains(size));
    size.ok_or_else(|| invalid("the size of a pool is 1 to 1000"))
}

fn timeout(value: Option<Cow<'_, str>>, otherwise: Duration) -> Result<Duration, ConnectError> {
    let Some(value) = value else { return Ok(otherwise) };
    let millis = value.parse().ok().map(Duration::from_millis);
    let some = millis.filter(|timeout| !timeout.is_zero() && *timeout <= MAX_TIMEOUT);
    some.ok_or_else(|| invalid("a timeout is 1 to 600000 milliseconds"))
}

const FORM: &str = "postgres://user:password@host:port/database?parameter=value";

fn invalid(rule: &'static str) -> ConnectError {
    ConnectError::InvalidUrl { rule }
}
