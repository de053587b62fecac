//! The registrar over the whole road: the local STS, a memory store.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::local::{ACCOUNT, INSTANCE, ROLE, agent, builder, credentials, now};
use sts_agent_name::agent::Presigner;
use sts_agent_name::policy::{Policy, Rule};
use sts_agent_name::registrar::{
    InvalidSettings, NameAssignment, NameRelease, NameSettings, RegisterError, Registered, Registrar,
    Registration, SemaphoreSettings,
};
use sts_agent_name::registry::{AgentType, MemoryStore, Scope};
use sts_agent_name::server::{ChallengeKey, Challenges};
use sts_agent_name::testing::LocalSts;
use sts_agent_name::{Audience, Challenge, Endpoint, InstanceId};

const KEY: &str = "oY3vX0pQm1sT8uKd2wZb4g";

struct World {
    sts: LocalSts,
    registrar: Registrar,
    scope: Scope,
    proven: AgentType,
    plain: AgentType,
    presigner: Presigner,
}

impl World {
    async fn new(release: NameRelease) -> Self {
        let sts = LocalSts::builder().principal(agent()).start().await.expect("a local STS");
        let verifier = builder(&sts).build().expect("a verifier");
        let registrar = Registrar::new(Arc::new(MemoryStore::new()), vec![verifier]);
        let (proven, plain) = (AgentType::parse("s1-linux").unwrap(), AgentType::parse("s1-plain").unwrap());
        registrar.set_agent_type(proven.clone(), settings(release)).expect("settings");
        let own = NameSettings::new(NameAssignment::Agent, release).expect("settings");
        registrar.set_agent_type(plain.clone(), own).expect("settings");
        let scope = Scope::parse("acme").expect("a scope");
        Self { sts, registrar, scope, proven, plain, presigner: Presigner::new(Endpoint::global()) }
    }

    fn sign(&self) -> String {
        self.presigner.presign(&credentials(), now()).expect("signed").expose().to_owned()
    }

    async fn prove(&self, evidence: &str, key: Option<&str>) -> Result<Registered, RegisterError> {
        let registration = Registration::new(&self.proven, &self.scope, evidence);
        let registration = key.map_or(registration, |key| registration.with_key(key));
        self.registrar.register(registration).await
    }

    async fn name(&self, name: &str) -> Result<Registered, RegisterError> {
        self.registrar.register(Registration::new(&self.plain, &self.scope, name)).await
    }

    async fn renew(&self, it: &Registered) -> Result<time::OffsetDateTime, RegisterError> {
        self.registrar.renew(&self.proven, &self.scope, &it.name, &it.claim_id).await
    }

    async fn release(&self, it: &Registered) -> Result<time::OffsetDateTime, RegisterError> {
        self.registrar.release(&self.proven, &self.scope, &it.name, &it.claim_id).await
    }
}

fn settings(release: NameRelease) -> NameSettings {
    let assignment = NameAssignment::AwsSts {
        accounts: vec![ACCOUNT.parse().expect("an account")],
        roles: vec![ROLE.to_owned()],
        name_template: None,
    };
    NameSettings::new(assignment, release).expect("settings")
}

fn code<T>(outcome: Result<T, RegisterError>) -> &'static str {
    outcome.map_or_else(|error| error.code(), |_| "done")
}

#[tokio::test]
async fn a_machine_gets_its_name_and_nobody_else_does_while_it_lives() {
    let world = World::new(NameRelease::Immediately).await;
    let first = world.prove(&world.sign(), None).await.expect("registered");
    assert_eq!(first.name.as_str(), INSTANCE);
    assert!(first.agent.as_ref().is_some_and(|agent| agent.name() == &first.name));
    world.renew(&first).await.expect("renewed");
    assert_eq!(code(world.prove(&world.sign(), None).await), "name_taken");
    world.release(&first).await.expect("released");
    assert_eq!(code(world.release(&first).await), "fenced");
    assert_eq!(code(world.renew(&first).await), "fenced");
    world.prove(&world.sign(), None).await.expect("free again");
}

