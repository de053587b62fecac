//! An axum handler that only a verified agent reaches: the evidence is checked by an extractor, before the handler.
//!
//! ```text
//! cargo run --example axum_extractor
//! ```
//!
//! The agent sends its URL in the header `X-Agent-Evidence`, or as `name` in a JSON body. The server runs in this
//! process with a local STS, and the exit status is 0 only if agents and rogues are treated as told.
//!
//! **An extractor verifies and keeps no record**: the same URL verifies again until it is 15 minutes old. Where a name
//! must be one agent's alone, the handler goes on to a registry (`examples/register_server`).

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use aws_credential_types::Credentials;
use axum::extract::{DefaultBodyLimit, FromRef, FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use sts_agent_name::agent::Presigner;
use sts_agent_name::policy::{Policy, VerifiedAgent};
use sts_agent_name::server::{Verifier, VerifyError};
use sts_agent_name::testing::{LocalSts, Principal};
use sts_agent_name::{AgentName, Audience, Endpoint};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the extractor needs of the application's state.
#[derive(Clone)]
struct Gatekeeper {
    verifier: Arc<Verifier>,
    policy: Arc<Policy>,
}

/// A name that AWS vouches for. A handler that takes one cannot be reached without.
struct VerifiedAgentName(VerifiedAgent);

impl VerifiedAgentName {
    fn name(&self) -> &AgentName {
        self.0.name()
    }
}

#[derive(Deserialize)]
struct Body {
    name: String,
}

impl<S> FromRequest<S> for VerifiedAgentName
where
    S: Send + Sync,
    Gatekeeper: FromRef<S>,
{
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let header = request.headers().get("x-agent-evidence").cloned();
        let evidence = match header {
            Some(value) => value.to_str().map_err(|_| Refused::NoEvidence)?.to_owned(),
            None => Json::<Body>::from_request(request, state).await.map_err(|_| Refused::NoEvidence)?.0.name,
        };
        let Gatekeeper { verifier, policy } = Gatekeeper::from_ref(state);
        Ok(Self(verifier.verify(&evidence, &policy).await?))
    }
}

/// Why a request does not reach its handler.
enum Refused {
    NoEvidence,
    Verify(VerifyError),
}

impl From<VerifyError> for Refused {
    fn from(error: VerifyError) -> Self {
        Self::Verify(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        // `Display` and `code` are safe to send; `source` is for the server's log, which the library writes.
        let (status, code, message) = match self {
            Self::NoEvidence => (401, "no_evidence", "send a pre-signed URL".to_owned()),
            Self::Verify(error) => (error.http_status(), error.code(), error.to_string()),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(json!({ "code": code, "message": message }))).into_response()
    }
}

/// The application: it never sees evidence, only names.
async fn hello(agent: VerifiedAgentName) -> Json<Value> {
    Json(json!({ "hello": agent.name().as_str() }))
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let sts = LocalSts::builder().principal(machine(1, "ci-agent")).principal(machine(2, "web-server"));
    let sts = sts.start().await?;
    let ours = Audience::new("ci.example.com")?;
    let verifier = Verifier::builder().audience(ours.clone());
    // With real STS this line is left out.
    let verifier = verifier.danger_stand_in(sts.addr(), sts.ca_pem()).build()?;
    let policy = Policy::builder().account("123456789012").role("ci-agent").build()?;
    let state = Gatekeeper { verifier: Arc::new(verifier), policy: Arc::new(policy) };
    let router = Router::new().route("/hello", post(hello)).layer(DefaultBodyLimit::max(16 * 1024));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router.with_state(state)).await });

    let here = Presigner::new(Endpoint::global()).with_audience(ours);
    let elsewhere = Presigner::new(Endpoint::global()).with_audience(Audience::new("ci.evil.example")?);
    let sign = |presigner: &Presigner, number| presigner.presign(&credentials(number), now());
    let header = |text: &str| format!("X-Agent-Evidence: {text}\r\n");
    let in_body = json!({ "name": sign(&here, 1)?.expose() }).to_string();
    let mut as_told = true;
    for (who, head, body, want) in [
        ("agent, in a header", header(sign(&here, 1)?.expose()), "", (200, "i-0123456789abcdef0")),
        ("agent, in a body", String::new(), in_body.as_str(), (200, "i-0123456789abcdef0")),
        ("nobody", String::new(), "", (401, "no_evidence")),
        (
            "rogue, signed elsewhere",
            header(sign(&elsewhere, 1)?.expose()),
            "",
            (401, "wrong_audience_or_signature"),
        ),
        ("rogue, another role", header(sign(&here, 2)?.expose()), "", (403, "role_not_allowed")),
        ("rogue, another host", header("https://evil.example/?x"), "", (400, "unknown_host")),
    ] {
        let (status, answer) = call(address, &head, body).await?;
        let word = answer.get("hello").or(answer.get("code")).and_then(Value::as_str).unwrap_or_default();
        as_told &= (status, word) == want;
        println!("{who:<24} {status} {word}");
    }
    println!("{}", if as_told { "All went as told." } else { "NOT all went as told." });
    Ok(if as_told { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An HTTP client just large enough for this.
async fn call(address: SocketAddr, head: &str, body: &str) -> Result<(u16, Value), Box<dyn Error>> {
    let request = format!(
        "POST /hello HTTP/1.1\r\nHost: {address}\r\n{head}Content-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).ok_or("no status")?.parse()?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("no body")?;
    Ok((status, serde_json::from_str(body)?))
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

#[expect(clippy::disallowed_methods, reason = "an agent has a clock")]
fn now() -> time::OffsetDateTime {
    time::OffsetDateTime::now_utc()
}
