//! Who is calling.

use std::time::Duration;

use sts_agent_name::policy::{InvalidPolicy, InvalidRolePattern, InvalidRule, InvalidTemplate, Policy, Rule};
use sts_agent_name::server::Verifier;
use sts_agent_name::testing::{LocalSts, Principal};
use sts_agent_name::{Audience, Endpoint, InstanceId, PresignedUrl};

use crate::common::local::{
    ACCOUNT, INSTANCE, KEY, ROLE, SECRET, TOKEN, agent, builder, now, presigned, verifier,
};
use crate::setup::{
    ROLE_ID, base, finish_as, plain_policy, plain_verifier, refusal, replies, role_arn, sts, urls, verify,
    with,
};
use crate::world::{World, code};

const OTHER_ACCOUNT: &str = "210987654321";

async fn sts_of(principal: Principal) -> LocalSts {
    LocalSts::builder().principal(principal).start().await.expect("a local STS")
}

fn user_id(session: &str) -> String {
    format!("{ROLE_ID}:{session}")
}

/// Whoever may assume the role names the session after an instance: `verify` cannot see it, so it is said, and
/// instance identities are the way out.
#[tokio::test]
async fn t58_session_name_spoof() {
    replies(58);
    // What STS says of a person who calls the session i-… is what it says of the instance.
    let sts = sts().await;
    let url = presigned(&Endpoint::global());
    assert_eq!(verify(&sts, url.expose(), &plain_policy()).await, "verified");
    // An instance identity cannot be assumed, and a session of a role is never taken for one.
    let instances = Policy::builder().any_instance_of(ACCOUNT).build().expect("a policy");
    assert_eq!(verify(&sts, url.expose(), &instances).await, "caller_kind_not_allowed");
    let identity = sts_of(Principal::instance_identity(KEY, SECRET, TOKEN, ACCOUNT, INSTANCE)).await;
    assert_eq!(verify(&identity, url.expose(), &instances).await, "verified");
    let arn = role_arn(ACCOUNT, "aws:ec2-instance", INSTANCE);
    assert_eq!(finish_as(&instances, &arn, &user_id(INSTANCE)), "invalid_reply");
    for page in [include_str!("../../README.md"), include_str!("../../docs/threat-model.md")] {
        assert!(page.contains("name can be chosen by anyone who may assume the role"));
    }
}

/// Credentials are carried off the instance: their life, the evidence's life and the audience bound what they do,
/// the name is taken or held, and the operator can shut the instance out.
#[tokio::test]
async fn t59_exported_credentials() {
    let url = presigned(&Endpoint::global());
    let ended = sts_of(agent().with_expiry(now() - time::Duration::minutes(1))).await;
    assert_eq!(verify(&ended, url.expose(), &plain_policy()).await, "credentials_expired");
    let short = Verifier::builder().max_age(Duration::from_mins(1)).build().expect("a verifier");
    let (evidence, _) = base();
    let late = PresignedUrl::parse(&evidence).expect("good").signed_at() + time::Duration::seconds(61);
    assert_eq!(refusal(&short, &evidence, late).map(|it| it.code()), Some("expired"));
    let sts = sts().await;
    let denied = Policy::builder().account(ACCOUNT).role(ROLE);
    let denied = denied.deny_instance(InstanceId::parse(INSTANCE).expect("an ID")).build().expect("a policy");
    assert_eq!(verify(&sts, url.expose(), &denied).await, "instance_denied");
    let audience = Audience::new("ci.example.com").expect("an audience");
    let bound = builder(&sts).audience(audience).build().expect("a verifier");
    let refused = bound.verify(url.expose(), &plain_policy()).await.expect_err("not signed for it");
    assert_eq!(refused.code(), "audience_not_signed");
    // Whoever holds the credentials gets no second registration while the instance has its name, nor in its hold.
    let world = World::new().await;
    let instance = world.register(&world.sign()).await.expect("registered");
    assert_eq!(world.renew(&instance).await, "done");
    assert_eq!(code(world.register(&world.sign()).await), "name_taken");
    assert_eq!(world.release(&instance).await, "done");
    assert_eq!(code(world.register(&world.sign()).await), "name_taken");
}

