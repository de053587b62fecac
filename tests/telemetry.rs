//! What an operator can see: the events and fields that `docs/operations.md` lists, collected.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use common::local::{ACCOUNT, INSTANCE, ROLE, agent, builder, credentials, now, presigned, verifier};
use sts_agent_name::agent::Presigner;
use sts_agent_name::policy::Policy;
use sts_agent_name::registrar::{NameAssignment, NameRelease, NameSettings, Registrar, Registration};
use sts_agent_name::registry::{AgentType, MemoryStore, Scope};
use sts_agent_name::server::{InstanceFacts, InstanceVerdict, Verifier};
use sts_agent_name::testing::{Fault, LocalSts};
use sts_agent_name::{Audience, Endpoint, PresignedUrl, Region};
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// One event of this crate: its level, its message and its fields.
#[derive(Clone, Debug)]
struct Seen {
    target: String,
    level: tracing::Level,
    message: String,
    fields: BTreeMap<String, String>,
    spans: Vec<&'static str>,
}

impl Seen {
    #[track_caller]
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    fn names(&self) -> Vec<&str> {
        self.fields.keys().map(String::as_str).collect()
    }

    #[track_caller]
    fn milliseconds(&self, name: &str) -> f64 {
        self.field(name).parse().unwrap_or_else(|_| panic!("{name} in {self:?}"))
    }
}

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Seen>>>);

impl Collector {
    /// Collects what happens on this thread, until the guard goes.
    fn start() -> (Self, DefaultGuard) {
        let collector = Self::default();
        let subscriber = tracing_subscriber::registry().with(collector.clone());
        (collector, tracing::subscriber::set_default(subscriber))
    }

    fn called(&self, message: &str) -> Vec<Seen> {
        let all = self.0.lock().expect("no panic");
        all.iter().filter(|seen| seen.message == message).cloned().collect()
    }

    #[track_caller]
    fn one(&self, message: &str) -> Seen {
        let [seen] = &self.called(message)[..] else { panic!("not one {message}: {:?}", self.0) };
        seen.clone()
    }
}

impl<S> Layer<S> for Collector
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        if !metadata.target().starts_with("sts_agent_name") || metadata.target().contains("testing") {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = fields.0.remove("message").unwrap_or_default();
        let spans = context.event_scope(event).into_iter().flatten().map(|span| span.name()).collect();
        let target = metadata.target().to_owned();
        let seen = Seen { target, level: *metadata.level(), message, fields: fields.0, spans };
        self.0.lock().expect("no panic").push(seen);
    }
}

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

fn policy() -> Policy {
    Policy::builder().account(ACCOUNT).role(ROLE).build().expect("a policy")
}

fn frankfurt() -> Endpoint {
    Endpoint::regional(&Region::parse("eu-central-1").expect("a region")).expect("an endpoint")
}

#[tokio::test]
async fn a_verification_says_who_which_name_and_which_evidence() {
    let sts = LocalSts::builder().principal(agent()).start().await.expect("a local STS");
    let check = |_: InstanceFacts| async { InstanceVerdict::Good };
    let verifier = builder(&sts).instance_check(check).build().expect("a verifier");
    let url = presigned(&frankfurt());
    let (events, _guard) = Collector::start();
    let verified = verifier.verify(url.expose(), &policy()).await.expect("verified");

    let audit = events.one("agent verified");
    assert_eq!((audit.level, &*audit.target), (tracing::Level::INFO, "sts_agent_name::server"));
    assert_eq!(audit.names(), ["name", "owner", "region", "signature", "took_ms"]);
    assert_eq!((audit.field("name"), audit.field("region")), (INSTANCE, "eu-central-1"));
    assert_eq!(audit.field("owner"), verified.owner().as_str());
    assert_eq!(audit.field("signature"), verified.signature().to_string());
    assert!(audit.milliseconds("took_ms") > 0.0);

    let asked = events.one("STS answered");
    assert_eq!(asked.level, tracing::Level::DEBUG);
    assert_eq!(asked.names(), ["host", "in_flight", "region", "status", "took_ms", "waited_ms"]);
    assert_eq!((asked.field("status"), asked.field("in_flight")), ("200", "1"));
    assert_eq!(asked.field("host"), "sts.eu-central-1.amazonaws.com");
    assert!(asked.milliseconds("took_ms") > 0.0 && asked.milliseconds("waited_ms") >= 0.0);
    assert_eq!(asked.spans, ["exchange"]);

    assert_eq!(events.one("instance checked").field("verdict"), "Good");
}

