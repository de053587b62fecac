//! The main job, on one machine: a local STS, a server, three agents that get their names, and rogues with a stolen
//! registration token that do not. Nothing leaves the machine.
//!
//! ```text
//! cargo run --example register
//! ```
//!
//! The exit status is 0 only if all went as told. With real AWS, on a machine with a role and with whatever
//! credentials the AWS tools would find there:
//!
//! ```text
//! cargo run --example register --features aws-config -- --live 123456789012 'ci-agent-*'
//! ```

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use aws_credential_types::Credentials;
use sts_agent_name::agent::Presigner;
use sts_agent_name::registrar::{
    NameAssignment, NameRelease, NameSettings, RegisterError, Registered, Registrar, Registration,
};
use sts_agent_name::registry::{self, AgentType, Scope};
use sts_agent_name::server::{ChallengeKey, Challenges, Verifier};
use sts_agent_name::testing::{LocalSts, LocalStsBuilder, Principal};
use sts_agent_name::{Audience, Challenge, Endpoint, PresignedUrl, Region};
use time::OffsetDateTime;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ACCOUNT: &str = "123456789012";
const FOREIGN_ACCOUNT: &str = "210987654321";
/// How long a name that was released is nobody's.
const HOLD: Duration = Duration::from_mins(5);
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

#[tokio::main]
async fn main() -> Result<ExitCode> {
    tracing_subscriber::registry().with(Narrator).init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => local().await,
        ["--live", account, role] => live(account, role).await,
        _ => Err("usage: register [--live ACCOUNT ROLE_PATTERN]".into()),
    }
}

/// One agent and one server, with this machine's own credentials and real STS.
#[cfg(feature = "aws-config")]
async fn live(account: &str, role: &str) -> Result<ExitCode> {
    use sts_agent_name::policy::Policy;

    let (provider, region) = sts_agent_name::agent::aws::default_credentials_and_region().await?;
    let audience = Audience::new("ci.example.com")?;
    let presigner = Presigner::new(Endpoint::regional(&region)?).with_audience(audience.clone());
    let url = presigner.presign_from(&provider, now()).await?;
    say("agent", &format!("signed {}", redacted(&url)));

    let policy = Policy::builder().account(account).role(role).build()?;
    let verifier = Verifier::builder().audience(audience).build()?;
    match verifier.verify(url.expose(), &policy).await {
        Ok(agent) => {
            say("NAMED", agent.name().as_str());
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            say("REFUSED", &format!("{} {}: {error}", error.http_status(), error.code()));
            Ok(ExitCode::FAILURE)
        }
    }
}

#[cfg(not(feature = "aws-config"))]
#[expect(clippy::unused_async, reason = "the one with the feature waits")]
async fn live(_account: &str, _role: &str) -> Result<ExitCode> {
    Err("--live needs the default credential chain: add `--features aws-config`".into())
}