/// A user or a federated user with the name of the role.
#[tokio::test]
async fn t60_kind_of_principal() {
    replies(60);
    let policy = Policy::builder().account(ACCOUNT).any_role().build().expect("a policy");
    for (arn, user_id) in [
        (format!("arn:aws:iam::{ACCOUNT}:user/{ROLE}/eve"), "AIDADBQP57FF2AEXAMPLE".to_owned()),
        (
            format!("arn:aws:iam::{ACCOUNT}:user/assumed-role/{ROLE}/{INSTANCE}"),
            "AIDADBQP57FF2AEXAMPLE".to_owned(),
        ),
        (format!("arn:aws:sts::{ACCOUNT}:federated-user/{ROLE}"), format!("{ACCOUNT}:{ROLE}")),
        (format!("arn:aws:iam::{ACCOUNT}:root"), ACCOUNT.to_owned()),
    ] {
        assert_eq!(finish_as(&policy, &arn, &user_id), "caller_kind_not_allowed", "{arn}");
    }
    let iam = format!("arn:aws:iam::{ACCOUNT}:assumed-role/{ROLE}/{INSTANCE}");
    assert_eq!(finish_as(&policy, &iam, &user_id(INSTANCE)), "invalid_reply");
    let federated = sts_of(Principal::federated_user(KEY, SECRET, TOKEN, ACCOUNT, ROLE)).await;
    let url = presigned(&Endpoint::global());
    assert_eq!(verify(&federated, url.expose(), &policy).await, "caller_kind_not_allowed");
}

/// A greedy pattern takes any text for the account, the role or the session.
#[test]
fn t61_greedy_arn_pattern() {
    replies(61);
    let policy = plain_policy();
    for arn in [
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/x/{INSTANCE}"),
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/x/{ROLE}/{INSTANCE}"),
        format!("arn:aws:sts::.+:assumed-role/{ROLE}/{INSTANCE}"),
        format!("arn:aws:sts::{ACCOUNT}:x:assumed-role/{ROLE}/{INSTANCE}"),
        format!("arn:aws:sts:us-east-1:{ACCOUNT}:assumed-role/{ROLE}/{INSTANCE}"),
        format!(" arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/{INSTANCE}"),
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/{INSTANCE} "),
    ] {
        assert_eq!(finish_as(&policy, &arn, &user_id(INSTANCE)), "invalid_reply", "{arn}");
    }
}

/// Names that differ in case alone are folded into one.
#[test]
fn t62_folded_case() {
    replies(62);
    let upper = Policy::builder().account(ACCOUNT).role("Ci-Agent").build().expect("a policy");
    let arn = role_arn(ACCOUNT, ROLE, INSTANCE);
    assert_eq!(finish_as(&upper, &arn, &user_id(INSTANCE)), "role_not_allowed");
    assert_eq!(finish_as(&plain_policy(), &arn, &user_id(INSTANCE)), INSTANCE);
    let any = Policy::builder().account(ACCOUNT).role(ROLE).any_session().name_template("{session}");
    let any = any.build().expect("a policy");
    for session in ["Nightly-Job", "nightly-job"] {
        assert_eq!(finish_as(&any, &role_arn(ACCOUNT, ROLE, session), &user_id(session)), session);
    }
    // An instance ID is lower case; the same in upper case is another session.
    let shouted = INSTANCE.to_ascii_uppercase();
    assert_eq!(
        finish_as(&plain_policy(), &role_arn(ACCOUNT, ROLE, &shouted), &user_id(&shouted)),
        "session_not_instance"
    );
}

/// A role is deleted and made again: the same ARN, another role.
#[tokio::test]
async fn t63_role_made_again() {
    let url = presigned(&Endpoint::global());
    let pinned = Policy::builder().account(ACCOUNT).role(ROLE).role_id(ROLE_ID).build().expect("a policy");
    let first = sts_of(agent().with_role_id(ROLE_ID)).await;
    let second = sts_of(agent().with_role_id("AROADBQP57FF2BEXAMPLE")).await;
    assert_eq!(verify(&first, url.expose(), &pinned).await, "verified");
    assert_eq!(verify(&second, url.expose(), &pinned).await, "role_id_not_allowed");
    // Without the pin both are let in, as two owners.
    let mut owners = Vec::new();
    for sts in [&first, &second] {
        let verified = verifier(sts).verify(url.expose(), &plain_policy()).await.expect("verified");
        owners.push(verified.owner().clone());
    }
    assert_ne!(owners[0], owners[1]);
}

