//! Choices that do not make a policy, each refused by name, and the nearest that do.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use sts_agent_name::policy::{
    CallerKind, InvalidPolicy, InvalidRule, InvalidTemplate, Policy, PolicyBuilder, Rule,
};

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";
const ROLE_ID: &str = "AROAIOSFODNN7EXAMPLE";

fn one() -> PolicyBuilder {
    Policy::builder().account(ACCOUNT).role("ci-agent")
}

fn good_rule() -> Rule {
    Rule::new().account(ACCOUNT).role("ci-agent")
}

fn check(cases: impl IntoIterator<Item = (PolicyBuilder, Option<InvalidPolicy>)>) {
    for (number, (builder, want)) in cases.into_iter().enumerate() {
        assert_eq!(builder.build().err(), want, "case {number}");
    }
}

#[test]
fn what_is_said_halfway_beside_a_rule_is_a_fault() {
    let fault = |rule| Some(InvalidPolicy::Rule(rule));
    check([
        (Policy::builder().rule(good_rule()), None),
        (one().rule(good_rule()), None),
        (Policy::builder().role("x").rule(good_rule()), fault(InvalidRule::NoAccount)),
        (Policy::builder().any_role().rule(good_rule()), fault(InvalidRule::NoAccount)),
        (Policy::builder().role_id(ROLE_ID).rule(good_rule()), fault(InvalidRule::NoAccount)),
        (Policy::builder().account(ACCOUNT).rule(good_rule()), fault(InvalidRule::NoRole)),
        (Policy::builder().account("x").rule(good_rule()), fault(InvalidRule::Account)),
        (Policy::builder().role_id("AIDAIOSFODNN7EXAMPLE").rule(good_rule()), fault(InvalidRule::RoleId)),
        (one().rule(Rule::new()), fault(InvalidRule::NoAccount)),
    ]);
}

#[test]
fn an_account_that_is_named_twice_is_one() {
    check([(one().account(ACCOUNT), None), (one().rule(good_rule()), None)]);
}

#[test]
fn an_instance_identity_has_accounts_and_nothing_else() {
    let instances = || Policy::builder().caller(CallerKind::InstanceIdentity);
    check([
        (instances().account(ACCOUNT), None),
        (instances(), Some(InvalidRule::NoAccount.into())),
        (instances().account("x"), Some(InvalidRule::Account.into())),
        (instances().account(ACCOUNT).role("a"), Some(InvalidPolicy::RoleOfInstanceIdentity)),
        (instances().account(ACCOUNT).any_role(), Some(InvalidPolicy::RoleOfInstanceIdentity)),
        (instances().account(ACCOUNT).role_id(ROLE_ID), Some(InvalidPolicy::RoleOfInstanceIdentity)),
    ]);
}

#[test]
fn a_template_tells_any_two_callers_apart() {
    let template = |builder: PolicyBuilder, text: &str| builder.name_template(text);
    let fault = |fault| Some(InvalidPolicy::Template(fault));
    let instances = || Policy::builder().any_instance_of(ACCOUNT);
    let any = || one().any_session();
    check([
        (template(one(), "{session}"), None),
        (template(one(), "{role}/{instance_id}"), None),
        (template(one(), "ci-agent"), fault(InvalidTemplate::NeedsInstanceOrSession)),
        (template(one(), "{account_id}/{role}"), fault(InvalidTemplate::NeedsInstanceOrSession)),
        // Parts that not every caller has.
        (any(), fault(InvalidTemplate::PartNotAlwaysThere)),
        (template(any(), "{session}/{instance_id}"), fault(InvalidTemplate::PartNotAlwaysThere)),
        (template(instances(), "{session}"), fault(InvalidTemplate::PartNotAlwaysThere)),
        (template(instances(), "{role}/{instance_id}"), fault(InvalidTemplate::PartNotAlwaysThere)),
        (template(instances(), "{account_id}/{instance_id}"), None),
        (instances().any_session(), None),
        // One session name under two roles.
        (template(any(), "{session}"), None),
        (template(any().role("other"), "{session}"), fault(InvalidTemplate::NeedsRole)),
        (template(any().role("other"), "{role}/{session}"), None),
        (template(any().role("ci-*"), "{session}"), fault(InvalidTemplate::NeedsRole)),
        (template(any().any_role(), "{session}"), fault(InvalidTemplate::NeedsRole)),
        (
            template(any().rule(Rule::new().account(ACCOUNT).role("b")), "{session}"),
            fault(InvalidTemplate::NeedsRole),
        ),
        (
            template(Policy::builder().account(ACCOUNT).role("ci-*").any_session(), "{session}"),
            fault(InvalidTemplate::NeedsRole),
        ),
        // One instance ID in two accounts.
        (one().account(OTHER), fault(InvalidTemplate::NeedsAccount)),
        (one().any_instance_of(OTHER), fault(InvalidTemplate::NeedsAccount)),
        (template(one().account(OTHER), "{account_id}/{instance_id}"), None),
        (one().any_instance_of(ACCOUNT), None),
    ]);
}

#[test]
fn a_template_has_its_form() {
    for text in ["", "/", "{instance_id}/", "{instance_id", "{instance_id}{account_id}", "a b/{instance_id}"]
    {
        let fault = one().name_template(text).build().expect_err(text);
        assert_eq!(fault, InvalidPolicy::Template(InvalidTemplate::Form), "{text}");
    }
    let fault = one().name_template("{arn}/{instance_id}").build().expect_err("a part");
    assert_eq!(fault, InvalidPolicy::Template(InvalidTemplate::UnknownPart));
}
