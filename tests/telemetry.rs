//! What an operator can see: the events and fields that `docs/operations.md` lists, collected.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use common::local::{ACCOUNT, INSTANCE, ROLE, agent, builder, credentials, now, presigned, verifier};
use sts_agent_name::agent::Presigner;
use sts_agent_name::policy::Policy;
use sts_agent_name::registrar::{NameAssignment, NameRelease, NameSettings, Registrar, Registration};
use sts_agent_name::registry::{AgentType, MemoryStore, Scope};
use sts_agent_name::server::{InstanceFacts, InstanceVerdict};
use sts_agent_name::testing::{Fault, LocalSts};
use sts_agent_name::{Endpoint, Region};
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

    let [form, role] = &events.called("agent not verified")[..] else { panic!("not two") };
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
    for evidence in [url.expose(), sign().expose(), "builder-7"] {
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
    assert_eq!(codes, ["already_spent", "name_taken", "url_expected"]);
    assert_eq!(refused[0].field("signature"), fingerprint);
    assert_eq!(refused[1].names(), ["agent_type", "code", "region", "scope", "signature", "took_ms"]);
    assert_eq!(refused[2].names(), ["agent_type", "code", "scope", "took_ms"]);
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

/// Every message and every field stands on the page.
#[test]
fn the_page_lists_what_is_told() {
    let page = include_str!("../docs/operations.md");
    for message in [
        "agent verified",
        "agent not verified",
        "STS answered",
        "STS did not answer",
        "asking STS again",
        "instance checked",
        "claim granted",
        "registration refused",
        "claim renewed",
        "claim released",
        "renewal refused",
        "release refused",
        "store answered",
        "store failed",
        "asking the store again",
        "no system certificate store found; using the bundled list",
        "IMDS did not answer; trying again",
        "no new credentials; the old ones last a little",
    ] {
        assert!(page.contains(&format!("\n| `{message}` |")), "{message}");
    }
    for field in [
        "agent_type",
        "attempt",
        "code",
        "detail",
        "error",
        "free_at",
        "host",
        "in_flight",
        "lease_until",
        "name",
        "operation",
        "outcome",
        "owner",
        "pause_ms",
        "region",
        "scope",
        "signature",
        "status",
        "step",
        "took_ms",
        "verdict",
        "waited_ms",
    ] {
        assert!(page.contains(&format!("`{field}`")), "{field}");
    }
}