/// A pattern that lets in every role.
#[test]
fn t64_bare_wildcard() {
    replies(64);
    let with_pattern = |pattern: &str| Policy::builder().account(ACCOUNT).role(pattern).build();
    for pattern in ["*", "**", "***"] {
        let fault = with_pattern(pattern).expect_err(pattern);
        assert_eq!(fault, InvalidPolicy::Rule(InvalidRule::RolePattern(InvalidRolePattern::MatchesAll)));
    }
    let in_a_list = Policy::builder().account(ACCOUNT).roles("ci-agent,*").build();
    assert!(in_a_list.is_err());
    // A wide one does what it says, and the name is matched whole.
    let wide = with_pattern("*agents*").expect("a policy");
    let narrow = with_pattern("agents-*").expect("a policy");
    let arn = role_arn(ACCOUNT, "evil-agents-x", INSTANCE);
    assert_eq!(finish_as(&wide, &arn, &user_id(INSTANCE)), INSTANCE);
    assert_eq!(finish_as(&narrow, &arn, &user_id(INSTANCE)), "role_not_allowed");
}

/// Blanks around the patterns of a list, so that the second never matches.
#[test]
fn t65_untrimmed_pattern_list() {
    let list = Policy::builder().account(ACCOUNT).roles("role-a, role-b").build().expect("a policy");
    for role in ["role-a", "role-b"] {
        assert_eq!(finish_as(&list, &role_arn(ACCOUNT, role, INSTANCE), &user_id(INSTANCE)), INSTANCE);
    }
    for pattern in [" role-b", "role-b ", "role b", "role-a, role-b"] {
        let fault = Policy::builder().account(ACCOUNT).role(pattern).build().expect_err(pattern);
        assert_eq!(fault, InvalidPolicy::Rule(InvalidRule::RolePattern(InvalidRolePattern::Form)));
    }
    for list in ["role-a,", ",role-a", "role-a,,role-b", "", " "] {
        let fault = Policy::builder().account(ACCOUNT).roles(list).build().expect_err(list);
        assert_eq!(
            fault,
            InvalidPolicy::Rule(InvalidRule::RolePattern(InvalidRolePattern::Empty)),
            "{list:?}"
        );
    }
}

/// An empty allow-list means everybody.
#[test]
fn t66_empty_allow_list() {
    let fault = |rule: InvalidRule| Some(InvalidPolicy::Rule(rule));
    for (built, want) in [
        (Policy::builder().build(), InvalidRule::NoAccount),
        (Policy::builder().role(ROLE).build(), InvalidRule::NoAccount),
        (Policy::builder().any_role().build(), InvalidRule::NoAccount),
        (Policy::builder().account(ACCOUNT).build(), InvalidRule::NoRole),
        (Policy::builder().account(ACCOUNT).role_id(ROLE_ID).build(), InvalidRule::NoRole),
        (Policy::builder().account("").role(ROLE).build(), InvalidRule::Account),
        (Policy::builder().account("*").role(ROLE).build(), InvalidRule::Account),
        (Policy::builder().rule(Rule::new()).build(), InvalidRule::NoAccount),
        (Policy::builder().rule(Rule::new().account(ACCOUNT)).build(), InvalidRule::NoRole),
        (Policy::builder().any_instance_of("").build(), InvalidRule::Account),
    ] {
        assert_eq!(built.err(), fault(want));
    }
}

/// A cache answers for another account or role of the same name (CVE-2025-11621).
#[tokio::test]
async fn t67_loose_cache_key() {
    let policy = Policy::builder().account(ACCOUNT).account(OTHER_ACCOUNT).role(ROLE);
    let policy = policy.name_template("{account_id}/{instance_id}").build().expect("a policy");
    let other_key = "ASIAAAAAAAAAAAAAAAAA";
    let other = Principal::assumed_role(other_key, SECRET, TOKEN, OTHER_ACCOUNT, ROLE, INSTANCE);
    let sts = LocalSts::builder().principal(agent()).principal(other).start().await.expect("a local STS");
    let credentials =
        aws_credential_types::Credentials::new(other_key, SECRET, Some(TOKEN.into()), None, "test");
    let presigner = sts_agent_name::agent::Presigner::new(Endpoint::global());
    let theirs = presigner.presign(&credentials, now()).expect("signed");
    let ours = presigned(&Endpoint::global());
    let verifier = verifier(&sts);
    let mut seen = Vec::new();
    for url in [&ours, &theirs, &ours, &theirs] {
        let verified = verifier.verify(url.expose(), &policy).await.expect("verified");
        seen.push((verified.name().to_string(), verified.owner().clone()));
    }
    // Nothing is remembered between checks: STS was asked each time.
    assert_eq!(sts.requests(), 4);
    assert_eq!((&seen[0], &seen[1]), (&seen[2], &seen[3]));
    assert_ne!(seen[0].0, seen[1].0);
    assert_ne!(seen[0].1, seen[1].1);
}