#[tokio::test]
async fn a_refusal_says_why_and_which_evidence_once_it_could_be_read() {
    let sts = LocalSts::builder().principal(agent()).start().await.expect("a local STS");
    let verifier = verifier(&sts);
    let other = Policy::builder().account(ACCOUNT).role("web-server").build().expect("a policy");
    let (events, _guard) = Collector::start();
    verifier.verify("https://sts.amazonaws.com/", &other).await.expect_err("no evidence");
    let url = presigned(&Endpoint::global());
    let signature = verifier.begin(url.expose(), &other, now()).expect("evidence").signature().to_string();
    verifier.verify(url.expose(), &other).await.expect_err("not this role");

    // Evidence that was read and then refused, without STS.
    let credentials = credentials();
    let old = Presigner::new(frankfurt()).presign(&credentials, now() - time::Duration::hours(1));
    let old = old.expect("signed");
    verifier.verify(old.expose(), &policy()).await.expect_err("too old");
    let audience = Audience::new("ci.example.com").expect("an audience");
    let bound = Presigner::new(Endpoint::global()).with_audience(audience.clone());
    let bound = bound.presign(&credentials, now()).expect("signed");
    verifier.verify(bound.expose(), &policy()).await.expect_err("a header that is not sent");
    let demanding = builder(&sts).audience(audience).build().expect("a verifier");
    demanding.verify(url.expose(), &policy()).await.expect_err("no audience");
    verifier.verify_with_challenge(url.expose(), "x", &policy()).await.expect_err("no challenges");

    let [form, role, early @ ..] = &events.called("agent not verified")[..] else { panic!("not two") };
    let fingerprint = |verifier: &Verifier, url: &PresignedUrl| {
        let policy = policy();
        let begun = verifier.begin(url.expose(), &policy, url.signed_at()).expect("good then");
        begun.signature().to_string()
    };
    let want = [
        ("expired", "eu-central-1", fingerprint(&verifier, &old)),
        ("unexpected_signed_header", "us-east-1", fingerprint(&demanding, &bound)),
        ("audience_not_signed", "us-east-1", signature.clone()),
        ("challenge_not_expected", "us-east-1", signature.clone()),
    ];
    assert_eq!(early.len(), want.len());
    for (seen, (code, region, signature)) in early.iter().zip(want) {
        assert_eq!((seen.field("code"), seen.field("region")), (code, region));
        assert_eq!(seen.field("signature"), signature, "{code}");
    }
    assert_eq!(form.level, tracing::Level::WARN);
    assert_eq!(form.names(), ["code", "detail", "error", "took_ms"]);
    assert_eq!(form.field("code"), "missing_parameter");
    assert_eq!(role.names(), ["code", "detail", "error", "region", "signature", "took_ms"]);
    assert_eq!((role.field("code"), role.field("signature")), ("role_not_allowed", &*signature));
    assert!(role.field("detail").ends_with(&format!("assumed-role/{ROLE}/{INSTANCE}")), "{role:?}");
}

#[tokio::test]
async fn retries_throttles_and_silence_are_told_apart() {
    let sts = LocalSts::builder().principal(agent()).start().await.expect("a local STS");
    let verifier = verifier(&sts);
    let url = presigned(&Endpoint::global());
    let (events, _guard) = Collector::start();
    sts.play_script([Fault::Throttle { retry_after: None }, Fault::Status(503)]);
    verifier.verify(url.expose(), &policy()).await.expect("verified at the third attempt");
    let again = events.called("asking STS again");
    let told: Vec<_> = again.iter().map(|seen| (seen.field("attempt"), seen.field("code"))).collect();
    assert_eq!(told, [("1", "throttled"), ("2", "unavailable")]);
    assert_eq!(again[0].names(), ["attempt", "code", "pause_ms"]);
    let statuses = events.called("STS answered");
    let statuses: Vec<_> = statuses.iter().map(|seen| seen.field("status")).collect();
    assert_eq!(statuses, ["400", "503", "200"]);

    sts.play_once(Fault::ResetMidReply);
    verifier.verify(url.expose(), &policy()).await.expect_err("no answer");
    let silence = events.one("STS did not answer");
    assert_eq!(silence.names(), ["code", "detail", "host", "in_flight", "region", "took_ms", "waited_ms"]);
    assert_eq!(silence.field("code"), "unavailable");
}