#[tokio::test]
async fn one_url_is_good_for_one_claim() {
    let world = World::new(NameRelease::Immediately).await;
    let url = world.sign();
    let first = world.prove(&url, Some(KEY)).await.expect("registered");
    world.release(&first).await.expect("released");
    let asked = world.sts.requests();
    assert_eq!(code(world.prove(&url, Some(KEY)).await), "already_spent");
    // Another spelling of the same URL is the same signature.
    let spelled = url.replace("GetCallerIdentity", "GetCallerIdentit%79");
    assert_eq!(code(world.prove(&spelled, Some(KEY)).await), "already_spent");
    assert_eq!(world.sts.requests(), asked, "a spent signature costs no call to STS");
}

#[tokio::test]
async fn one_url_at_many_doors_at_once_is_one_claim() {
    let world = Arc::new(World::new(NameRelease::Immediately).await);
    let url = Arc::new(world.sign());
    let tries = (0..16).map(|number| {
        let (world, url) = (world.clone(), url.clone());
        tokio::spawn(async move {
            let scope = Scope::parse(&format!("org-{}", number % 4)).expect("a scope");
            code(world.registrar.register(Registration::new(&world.proven, &scope, &url)).await)
        })
    });
    let mut outcomes = Vec::new();
    for attempt in tries.collect::<Vec<_>>() {
        outcomes.push(attempt.await.expect("done"));
    }
    assert_eq!(outcomes.iter().filter(|code| **code == "done").count(), 1, "{outcomes:?}");
    assert!(
        outcomes.iter().all(|code| ["done", "already_spent", "name_taken"].contains(code)),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn a_lost_reply_is_made_good_by_the_key_and_by_nothing_else() {
    let world = World::new(NameRelease::Immediately).await;
    let lost = world.prove(&world.sign(), Some(KEY)).await.expect("registered");
    // A job on the same instance can sign as well; it does not know the key.
    assert_eq!(code(world.prove(&world.sign(), None).await), "name_taken");
    assert_eq!(code(world.prove(&world.sign(), Some("another-random-key-of-a-job")).await), "name_taken");
    let again = world.prove(&world.sign(), Some(KEY)).await.expect("taken over");
    assert_eq!(code(world.renew(&lost).await), "fenced");
    world.renew(&again).await.expect("renewed");
    assert_eq!(code(world.prove(&world.sign(), Some(KEY)).await), "name_taken");
}

#[tokio::test]
async fn a_stolen_url_is_refused_elsewhere_later_twice_and_at_another_replica() {
    let sts = LocalSts::builder().principal(agent()).start().await.expect("a local STS");
    let store = Arc::new(MemoryStore::new());
    let (linux, scope) = (AgentType::parse("s1-linux").unwrap(), Scope::parse("acme").unwrap());
    let server = |audience: &str, store: &Arc<MemoryStore>, max_age: u64| {
        let audience = Audience::new(audience).expect("an audience");
        let verifier = builder(&sts).audience(audience).max_age(Duration::from_secs(max_age)).build();
        let registrar = Registrar::new(store.clone(), vec![verifier.expect("a verifier")]);
        registrar.set_agent_type(linux.clone(), settings(NameRelease::Immediately)).expect("set");
        registrar
    };
    let presigner =
        Presigner::new(Endpoint::global()).with_audience(Audience::new("ci.example.com").unwrap());
    let sign = |age: i64| {
        let at = now() - time::Duration::seconds(age);
        presigner.presign(&credentials(), at).expect("signed").expose().to_owned()
    };
    let (stolen, old) = (sign(1), sign(100));
    let registration = Registration::new(&linux, &scope, &stolen);
    let (ours, replica) = (server("ci.example.com", &store, 900), server("ci.example.com", &store, 900));
    let elsewhere = server("ci.evil.example", &Arc::new(MemoryStore::new()), 900);
    assert_eq!(code(elsewhere.register(registration).await), "wrong_audience_or_signature");
    let strict = server("ci.example.com", &store, 60);
    assert_eq!(code(strict.register(Registration::new(&linux, &scope, &old)).await), "expired");
    let used = ours.register(registration).await.expect("the agent itself");
    assert_eq!(code(ours.register(registration).await), "already_spent");
    assert_eq!(code(replica.register(registration).await), "already_spent");
    // Fresh evidence of the same machine, while it lives.
    ours.renew(&linux, &scope, &used.name, &used.claim_id).await.expect("renewed");
    let fresh = sign(2);
    assert_eq!(code(replica.register(Registration::new(&linux, &scope, &fresh)).await), "name_taken");
}

#[tokio::test]
async fn a_held_name_is_nobodys() {
    let world = World::new(NameRelease::After(Duration::from_mins(1))).await;
    let first = world.prove(&world.sign(), Some(KEY)).await.expect("registered");
    world.renew(&first).await.expect("renewed");
    let free_at = world.release(&first).await.expect("released");
    let error = world.prove(&world.sign(), Some(KEY)).await.expect_err("held");
    assert!(matches!(&error, RegisterError::Taken { free_at: said } if said.get() == free_at), "{error:?}");
    assert_eq!(error.to_string(), "this name is taken");
}

#[tokio::test]
async fn names_and_urls_do_not_mix() {
    let world = World::new(NameRelease::Immediately).await;
    let url = world.sign();
    assert_eq!(code(world.name(&url).await), "url_not_expected");
    assert_eq!(code(world.name("http://example.com/").await), "url_not_expected");
    assert_eq!(code(world.prove(INSTANCE, None).await), "url_expected");
    assert_eq!(code(world.name(INSTANCE).await), "reserved_name");
    assert_eq!(code(world.name("123456789012/i-0123456789abcdef0").await), "reserved_name");
    for name in ["short", "has blank", "semi;colon", &"n".repeat(81)] {
        assert_eq!(code(world.name(name).await), "invalid_name", "{name}");
    }
    assert_eq!(world.name("builder-7").await.expect("registered").name.as_str(), "builder-7");
    let (one, two) = (world.name("").await.expect("random"), world.name("").await.expect("random"));
    assert_eq!(one.name.as_str().len(), 20);
    assert_ne!(one.name, two.name);
    assert_eq!(world.sts.connections(), 0);
}

#[tokio::test]
async fn agent_types_are_known_and_can_change() {
    let world = World::new(NameRelease::Immediately).await;
    let unknown = AgentType::parse("s1-other").expect("a type");
    let registration = Registration::new(&unknown, &world.scope, "builder-7");
    assert_eq!(code(world.registrar.register(registration).await), "unknown_agent_type");
    let other_role = NameAssignment::AwsSts {
        accounts: vec![ACCOUNT.parse().expect("an account")],
        roles: vec!["other-*".to_owned()],
        name_template: None,
    };
    let changed = NameSettings::new(other_role, NameRelease::Immediately).expect("settings");
    world.registrar.set_agent_type(world.proven.clone(), changed).expect("set");
    assert_eq!(code(world.prove(&world.sign(), None).await), "role_not_allowed");
}

#[tokio::test]
async fn a_refused_url_is_not_spent() {
    let world = World::new(NameRelease::Immediately).await;
    let first = world.prove(&world.sign(), None).await.expect("registered");
    world.renew(&first).await.expect("renewed");
    let second = world.sign();
    assert_eq!(code(world.prove(&second, None).await), "name_taken");
    world.release(&first).await.expect("released");
    // Still a bearer token until it ages out.
    world.prove(&second, None).await.expect("registered");
}

#[tokio::test]
async fn a_rename_of_the_audience_is_two_verifiers() {
    let sts = LocalSts::builder().principal(agent()).start().await.expect("a local STS");
    let old = Audience::with_header("x-ci-audience-1", "ci.example.org").expect("an audience");
    let new = Audience::with_header("x-ci-audience-2", "ci.example.com").expect("an audience");
    let verifier =
        |audience: &Audience| builder(&sts).audience(audience.clone()).build().expect("a verifier");
    let registrar = Registrar::new(Arc::new(MemoryStore::new()), vec![verifier(&new), verifier(&old)]);
    let (linux, scope) = (AgentType::parse("s1-linux").unwrap(), Scope::parse("acme").unwrap());
    registrar.set_agent_type(linux.clone(), settings(NameRelease::Immediately)).expect("set");
    for audience in [&old, &new] {
        let presigner = Presigner::new(Endpoint::global()).with_audience(audience.clone());
        let url = presigner.presign(&credentials(), now()).expect("signed");
        let it =
            registrar.register(Registration::new(&linux, &scope, url.expose())).await.expect("registered");
        registrar.release(&linux, &scope, &it.name, &it.claim_id).await.expect("released");
    }
    assert_eq!(sts.requests(), 2, "each URL finds its verifier without a second call");
}

#[tokio::test]
async fn a_challenge_goes_the_whole_road() {
    let sts = LocalSts::builder().principal(agent()).start().await.expect("a local STS");
    let challenges = Challenges::new(ChallengeKey::new("k1", [7; 32]).expect("a key"));
    let verifier = builder(&sts).challenges(challenges.clone()).build().expect("a verifier");
    let registrar = Registrar::new(Arc::new(MemoryStore::new()), vec![verifier]);
    let (linux, scope) = (AgentType::parse("s1-linux").unwrap(), Scope::parse("acme").unwrap());
    registrar.set_agent_type(linux.clone(), settings(NameRelease::Immediately)).expect("set");
    let challenge = challenges.issue(None, now()).expect("issued");
    let presigner = Presigner::new(Endpoint::global()).with_challenge(&challenge);
    let url = presigner.presign(&credentials(), now()).expect("signed").expose().to_owned();
    let plain = Registration::new(&linux, &scope, &url);
    assert_eq!(code(registrar.register(plain).await), "challenge_required");
    let beside = Challenge::parse(challenge.expose()).expect("well-formed");
    registrar.register(plain.with_challenge(beside.expose())).await.expect("registered");
}

#[test]
fn a_registration_does_not_print_what_it_carries() {
    let (linux, scope) = (AgentType::parse("s1-linux").unwrap(), Scope::parse("acme").unwrap());
    let registration =
        Registration::new(&linux, &scope, "https://secret").with_key("secret").with_challenge("secret");
    assert!(!format!("{registration:?}").contains("secret"));
}

#[test]
fn settings_go_through_both_forms_and_back() {
    for text in [
        r#"{"assignment":"agent"}"#,
        r#"{"assignment":"agent","release_after_seconds":60}"#,
        r#"{"assignment":"aws_sts","accounts":["012345678901"],"roles":["a","b-*"],"release_after_seconds":3600}"#,
        r#"{"assignment":"aws_sts","accounts":["123456789012","210987654321"],"roles":["a"],"name_template":"{account_id}/{instance_id}"}"#,
    ] {
        let settings: NameSettings = serde_json::from_str(text).expect(text);
        assert_eq!(serde_json::to_string(&settings).expect("written"), text);
    }
    for text in [
        r#"{"assignment_origin":"ASSIGNMENT_ORIGIN_AGENT","release_after":0}"#,
        r#"{"assignment_origin":"ASSIGNMENT_ORIGIN_AWS_STS","release_after":3600,"aws":{"account_id":"012345678901","role_name_patterns":"a,b-*"}}"#,
    ] {
        let settings: SemaphoreSettings = serde_json::from_str(text).expect(text);
        assert_eq!(serde_json::to_string(&settings).expect("written"), text);
        let ours: NameSettings = settings.clone().into();
        assert_eq!(SemaphoreSettings::try_from(ours).expect("the same"), settings);
    }
}

/// Found by fuzzing: serde's derive reads a list of values as a struct.
#[test]
fn settings_are_named_fields_and_not_a_list() {
    for text in [r#"["agent", null, null, null, 60]"#, r#"["agent"]"#] {
        assert!(serde_json::from_str::<NameSettings>(text).is_err(), "{text}");
    }
    for text in [
        r#"["ASSIGNMENT_ORIGIN_AGENT", 76]"#,
        r#"{"assignment_origin":"ASSIGNMENT_ORIGIN_AWS_STS","aws":["123456789012","a"]}"#,
    ] {
        assert!(serde_json::from_str::<SemaphoreSettings>(text).is_err(), "{text}");
    }
}

#[test]
fn each_wrong_setting_names_its_field() {
    let own = |text: &str| serde_json::from_str::<NameSettings>(text).expect_err(text).to_string();
    let theirs = |text: &str| serde_json::from_str::<SemaphoreSettings>(text).expect_err(text).to_string();
    for (text, want) in [
        (r#"{"assignment":"agent","release_after_seconds":59}"#, "release_after_seconds: "),
        (r#"{"assignment":"agent","release_after_seconds":31536001}"#, "release_after_seconds: "),
        (r#"{"assignment":"agent","accounts":["123456789012"]}"#, "assignment: "),
        (r#"{"assignment":"aws_sts"}"#, "assignment: "),
        (r#"{"assignment":"aws_sts","accounts":["12345678901"],"roles":["a"]}"#, "accounts: "),
        (
            r#"{"assignment":"aws_sts","accounts":[],"roles":["a"]}"#,
            "accounts, roles or name_template: no account",
        ),
        (
            r#"{"assignment":"aws_sts","accounts":["123456789012"],"roles":[]}"#,
            "accounts, roles or name_template: no role",
        ),
        (
            r#"{"assignment":"aws_sts","accounts":["123456789012"],"roles":["*"]}"#,
            "accounts, roles or name_template: role pattern",
        ),
        (
            r#"{"assignment":"aws_sts","accounts":["123456789012","210987654321"],"roles":["a"]}"#,
            "accounts, roles or name_template: name template needs {account_id}",
        ),
        (r#"{"assignment":"agent","extra":1}"#, "unknown field `extra`"),
    ] {
        assert!(own(text).starts_with(want), "{text}: {}", own(text));
    }
    for (text, want) in [
        (r#"{"assignment_origin":"ASSIGNMENT_ORIGIN_AWS_STS"}"#, "assignment: "),
        (r#"{"assignment_origin":"ASSIGNMENT_ORIGIN_AGENT","release_after":7}"#, "release_after_seconds: "),
        (
            r#"{"assignment_origin":"ASSIGNMENT_ORIGIN_AWS_STS","aws":{"account_id":"123456789012","role_name_patterns":"a,,b"}}"#,
            "accounts, roles or name_template: role pattern is empty",
        ),
    ] {
        assert!(theirs(text).starts_with(want), "{text}: {}", theirs(text));
    }
}

/// What the written settings cannot say goes with single use and names all the same, and may change at any time.
#[tokio::test]
async fn any_policy_can_stand_behind_an_agent_type() {
    let world = World::new(NameRelease::Immediately).await;
    let policy = || Policy::builder().rule(Rule::new().account(ACCOUNT).role(ROLE));
    let set = |policy: Policy, release| {
        world.registrar.set_agent_type_with_policy(world.proven.clone(), policy, release)
    };
    let instance = InstanceId::parse(INSTANCE).expect("an instance");
    let denied = policy().deny_instance(instance).build().expect("a policy");
    set(denied, NameRelease::Immediately).expect("an agent type");
    assert_eq!(code(world.prove(&world.sign(), None).await), "instance_denied");

    let by_session = policy().any_session().name_template("{role}/{session}").build().expect("a policy");
    set(by_session, NameRelease::After(Duration::from_mins(1))).expect("an agent type");
    let url = world.sign();
    let first = world.prove(&url, None).await.expect("registered");
    assert_eq!(first.name.as_str(), format!("{ROLE}/{INSTANCE}"));
    assert_eq!(code(world.prove(&url, None).await), "already_spent");
    world.renew(&first).await.expect("renewed");
    world.release(&first).await.expect("released");
    assert_eq!(code(world.prove(&world.sign(), None).await), "name_taken", "it is held");

    let short = set(policy().build().expect("a policy"), NameRelease::After(Duration::from_millis(60_500)));
    assert_eq!(short, Err(InvalidSettings::ReleaseAfter));
}