async fn local() -> Result<ExitCode> {
    println!("A server, three agents, and rogues with a stolen registration token. STS is a local one.");
    let agents = [
        Machine::new(1, ACCOUNT, "ci-agent-linux", "i-0123456789abcdef0"),
        Machine::new(2, ACCOUNT, "ci-agent-linux", "i-0fedcba9876543210"),
        Machine::new(3, ACCOUNT, "ci-agent-mac", "i-00112233445566778"),
    ];
    let foreigner = Machine::new(4, FOREIGN_ACCOUNT, "ci-agent-linux", "i-0aaaaaaaaaaaaaaaa");
    let web_server = Machine::new(5, ACCOUNT, "web-server", "i-0bbbbbbbbbbbbbbbb");
    let forger = Machine::new(6, ACCOUNT, "ci-agent-linux", "i-0123456789abcdef0");
    let known = agents.iter().chain([&foreigner, &web_server]).map(Machine::principal);
    let sts = known.fold(LocalSts::builder(), LocalStsBuilder::principal).start().await?;

    let ours = Audience::new("ci.example.com")?;
    let server = Server::new(&sts, &ours).await?;
    let mut story = Story { server: &server, as_told: true };

    let mut first = None;
    for machine in &agents {
        title(&format!("An agent on {}", machine.session));
        let challenge = server.issue()?;
        let url = machine.sign(&ours, &challenge)?;
        say("agent", &format!("signed {}", redacted(&url)));
        let registered = story.admit(machine.session, url.expose(), &challenge).await;
        first = first.or(registered.map(|registered| (url, challenge, registered)));
    }
    let (used, its_challenge, first) = first.ok_or("no agent was named")?;

    let elsewhere = Audience::new("ci.evil.example")?;
    let challenge = server.issue()?;
    let signed = |machine: &Machine, audience: &Audience| machine.sign(audience, &challenge);
    let changed = signed(&agents[1], &ours)?.expose().replace("X-Amz-Expires=900", "X-Amz-Expires=899");
    for (who, evidence, code) in [
        ("with credentials that AWS does not know", signed(&forger, &ours)?.expose(), "credentials_unknown"),
        ("with another's URL, one parameter changed", &changed, "wrong_audience_or_signature"),
        (
            "with real credentials of a foreign account",
            signed(&foreigner, &ours)?.expose(),
            "account_not_allowed",
        ),
        ("on a web server of the same account", signed(&web_server, &ours)?.expose(), "role_not_allowed"),
        (
            "with a URL that was signed for another server",
            signed(&agents[1], &elsewhere)?.expose(),
            "wrong_audience_or_signature",
        ),
        ("with a URL it has seen, and a challenge of its own", used.expose(), "wrong_audience_or_signature"),
        ("that runs on the first agent, beside it", signed(&agents[0], &ours)?.expose(), "name_taken"),
    ] {
        title(&format!("A rogue {who}"));
        story.refuse(code, evidence, &challenge).await;
    }
    title("A rogue with the URL that the first agent used, and its challenge");
    story.refuse("already_spent", used.expose(), &its_challenge).await;

    title("The first agent works, and leaves");
    server.registrar.renew(&server.linux, &server.scope, &first.name, &first.claim_id).await?;
    say("agent", "renewed its claim");
    server.registrar.release(&server.linux, &server.scope, &first.name, &first.claim_id).await?;
    say("agent", &format!("released its name, which is held for {} seconds", HOLD.as_secs()));
    story.refuse("name_taken", signed(&agents[0], &ours)?.expose(), &challenge).await;

    println!("\n{}", if story.as_told { "All went as told." } else { "NOT all went as told." });
    Ok(if story.as_told { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Temporary credentials, and whose they are.
struct Machine {
    key_id: String,
    token: String,
    account: &'static str,
    role: &'static str,
    session: &'static str,
}

impl Machine {
    fn new(number: u8, account: &'static str, role: &'static str, session: &'static str) -> Self {
        // AWS's documented example key, with its last letters changed.
        let key_id = format!("ASIAIOSFODNN7EXAMP{number:02}");
        let token = format!("EXAMPLE/session+token=={number}");
        Self { key_id, token, account, role, session }
    }

    fn principal(&self) -> Principal {
        Principal::assumed_role(&self.key_id, SECRET, &self.token, self.account, self.role, self.session)
    }

    /// The agent's whole part: one signature for each attempt.
    fn sign(&self, audience: &Audience, challenge: &Challenge) -> Result<PresignedUrl> {
        let credentials = Credentials::new(&self.key_id, SECRET, Some(self.token.clone()), None, "example");
        let frankfurt = Endpoint::regional(&Region::parse("eu-central-1")?)?;
        let presigner = Presigner::new(frankfurt).with_audience(audience.clone()).with_challenge(challenge);
        Ok(presigner.presign(&credentials, next_second())?)
    }
}

/// The server: one registrar, one agent type, whose registration token the rogues have stolen.
struct Server {
    challenges: Challenges,
    audience: Audience,
    registrar: Registrar,
    linux: AgentType,
    scope: Scope,
}

impl Server {
    async fn new(sts: &LocalSts, audience: &Audience) -> Result<Self> {
        // A key for this run; servers of one kind share one.
        let challenges = Challenges::new(ChallengeKey::new("1", [7; 32])?);
        let verifier = Verifier::builder().audience(audience.clone()).challenges(challenges.clone());
        // With real STS this line is left out.
        let verifier = verifier.danger_stand_in(sts.addr(), sts.ca_pem()).build()?;
        let registrar = Registrar::new(registry::connect("memory:").await?, vec![verifier]);
        let assignment = NameAssignment::AwsSts {
            accounts: vec![ACCOUNT.parse()?],
            roles: vec!["ci-agent-*".to_owned()],
            name_template: None,
        };
        let linux = AgentType::parse("s1-ci-agents")?;
        let settings = NameSettings::new(assignment, NameRelease::After(HOLD))?;
        registrar.set_agent_type(linux.clone(), settings)?;
        Ok(Self { challenges, audience: audience.clone(), registrar, linux, scope: Scope::parse("acme")? })
    }

    fn issue(&self) -> Result<Challenge> {
        Ok(self.challenges.issue(Some(&self.audience), now())?)
    }

    async fn register(
        &self,
        evidence: &str,
        challenge: &Challenge,
    ) -> std::result::Result<Registered, RegisterError> {
        let registration = Registration::new(&self.linux, &self.scope, evidence);
        self.registrar.register(registration.with_challenge(challenge.expose())).await
    }
}

/// What happens, against what is told to happen.
struct Story<'a> {
    server: &'a Server,
    as_told: bool,
}

impl Story<'_> {
    async fn admit(&mut self, name: &str, evidence: &str, challenge: &Challenge) -> Option<Registered> {
        let outcome = self.server.register(evidence, challenge).await;
        self.as_told &= outcome.as_ref().is_ok_and(|registered| registered.name.as_str() == name);
        tell(&outcome);
        outcome.ok()
    }

    async fn refuse(&mut self, code: &str, evidence: &str, challenge: &Challenge) {
        let outcome = self.server.register(evidence, challenge).await;
        self.as_told &= outcome.as_ref().is_err_and(|error| error.code() == code);
        tell(&outcome);
    }
}

fn tell(outcome: &std::result::Result<Registered, RegisterError>) {
    match outcome {
        Ok(registered) => say("NAMED", registered.name.as_str()),
        Err(error) => say("REFUSED", &format!("{} {}: {error}", error.http_status(), error.code())),
    }
}

fn title(text: &str) {
    println!("\n{text}");
}

fn say(who: &str, text: &str) {
    println!("  {who:<8} {text}");
}

/// The part of a URL that may be shown.
fn redacted(url: &PresignedUrl) -> String {
    format!("https://{}/?… with key {} (token and signature not shown)", url.host(), url.access_key_id())
}

#[expect(clippy::disallowed_methods, reason = "agents have a clock")]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Each signature of this story is made in a second of its own, as a presigner that lives as long as its agent
/// would do it.
fn next_second() -> OffsetDateTime {
    use std::sync::atomic::{AtomicI64, Ordering};
    static SIGNED: AtomicI64 = AtomicI64::new(0);
    now() + time::Duration::seconds(SIGNED.fetch_add(1, Ordering::Relaxed))
}

/// Prints what the library reports of the server's side, as it happens.
struct Narrator;

impl<S: tracing::Subscriber> Layer<S> for Narrator {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let ours = metadata.target().starts_with("sts_agent_name") && !metadata.target().contains("testing");
        if ours && *metadata.level() <= tracing::Level::DEBUG {
            let mut line = Line::default();
            event.record(&mut line);
            say("server", &format!("{:<22}{}", line.message, line.fields));
        }
    }
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => write!(self.message, "{value:?}"),
            "agent_type" | "scope" | "lease_until" | "signature" | "region" | "error" => Ok(()),
            name => write!(self.fields, " {name}={value:?}"),
        }
        .unwrap_or_default();
    }
}