#[tokio::test]
async fn a_claim_says_its_whole_life() {
    let sts = LocalSts::builder().principal(agent()).start().await.expect("a local STS");
    let registrar = Registrar::new(Arc::new(MemoryStore::new()), vec![verifier(&sts)]);
    let linux = AgentType::parse("s1-linux").expect("a type");
    let assignment = NameAssignment::AwsSts {
        accounts: vec![ACCOUNT.parse().expect("an account")],
        roles: vec![ROLE.to_owned()],
        name_template: None,
    };
    let settings = NameSettings::new(assignment, NameRelease::Immediately).expect("settings");
    registrar.set_agent_type(linux.clone(), settings).expect("settings");
    let scope = Scope::parse("acme").expect("a scope");
    let presigner = Presigner::new(Endpoint::global());
    let sign = || presigner.presign(&credentials(), now()).expect("signed");

    let (events, _guard) = Collector::start();
    let url = sign();
    let registered = registrar.register(Registration::new(&linux, &scope, url.expose())).await;
    let registered = registered.expect("registered");
    let fingerprint = registered.agent.as_ref().expect("an agent").signature().to_string();
    let signed_at = now() - time::Duration::hours(1);
    let old = presigner.presign(&credentials(), signed_at).expect("signed");
    for evidence in [url.expose(), sign().expose(), "builder-7", old.expose()] {
        registrar.register(Registration::new(&linux, &scope, evidence)).await.expect_err("refused");
    }
    let (name, claim_id) = (&registered.name, &registered.claim_id);
    registrar.renew(&linux, &scope, name, claim_id).await.expect("renewed");
    registrar.release(&linux, &scope, name, claim_id).await.expect("released");
    registrar.renew(&linux, &scope, name, claim_id).await.expect_err("fenced");
    registrar.release(&linux, &scope, name, claim_id).await.expect_err("fenced");

    let granted = events.one("claim granted");
    assert_eq!((granted.level, &*granted.target), (tracing::Level::INFO, "sts_agent_name::registrar"));
    assert_eq!(
        granted.names(),
        ["agent_type", "lease_until", "name", "owner", "region", "scope", "signature", "took_ms"]
    );
    assert_eq!((granted.field("name"), granted.field("signature")), (INSTANCE, &*fingerprint));

    let refused = events.called("registration refused");
    let codes: Vec<_> = refused.iter().map(|seen| seen.field("code")).collect();
    assert_eq!(codes, ["already_spent", "name_taken", "url_expected", "expired"]);
    assert_eq!(refused[0].field("signature"), fingerprint);
    let taken = &refused[1];
    assert_eq!(
        taken.names(),
        [
            "agent_type",
            "code",
            "error",
            "free_at",
            "name",
            "owner",
            "region",
            "scope",
            "signature",
            "took_ms"
        ]
    );
    assert_eq!((taken.field("name"), taken.field("error")), (INSTANCE, "this name is taken"));
    assert_eq!(taken.field("owner"), granted.field("owner"));
    assert!(taken.field("free_at").ends_with('Z'), "{taken:?}");
    assert_eq!(refused[2].names(), ["agent_type", "code", "error", "scope", "took_ms"]);
    assert_eq!(
        refused[3].names(),
        ["agent_type", "code", "error", "region", "scope", "signature", "took_ms"]
    );
    assert!(refused[3].field("error").contains("signed at"), "{:?}", refused[3]);
    // The registrar reports, so that no registration is told twice.
    assert!(events.called("agent verified").is_empty() && events.called("agent not verified").is_empty());

    for (message, level) in [
        ("claim renewed", tracing::Level::DEBUG),
        ("claim released", tracing::Level::INFO),
        ("renewal refused", tracing::Level::WARN),
        ("release refused", tracing::Level::WARN),
    ] {
        let seen = events.one(message);
        assert_eq!((seen.level, seen.field("name")), (level, INSTANCE));
    }
    let store = events.called("store answered");
    let store: Vec<_> = store.iter().map(|seen| (seen.field("operation"), seen.field("outcome"))).collect();
    assert_eq!(
        store,
        [
            ("is_spent", "not_spent"),
            ("claim", "granted"),
            ("is_spent", "spent"),
            ("is_spent", "not_spent"),
            ("claim", "name_taken"),
            ("renew", "renewed"),
            ("release", "released"),
            ("renew", "fenced"),
            ("release", "fenced"),
        ]
    );
    assert!(events.called("store answered").iter().all(|seen| seen.milliseconds("took_ms") >= 0.0));
}

