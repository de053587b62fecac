//! The built-in HTTP client: one kind of request, and as little of a reply as can be read.

use core::time::Duration;
use std::collections::HashMap;
use std::error::Error;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, StatusCode, Url};

use super::error::{Transport, Unavailable, VerifyError};
use super::exchange::{Exchange, FIXED_HEADERS};
use super::roots::Roots;
use crate::endpoint::Endpoint;
use crate::identity::{CallerIdentity, ReplyError};
use crate::policy::Refusal;
use crate::presigned::InvalidUrl;
use crate::secret::{SecretBytes, SecretText};

/// The longest wait that a `Retry-After` is believed.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);
/// How long a connection is kept that nobody uses: longer than the gaps within a wave of agents that boot together,
/// and as long as `reqwest` has it unless it is told. One that STS closes before is noticed, or tried again.
const IDLE: Duration = Duration::from_secs(90);
/// `GetCallerIdentity` that nobody signed: STS answers 403 `MissingAuthenticationToken`, and nothing in it is secret.
const UNSIGNED: &str = "/?Action=GetCallerIdentity&Version=2011-06-15";

/// What STS answered.
pub struct Reply {
    status: StatusCode,
    content_type: Option<Box<str>>,
    /// It can quote the request.
    body: SecretBytes,
    retry_after: Option<Duration>,
}

impl Reply {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The content type, if it is text.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The body.
    ///
    /// # Security warning
    ///
    /// The body of a refusal can echo the request, session token included: it belongs in no log.
    #[must_use]
    pub fn expose_body(&self) -> &[u8] {
        self.body.expose()
    }

    /// How long STS asks to wait, where it says so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl core::fmt::Debug for Reply {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

/// What the operator may choose about connections.
#[derive(Debug)]
pub(super) struct ClientSettings {
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) idle_per_host: usize,
    pub(super) proxy: Option<SecretText>,
    /// The certificate authority of a custom endpoint, by host.
    pub(super) private: HashMap<Box<str>, Box<str>>,
    #[cfg(feature = "testing")]
    pub(super) stand_in: Option<super::danger::StandIn>,
}

/// The clients: one for hosts that the public roots speak for, and one for each host with an authority of its
/// own, so that a private authority never speaks for AWS.
#[derive(Debug)]
pub(super) struct StsClient {
    public: Client,
    private: HashMap<Box<str>, Client>,
}

impl StsClient {
    pub(super) fn new(settings: &ClientSettings) -> Result<Self, reqwest::Error> {
        let public = builder(settings)?;
        #[cfg(feature = "testing")]
        let public = match &settings.stand_in {
            Some(stand_in) => stand_in.apply(public)?,
            None => Roots::find().apply(public),
        };
        #[cfg(not(feature = "testing"))]
        let public = Roots::find().apply(public);
        let private = settings.private.iter().map(|(host, pem)| {
            Ok((host.clone(), Roots::pem(pem.as_bytes())?.apply(builder(settings)?).build()?))
        });
        Ok(Self { public: public.build()?, private: private.collect::<Result<_, reqwest::Error>>()? })
    }

    /// Puts the question once.
    pub(super) async fn ask(&self, exchange: &Exchange<'_>) -> Result<Reply, VerifyError> {
        // The rebuilt text is ours, and `url` must read it as we do.
        let url = Url::parse(exchange.url()).ok().filter(|url| url.as_str() == exchange.url());
        let url = url.ok_or(Refusal::Form(InvalidUrl::NotCanonical))?;
        let client = self.of_host(exchange.evidence().host());
        // The client sends the fixed headers by itself.
        let request = exchange
            .bound_headers()
            .fold(client.get(url), |request, (name, value)| request.header(name, value));
        let response = request.send().await.map_err(without_answer)?;
        read(response).await
    }