/// One proof is checked, and another one is used.
#[test]
fn t68_two_proofs_one_checked() {
    let policy = plain_policy();
    let verifier = plain_verifier();
    let (evidence, now) = base();
    // There is one text; what is sent and every part that is decided on are read from its rebuilt form.
    for text in
        [evidence.clone(), with("Token=FAKE", "Token=%46AKE"), with("amazonaws.com/?", "amazonaws.com?")]
    {
        let exchange = verifier.begin(&text, &policy, now).expect("good");
        let sent = PresignedUrl::parse(exchange.url()).expect("canonical");
        let used = exchange.evidence();
        assert_eq!(exchange.url(), used.expose());
        assert_eq!((sent.host(), sent.access_key_id()), (used.host(), used.access_key_id()));
        assert_eq!((sent.signed_at(), sent.expires_in()), (used.signed_at(), used.expires_in()));
        let again = verifier.begin(exchange.url(), &policy, now).expect("good");
        assert_eq!(exchange.signature(), again.signature());
    }
    let two = format!("{evidence}{evidence}");
    assert_eq!(refusal(&verifier, &two, now).map(|it| it.code()), Some("forbidden_byte"));
}

/// Who somebody is gets read from the request and not from the reply (CVE-2022-2385).
#[tokio::test]
async fn t69_identity_from_the_request() {
    urls(69);
    // The key names the allowed account; STS says another one.
    let key = concat!("ASIA", "SX7QLUIYGDI4QX56");
    let sts = sts_of(Principal::assumed_role(key, SECRET, TOKEN, OTHER_ACCOUNT, ROLE, INSTANCE)).await;
    let credentials = aws_credential_types::Credentials::new(key, SECRET, Some(TOKEN.into()), None, "test");
    let presigner = sts_agent_name::agent::Presigner::new(Endpoint::global());
    let url = presigner.presign(&credentials, now()).expect("signed");
    let policy = Policy::builder().account("188945769008").role(ROLE).build().expect("a policy");
    assert_eq!(verify(&sts, url.expose(), &policy).await, "account_not_allowed");
    // And the other way round the key's account only ever refuses.
    let policy = Policy::builder().account(OTHER_ACCOUNT).role(ROLE);
    let hinted = policy.clone().build().expect("a policy");
    assert_eq!(verify(&sts, url.expose(), &hinted).await, "access_key_account_not_allowed");
    let unhinted = policy.without_account_hint().build().expect("a policy");
    let verified = verifier(&sts).verify(url.expose(), &unhinted).await.expect("verified");
    assert_eq!(verified.identity().account().as_str(), OTHER_ACCOUNT);
}

/// One instance ID in two accounts or partitions.
#[test]
fn t70_one_instance_id_in_two_accounts() {
    let two = || Policy::builder().account(ACCOUNT).account(OTHER_ACCOUNT).role(ROLE);
    let needs = Some(InvalidPolicy::Template(InvalidTemplate::NeedsAccount));
    assert_eq!(two().build().err(), needs);
    assert_eq!(two().name_template("ec2/{instance_id}").build().err(), needs);
    let of_instances = Policy::builder().any_instance_of(ACCOUNT).any_instance_of(OTHER_ACCOUNT);
    assert_eq!(of_instances.build().err(), needs);
    let by_rules =
        Policy::builder().rule(Rule::new().account(ACCOUNT).role(ROLE)).any_instance_of(OTHER_ACCOUNT);
    assert_eq!(by_rules.build().err(), needs);
    // Two parts are never run together.
    assert!(two().name_template("{account_id}{instance_id}").build().is_err());
    let named = two().name_template("{account_id}/{instance_id}").build().expect("a policy");
    let name = |account: &str| finish_as(&named, &role_arn(account, ROLE, INSTANCE), &user_id(INSTANCE));
    assert_eq!(name(ACCOUNT), format!("{ACCOUNT}/{INSTANCE}"));
    assert_eq!(name(OTHER_ACCOUNT), format!("{OTHER_ACCOUNT}/{INSTANCE}"));
    // A policy is for one partition.
    let china = format!("arn:aws-cn:sts::{ACCOUNT}:assumed-role/{ROLE}/{INSTANCE}");
    assert_eq!(finish_as(&plain_policy(), &china, &user_id(INSTANCE)), "partition_not_allowed");
}
