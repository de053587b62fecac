//! A challenge on its way: the agent asks for one, signs it, and sends URL and challenge together.
//!
//! ```text
//! cargo run --example challenge
//! ```
//!
//! The server is that of `register_server`, in this process, with a local STS. A URL that signs a challenge is good
//! for one minute at one server, and for nothing without the challenge beside it.

#![expect(clippy::indexing_slicing, reason = "a missing key of a JSON value is null")]

#[path = "register_server/server.rs"]
mod server;

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;

use aws_credential_types::Credentials;
use serde_json::{Value, json};
use sts_agent_name::agent::Presigner;
use sts_agent_name::registrar::Registrar;
use sts_agent_name::registry::{self, Scope};
use sts_agent_name::server::{ChallengeKey, Challenges, Verifier};
use sts_agent_name::testing::{LocalSts, Principal};
use sts_agent_name::{Audience, Challenge, Endpoint};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use self::server::{AgentTypeConfig, Server};

const KEY: &str = "ASIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "EXAMPLE/session+token==";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let machine =
        Principal::assumed_role(KEY, SECRET, TOKEN, "123456789012", "ci-agent", "i-0123456789abcdef0");
    let sts = LocalSts::builder().principal(machine).start().await?;
    let audience = Audience::new("ci.example.com")?;
    let address = serve(&sts, &audience).await?;

    let (_, body) = post(address, "challenge", &json!({})).await?;
    let challenge = Challenge::parse(body["challenge"].as_str().ok_or("no challenge")?)?;
    println!("server  issued a challenge of {} characters", challenge.expose().len());

    let presigner = Presigner::new(Endpoint::global()).with_audience(audience).with_challenge(&challenge);
    let url =
        presigner.presign(&Credentials::new(KEY, SECRET, Some(TOKEN.to_owned()), None, "example"), now())?;
    println!("agent   signed {}", url.signed_headers().collect::<Vec<_>>().join(", "));

    let (status, body) = post(address, "register", &json!({ "name": url.expose() })).await?;
    println!("server  {status} to the URL alone: {}", body["code"]);
    let both = json!({ "name": url.expose(), "challenge": challenge.expose() });
    let (status, body) = post(address, "register", &both).await?;
    println!("server  {status} to URL and challenge: {}", body["name"]);
    let (status, body) = post(address, "register", &both).await?;
    println!("server  {status} to both again: {}", body["code"]);
    Ok(())
}

async fn serve(sts: &LocalSts, audience: &Audience) -> Result<SocketAddr, Box<dyn Error>> {
    let challenges = Challenges::new(ChallengeKey::new("2026-01", [7; 32])?);
    let verifier = Verifier::builder().audience(audience.clone()).challenges(challenges.clone());
    let verifier = verifier.danger_stand_in(sts.addr(), sts.ca_pem()).build()?;
    let registrar = Registrar::new(registry::connect("memory:").await?, vec![verifier]);
    let names = json!({ "assignment": "aws_sts", "accounts": ["123456789012"], "roles": ["ci-agent"] });
    let linux = AgentTypeConfig {
        registration_token: "registration-token".to_owned(),
        names: serde_json::from_value(names)?,
    };
    let agent_types = HashMap::from([("s1-linux".to_owned(), linux)]);
    let server = Server::new(
        registrar,
        Scope::parse("acme")?,
        agent_types,
        Some((challenges, Some(audience.clone()))),
    )?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, server.router()).await });
    Ok(address)
}

/// An HTTP client just large enough for this.
async fn post(address: SocketAddr, what: &str, body: &Value) -> Result<(u16, Value), Box<dyn Error>> {
    let body = body.to_string();
    let request = format!(
        "POST /api/v1/self_hosted_agents/{what} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Token registration-token\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
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

#[expect(clippy::disallowed_methods, reason = "an agent has a clock")]
fn now() -> time::OffsetDateTime {
    time::OffsetDateTime::now_utc()
}
