//! The HTTP side: Semaphore's wire for self-hosted agents, on a registrar.
//!
//! ```text
//! POST /api/v1/self_hosted_agents/register    Authorization: Token <registration token>   201 {name, token}
//! POST /api/v1/self_hosted_agents/sync        Authorization: Token <token>                200 {action}
//! POST /api/v1/self_hosted_agents/disconnect  Authorization: Token <token>                200 {}
//! POST /api/v1/self_hosted_agents/challenge   Authorization: Token <registration token>   200 {challenge}
//! GET  /health                                                                            200 ok
//! ```
//!
//! A refusal is `{code, message}` with the status that fits, and `Retry-After` where waiting helps.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sts_agent_name::AgentName;
use sts_agent_name::Audience;
use sts_agent_name::registrar::{NameSettings, RegisterError, Registrar, Registration};
use sts_agent_name::registry::{AgentType, ClaimId, Scope};
use sts_agent_name::server::{Challenges, VerifyError};
use time::OffsetDateTime;

/// One agent type of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentTypeConfig {
    /// What agents of this type show when they register.
    pub(crate) registration_token: String,
    pub(crate) names: NameSettings,
}

/// What all requests share.
pub(crate) struct Server {
    registrar: Registrar,
    scope: Scope,
    tokens: HashMap<String, AgentType>,
    challenges: Option<(Challenges, Option<Audience>)>,
}

type Shared = Arc<Server>;

impl Server {
    pub(crate) fn new(
        registrar: Registrar,
        scope: Scope,
        agent_types: HashMap<String, AgentTypeConfig>,
        challenges: Option<(Challenges, Option<Audience>)>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut tokens = HashMap::new();
        for (name, config) in agent_types {
            let agent_type = AgentType::parse(&name)?;
            registrar.set_agent_type(agent_type.clone(), config.names)?;
            if tokens.insert(config.registration_token, agent_type).is_some() {
                return Err("two agent types have one registration token".into());
            }
        }
        Ok(Self { registrar, scope, tokens, challenges })
    }

    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/health", get(async || "ok"))
            .route("/api/v1/self_hosted_agents/register", post(register))
            .route("/api/v1/self_hosted_agents/sync", post(sync))
            .route("/api/v1/self_hosted_agents/disconnect", post(disconnect))
            .route("/api/v1/self_hosted_agents/challenge", post(challenge))
            // A pre-signed URL has at most 8 KiB.
            .layer(DefaultBodyLimit::max(16 * 1024))
            .with_state(Arc::new(self))
    }

    fn agent_type(&self, headers: &HeaderMap) -> Result<&AgentType, Refused> {
        self.tokens.get(token(headers)?).ok_or(Refused::UnknownToken)
    }
}

/// What an agent sends. Semaphore's agents send more about themselves, which plays no part here.
#[derive(Deserialize)]
struct RegisterRequest {
    #[serde(default)]
    name: String,
    /// Beside a URL that signs it; not in Semaphore's wire.
    challenge: Option<String>,
    /// Random text that the agent sends again when it heard no answer; not in Semaphore's wire.
    registration_key: Option<String>,
}

#[derive(Serialize)]
struct RegisterResponse {
    name: String,
    token: String,
}

async fn register(
    State(server): State<Shared>,
    headers: HeaderMap,
    Json(request): Json<RegisterRequest>,
) -> Result<(StatusCode, Json<RegisterResponse>), Refused> {
    let agent_type = server.agent_type(&headers)?;
    let registration = Registration::new(agent_type, &server.scope, &request.name);
    let registration = match &request.challenge {
        Some(challenge) => registration.with_challenge(challenge),
        None => registration,
    };
    let registration = match &request.registration_key {
        Some(key) => registration.with_key(key),
        None => registration,
    };
    let registered = server.registrar.register(registration).await?;
    let session =
        Session { agent_type: agent_type.clone(), name: registered.name, claim_id: registered.claim_id };
    let name = session.name.to_string();
    Ok((StatusCode::CREATED, Json(RegisterResponse { name, token: session.to_token() })))
}

async fn sync(State(server): State<Shared>, headers: HeaderMap) -> Result<Json<serde_json::Value>, Refused> {
    let session = Session::of(&headers)?;
    server.registrar.renew(&session.agent_type, &server.scope, &session.name, &session.claim_id).await?;
    Ok(Json(json!({ "action": "continue" })))
}

async fn disconnect(
    State(server): State<Shared>,
    headers: HeaderMap,
) -> Result<Json<serde_json::Value>, Refused> {
    let session = Session::of(&headers)?;
    server.registrar.release(&session.agent_type, &server.scope, &session.name, &session.claim_id).await?;
    Ok(Json(json!({})))
}

async fn challenge(
    State(server): State<Shared>,
    headers: HeaderMap,
) -> Result<Json<serde_json::Value>, Refused> {
    server.agent_type(&headers)?;
    let (challenges, audience) = server.challenges.as_ref().ok_or(Refused::NoChallenges)?;
    let issued = challenges.issue(audience.as_ref(), now()).map_err(|_| RegisterError::NoRandomness)?;
    Ok(Json(json!({ "challenge": issued.expose() })))
}

/// What an agent's token says: the server keeps no session.
struct Session {
    agent_type: AgentType,
    name: AgentName,
    claim_id: ClaimId,
}

impl Session {
    fn to_token(&self) -> String {
        format!("{}~{}~{}", self.claim_id.expose(), self.name, self.agent_type)
    }

    fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        let mut parts = token(headers)?.splitn(3, '~');
        let mut part = || parts.next().ok_or(Refused::UnknownToken);
        let (claim_id, name, agent_type) = (part()?, part()?, part()?);
        Ok(Self {
            claim_id: ClaimId::parse(claim_id).map_err(|_| Refused::UnknownToken)?,
            name: AgentName::parse(name).map_err(|_| Refused::UnknownToken)?,
            agent_type: AgentType::parse(agent_type).map_err(|_| Refused::UnknownToken)?,
        })
    }
}

fn token(headers: &HeaderMap) -> Result<&str, Refused> {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.strip_prefix("Token ")).ok_or(Refused::UnknownToken)
}

/// Why a request was not carried out.
enum Refused {
    NoChallenges,
    Register(RegisterError),
    UnknownToken,
}

impl From<RegisterError> for Refused {
    fn from(error: RegisterError) -> Self {
        Self::Register(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, code, message) = match &self {
            Self::NoChallenges => (404, "no_challenges", "this server issues no challenges".to_owned()),
            Self::UnknownToken => (401, "unknown_token", "unknown token".to_owned()),
            Self::Register(error) => (error.http_status(), error.code(), error.to_string()),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(json!({ "code": code, "message": message }))).into_response();
        if let Some(seconds) = self.wait() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl Refused {
    /// How many seconds the agent should wait, where that helps.
    fn wait(&self) -> Option<u64> {
        match self {
            Self::Register(RegisterError::Taken { free_at }) => {
                Some(u64::try_from((free_at.get() - now()).whole_seconds()).unwrap_or_default().max(1))
            }
            Self::Register(RegisterError::Verify(VerifyError::Throttled { retry_after })) => {
                Some(retry_after.map_or(5, |wait| wait.as_secs().max(1)))
            }
            Self::Register(RegisterError::Verify(VerifyError::Unavailable(_)) | RegisterError::Store(_)) => {
                Some(5)
            }
            _ => None,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a server has a clock")]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
