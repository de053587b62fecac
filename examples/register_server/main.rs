//! A server that speaks Semaphore's wire for self-hosted agents.
//!
//! ```text
//! cargo run --example register_server -- examples/register_server/config.json
//! cargo run --example register_server --features postgres -- config.json postgres://localhost/names
//! ```
//!
//! The second argument chooses the store: a SQLite file by default, PostgreSQL for several servers.

mod server;

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Deserialize;
use sts_agent_name::Audience;
use sts_agent_name::registrar::Registrar;
use sts_agent_name::registry::{self, Scope};
use sts_agent_name::server::{ChallengeKey, Challenges, Verifier, VerifierBuilder};
use tokio::net::TcpListener;

use self::server::{AgentTypeConfig, Server};

/// The configuration file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    listen: SocketAddr,
    /// Where names must differ; one organization in this example.
    scope: String,
    store: String,
    audience: Option<String>,
    /// 64 hexadecimal digits, the same on every server. With it, evidence must sign a challenge.
    challenge_key: Option<String>,
    agent_types: HashMap<String, AgentTypeConfig>,
    /// For trying it out: a local STS in place of AWS.
    danger_stand_in: Option<StandIn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StandIn {
    address: SocketAddr,
    authority_pem: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut arguments = std::env::args().skip(1);
    let config = arguments.next().ok_or("usage: register_server CONFIG [STORE]")?;
    let mut config: Config = serde_json::from_str(&std::fs::read_to_string(config)?)?;
    if let Some(store) = arguments.next() {
        config.store = store;
    }
    let listener = TcpListener::bind(config.listen).await?;
    println!("listening on {}", listener.local_addr()?);
    let router = build(config).await?.router();
    axum::serve(listener, router).with_graceful_shutdown(told_to_stop()).await?;
    println!("stopped");
    Ok(())
}

async fn build(config: Config) -> Result<Server, Box<dyn Error>> {
    let audience = config.audience.as_deref().map(Audience::new).transpose()?;
    let challenges = config.challenge_key.as_deref().map(challenges).transpose()?;
    let verifier = audience.clone().into_iter().fold(Verifier::builder(), VerifierBuilder::audience);
    let verifier = challenges.clone().into_iter().fold(verifier, VerifierBuilder::challenges);
    let verifier = match config.danger_stand_in {
        Some(it) => verifier.danger_stand_in(it.address, &it.authority_pem),
        None => verifier,
    };
    let store = registry::connect(&config.store).await?;
    let registrar = Registrar::new(Arc::clone(&store), vec![verifier.build()?]);
    let challenges = challenges.map(|challenges| (challenges, audience));
    Server::new(registrar, Scope::parse(&config.scope)?, config.agent_types, challenges)
}

fn challenges(key: &str) -> Result<Challenges, Box<dyn Error>> {
    let pairs = key.as_bytes().chunks(2).map(|pair| u8::from_str_radix(&String::from_utf8_lossy(pair), 16));
    let bytes: Vec<u8> = pairs.collect::<Result<_, _>>()?;
    let secret = bytes.try_into().map_err(|_| "challenge_key is not 64 hexadecimal digits")?;
    Ok(Challenges::new(ChallengeKey::new("1", secret)?))
}

/// Ends when the process is asked to; requests that are under way are finished first.
async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _without_signals = tokio::signal::ctrl_c().await;
}
