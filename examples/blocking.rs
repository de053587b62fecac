//! Verifying without tokio: `begin` and `finish` around a client that blocks, here `ureq`.
//!
//! ```text
//! cargo run --example blocking
//! ```
//!
//! The verifying thread has no runtime. A local STS runs on other threads, and the exit status is 0 only if agent and
//! rogues are treated as told.
//!
//! **What the built-in client does is the caller's here**: one `GET` of `Exchange::url` with exactly
//! `Exchange::headers`, no redirect followed, no proxy from the environment, a deadline, a body read up to
//! `CallerIdentity::MAX_REPLY`, and no text of the HTTP client's errors let out, since it may hold the URL. Asking
//! again after `Throttled` is the caller's too.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use sts_agent_name::agent::Presigner;
use sts_agent_name::policy::{Policy, VerifiedAgent};
use sts_agent_name::server::{Exchange, Verifier, VerifyError};
use sts_agent_name::testing::{LocalSts, Principal};
use sts_agent_name::{Audience, CallerIdentity, Endpoint};
use time::OffsetDateTime;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// Why a blocking verification came to no agent.
enum Failed {
    NoAnswer,
    Verify(VerifyError),
}

impl Failed {
    fn code(&self) -> &'static str {
        match self {
            Self::NoAnswer => "unavailable",
            Self::Verify(error) => error.code(),
        }
    }
}

/// The whole check on this thread.
fn verify(
    client: &Agent,
    verifier: &Verifier,
    policy: &Policy,
    evidence: &str,
) -> Result<VerifiedAgent, Failed> {
    let exchange =
        verifier.begin(evidence, policy, now()).map_err(|refusal| Failed::Verify(refusal.into()))?;
    let (status, content_type, body) =
        ask(client, &exchange).map_err(|_may_hold_the_url| Failed::NoAnswer)?;
    exchange.finish(status, content_type.as_deref(), &body).map_err(Failed::Verify)
}

fn ask(client: &Agent, exchange: &Exchange<'_>) -> Result<(u16, Option<String>, Vec<u8>), ureq::Error> {
    let request = client.get(exchange.url());
    let request = exchange.headers().fold(request, |request, (name, value)| request.header(name, value));
    let mut response = request.call()?;
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = content_type.map(str::to_owned);
    let most = u64::try_from(CallerIdentity::MAX_REPLY).unwrap_or(u64::MAX);
    let body = response.body_mut().with_config().limit(most).read_to_vec()?;
    Ok((response.status().as_u16(), content_type, body))
}

/// A client that does nothing for convenience. With real STS the default roots and the default resolver stay.
fn client(sts: SocketAddr, authority: &str) -> Result<Agent, ureq::Error> {
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .root_certs(RootCerts::new_with_certs(&[Certificate::from_pem(authority.as_bytes())?]))
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .https_only(true)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(5)))
        .build();
    Ok(Agent::with_parts(config, DefaultConnector::default(), StandIn(sts)))
}

/// Answers every name with the local STS.
#[derive(Debug)]
struct StandIn(SocketAddr);

impl Resolver for StandIn {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(self.0);
        Ok(addresses)
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    // For the local STS alone.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let sts = LocalSts::builder().principal(machine(1, "ci-agent")).principal(machine(2, "web-server"));
    let sts = runtime.block_on(sts.start())?;

    let ours = Audience::new("ci.example.com")?;
    let verifier = Verifier::builder().audience(ours.clone()).build()?;
    let policy = Policy::builder().account("123456789012").role("ci-agent").build()?;
    let client = client(sts.addr(), sts.ca_pem())?;

    let here = Presigner::new(Endpoint::global()).with_audience(ours);
    let elsewhere = Presigner::new(Endpoint::global()).with_audience(Audience::new("ci.evil.example")?);
    let sign = |presigner: &Presigner, number| presigner.presign(&credentials(number), now());
    let mut as_told = true;
    for (who, evidence, want) in [
        ("agent", sign(&here, 1)?.expose(), "i-0123456789abcdef0"),
        ("rogue, signed elsewhere", sign(&elsewhere, 1)?.expose(), "wrong_audience_or_signature"),
        ("rogue, another role", sign(&here, 2)?.expose(), "role_not_allowed"),
        ("rogue, unknown to AWS", sign(&here, 3)?.expose(), "credentials_unknown"),
        ("rogue, another host", "https://evil.example/?x", "unknown_host"),
    ] {
        // The scope waits for the thread, which no runtime has ever entered.
        let outcome = std::thread::scope(|threads| {
            threads.spawn(|| verify(&client, &verifier, &policy, evidence)).join()
        });
        let outcome = outcome.map_err(|_| "the verifying thread panicked")?;
        let word = match &outcome {
            Ok(agent) => agent.name().as_str(),
            Err(failed) => failed.code(),
        };
        as_told &= word == want;
        println!("{who:<24} {word}");
    }
    println!("{}", if as_told { "All went as told." } else { "NOT all went as told." });
    Ok(if as_told { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// AWS's documented example key, with its last letters changed.
fn key(number: u8) -> String {
    format!("ASIAIOSFODNN7EXAMP{number:02}")
}

fn token(number: u8) -> String {
    format!("EXAMPLE/session+token=={number}")
}

fn machine(number: u8, role: &str) -> Principal {
    Principal::assumed_role(&key(number), SECRET, &token(number), "123456789012", role, "i-0123456789abcdef0")
}

fn credentials(number: u8) -> Credentials {
    Credentials::new(key(number), SECRET, Some(token(number)), None, "example")
}

#[expect(clippy::disallowed_methods, reason = "agent and server have clocks")]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