    /// Sends what says nothing, and reads what comes, so that the connection is there and free.
    pub(super) async fn greet(&self, endpoint: &Endpoint) -> Result<Reply, VerifyError> {
        let url = Url::parse(&["https://", endpoint.host(), UNSIGNED].concat());
        let url = url.map_err(|_| Refusal::Form(InvalidUrl::NotCanonical))?;
        let response = self.of_host(endpoint.host()).get(url).send().await.map_err(without_answer)?;
        read(response).await
    }

    fn of_host(&self, host: &str) -> &Client {
        self.private.get(host).unwrap_or(&self.public)
    }
}

/// Everything that a general client does for convenience is off, said one by one: what is off by default here may
/// be on where another crate switches on a feature of the HTTP client.
fn builder(settings: &ClientSettings) -> Result<ClientBuilder, reqwest::Error> {
    let builder = Client::builder()
        .https_only(true)
        // One exchange per connection: no stream shares another's fate, and there is no second protocol to attack.
        .http1_only()
        .tls_backend_rustls()
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        // A redirect would carry the evidence elsewhere; it is an error (`ReplyError::Redirected`).
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        // A compressed reply is an error (`ReplyError::Encoded`), not something to unpack.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        // No environment variable decides where evidence goes.
        .no_proxy()
        .default_headers(fixed_headers())
        .connect_timeout(settings.connect_timeout)
        // No timeout of its own for the rest: every call stands within the verification's deadline.
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(settings.idle_per_host);
    match &settings.proxy {
        Some(proxy) => Ok(builder.proxy(reqwest::Proxy::https(proxy.expose())?)),
        None => Ok(builder),
    }
}

fn fixed_headers() -> HeaderMap {
    let typed = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    FIXED_HEADERS.into_iter().map(typed).collect()
}

/// The status comes first: of a server error it says enough, whatever its body is.
async fn read(mut response: Response) -> Result<Reply, VerifyError> {
    let status = response.status();
    let headers = response.headers();
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(Into::into);
    let retry_after = retry_after(headers);
    let body = match read_body(&mut response).await {
        Err(_) if status.is_server_error() => SecretBytes::default(),
        body => body?,
    };
    Ok(Reply { status, content_type, body, retry_after })
}

async fn read_body(response: &mut Response) -> Result<SecretBytes, VerifyError> {
    if response.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(VerifyError::InvalidReply(ReplyError::Encoded));
    }
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    let room = announced.unwrap_or_default().min(CallerIdentity::MAX_REPLY);
    let mut body = SecretBytes::with_capacity(room);
    // The body of a redirect is of no interest; unless it has come already, its connection is closed.
    while !response.status().is_redirection()
        && let Some(chunk) = response.chunk().await.map_err(interrupted)?
    {
        // Capped while it is read, whatever length was announced.
        if body.expose().len().saturating_add(chunk.len()) > CallerIdentity::MAX_REPLY {
            return Err(VerifyError::InvalidReply(ReplyError::TooLarge));
        }
        body.extend(&chunk);
    }
    Ok(body)
}

/// `Retry-After` in seconds; its other form, a date, is not believed.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// No head of a reply was read.
fn without_answer(error: reqwest::Error) -> VerifyError {
    // A connection that took too long to come about is first of all none: another attempt can help.
    if error.is_connect() {
        VerifyError::Unavailable(Unavailable::Connect(Transport::new(error)))
    } else if error.is_timeout() || is_no_http(&error) {
        interrupted(error)
    } else {
        VerifyError::Unavailable(Unavailable::Unanswered(Transport::new(error)))
    }
}

fn interrupted(error: reqwest::Error) -> VerifyError {
    VerifyError::Unavailable(if error.is_timeout() {
        Unavailable::Timeout
    } else {
        Unavailable::Interrupted(Transport::new(error))
    })
}

/// Whether something came that is no head of HTTP, which it would be again.
fn is_no_http(error: &reqwest::Error) -> bool {
    let first: &(dyn Error + 'static) = error;
    core::iter::successors(Some(first), |&error| error.source())
        .any(|error| error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse))
}