#[tokio::test]
async fn a_warm_up_says_how_many_connections_came_about() {
    let sts = LocalSts::builder().start().await.expect("a local STS");
    let (events, _guard) = Collector::start();
    assert_eq!(verifier(&sts).warm_up(&frankfurt(), 2).await.expect("warm"), 2);
    let seen = events.one("warmed up");
    assert_eq!((seen.level, &*seen.target), (tracing::Level::DEBUG, "sts_agent_name::server"));
    assert_eq!((seen.field("opened"), seen.field("failed")), ("2", "0"));
    assert_eq!(seen.field("host"), "sts.eu-central-1.amazonaws.com");
}

/// By its message, an event's level and fields.
type Events = BTreeMap<String, (String, BTreeSet<String>)>;

/// The page lists what the sources tell, with level and fields, and nothing else.
#[test]
fn the_page_lists_what_is_told() {
    let mut told = Events::new();
    read_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut told);
    assert!(told.len() > 18, "{told:?}");
    assert_eq!(told, listed(include_str!("../docs/operations.md")));
}

/// The events of all files below a directory. Those of the local STS are for tests.
fn read_sources(directory: &Path, told: &mut Events) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("src/testing") {
            read_sources(&path, told);
        } else if path.extension().is_some_and(|it| it == "rs") {
            read_events(&fs::read_to_string(&path).expect("a source"), told);
        }
    }
}

fn read_events(source: &str, told: &mut Events) {
    for level in ["error", "warn", "info", "debug", "trace"] {
        for rest in source.split(&format!("tracing::{level}!(")).skip(1) {
            let mut parts = arguments(rest);
            let message = parts.pop().expect("a message").trim_matches('"').to_owned();
            let fields = parts.iter().filter(|part| !part.starts_with("target:")).map(|part| {
                let name = part.split('=').next().unwrap_or_default();
                name.trim().trim_start_matches(['%', '?']).to_owned()
            });
            let event = told.entry(message).or_insert_with(|| (level.to_uppercase(), BTreeSet::new()));
            assert_eq!(event.0, level.to_uppercase());
            event.1.extend(fields);
        }
    }
    // So that none is told by another way of writing it.
    for other in
        ["tracing::event!", "tracing::{", "use tracing::debug", "use tracing::info", "use tracing::warn"]
    {
        assert!(!source.contains(other), "{other}");
    }
}

/// The arguments of a macro, up to the parenthesis that ends them.
fn arguments(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut depth, mut quoted) = (Vec::new(), String::new(), 0, false);
    for char in text.chars() {
        match char {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(char);
    }
    parts.push(part);
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// The rows of the page's tables of events.
fn listed(page: &str) -> Events {
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, message, target, level, fields, _] = cells[..] else { return None };
        let known = ["`server`", "`registrar`", "`agent`"].contains(&target);
        // In parentheses stand values.
        let fields = fields.split('(').map(|piece| piece.rsplit(')').next().unwrap_or_default());
        let fields = fields.flat_map(|piece| piece.split('`').skip(1).step_by(2)).map(str::to_owned);
        known.then(|| (message.trim_matches('`').to_owned(), (level.to_owned(), fields.collect())))
    });
    rows.collect()
}
