//! A policy written as one line of words, and a second judge of it.
//!
//! ```text
//! account=123456789012 role=ci-* rule account=210987654321 any-role any-session template={account_id}/{session}
//! ```
//!
//! Words up to the first `rule` are the builder's own; each `rule` starts a further pairing.

use sts_agent_name::policy::{Policy, PolicyBuilder, Rule};
use sts_agent_name::{ArnResource, InstanceId, Partition};

use super::reply::Texts;
use super::{arn, is_instance_id, is_made_of, role_pattern};

pub(crate) const WORDS: &[&str] = &[
    "account=123456789012",
    "account=210987654321",
    "role=ci-agent",
    "role=ci-*",
    "role=*agent",
    "role-id=AROADBQP57FF2AEXAMPLE",
    "role-id=AROAIOSFODNN7EXAMPLE",
    "any-role",
    "any-session",
    "instances-of=123456789012",
    "deny=i-0123456789abcdef0",
    "partition=aws-cn",
    "template={account_id}/{instance_id}",
    "template={account_id}/{role}/{session}",
    "rule",
    " ",
];

/// What the words said.
#[derive(Debug)]
pub(crate) struct Model {
    rules: Vec<RuleModel>,
    instances_of: Vec<String>,
    any_session: bool,
    denied: Vec<String>,
    partition: Partition,
    template: String,
}

#[derive(Debug, Default)]
struct RuleModel {
    accounts: Vec<String>,
    patterns: Vec<String>,
    any_role: bool,
    role_ids: Vec<String>,
}

/// The policy of a line, with its model; `None` for words without a meaning, and for choices that make no policy.
pub(crate) fn read(line: &str) -> Option<(Policy, Model)> {
    let mut builder = Policy::builder().without_account_hint();
    let mut rules: Vec<Rule> = Vec::new();
    let mut model = Model {
        rules: vec![RuleModel::default()],
        instances_of: Vec::new(),
        any_session: false,
        denied: Vec::new(),
        partition: Partition::Aws,
        template: "{instance_id}".to_owned(),
    };
    for word in line.split(' ').filter(|word| !word.is_empty()) {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        builder = match key {
            "any-session" => {
                model.any_session = true;
                builder.any_session()
            }
            "instances-of" => {
                model.instances_of.push(value.to_owned());
                builder.any_instance_of(value)
            }
            "deny" => {
                model.denied.push(value.to_owned());
                builder.deny_instance(InstanceId::parse(value).ok()?)
            }
            "partition" => {
                model.partition = value.parse().ok()?;
                builder.partition(model.partition)
            }
            "template" => {
                value.clone_into(&mut model.template);
                builder.name_template(value)
            }
            "rule" => {
                rules.push(Rule::new());
                model.rules.push(RuleModel::default());
                builder
            }
            _ => {
                let model = model.rules.last_mut()?;
                model.note(key, value)?;
                match rules.pop() {
                    Some(rule) => {
                        rules.push(say(rule, key, value));
                        builder
                    }
                    None => say_own(builder, key, value),
                }
            }
        };
    }
    let policy = rules.into_iter().fold(builder, PolicyBuilder::rule).build().ok()?;
    model.means_somebody();
    Some((policy, model))
}

fn say(rule: Rule, key: &str, value: &str) -> Rule {
    match key {
        "account" => rule.account(value),
        "role" => rule.role(value),
        "role-id" => rule.role_id(value),
        _ => rule.any_role(),
    }
}

fn say_own(builder: PolicyBuilder, key: &str, value: &str) -> PolicyBuilder {
    match key {
        "account" => builder.account(value),
        "role" => builder.role(value),
        "role-id" => builder.role_id(value),
        _ => builder.any_role(),
    }
}

impl RuleModel {
    fn note(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "account" => self.accounts.push(value.to_owned()),
            "role" => self.patterns.push(value.to_owned()),
            "role-id" => self.role_ids.push(value.to_owned()),
            "any-role" => self.any_role = true,
            _ => return None,
        }
        Some(())
    }

    fn is_blank(&self) -> bool {
        self.accounts.is_empty() && self.patterns.is_empty() && self.role_ids.is_empty() && !self.any_role
    }

    fn allows(&self, account: &str, role: &str, role_id: &str) -> bool {
        let is_role = |pattern: &String| role_pattern::matches(pattern, role);
        self.accounts.iter().any(|allowed| allowed == account)
            && (self.any_role || self.patterns.iter().any(is_role))
            && (self.role_ids.is_empty() || self.role_ids.iter().any(|pinned| pinned == role_id))
    }
}

impl Model {
    /// A policy that could be built names an account and a role in each of its parts: nothing left out has come
    /// to mean everybody.
    fn means_somebody(&self) {
        for rule in self.rules.iter().filter(|rule| !rule.is_blank()) {
            assert!(rule.any_role || !rule.patterns.is_empty(), "{self:?}");
            assert!(rule.patterns.iter().all(|pattern| role_pattern::fault(pattern).is_none()), "{self:?}");
        }
        let mut accounts = self.accounts();
        assert!(accounts.iter().all(|account| arn::is_account(account)), "{self:?}");
        accounts.dedup();
        assert!(!accounts.is_empty(), "{self:?}");
        assert!(accounts.len() == 1 || self.template.contains("{account_id}"), "{self:?}");
    }

    /// Each account that is named anywhere, sorted.
    fn accounts(&self) -> Vec<&str> {
        let of_rules = self.rules.iter().flat_map(|rule| &rule.accounts);
        let mut accounts: Vec<&str> = of_rules.chain(&self.instances_of).map(String::as_str).collect();
        accounts.sort_unstable();
        accounts
    }

    pub(crate) fn partition(&self) -> Partition {
        self.partition
    }

    /// The name of a caller whom the policy lets in.
    pub(crate) fn admits(&self, caller: &Texts) -> Option<String> {
        let parts = arn::read(&caller.arn)?;
        let account = parts.account;
        let owner = caller.user_id.split(':').next()?;
        let (role, session) = match parts.resource {
            ArnResource::AssumedRole { role, session } => {
                self.rules.iter().any(|rule| rule.allows(account, role, owner)).then_some((role, session))?
            }
            ArnResource::InstanceIdentity { instance } => {
                self.instances_of.iter().any(|allowed| allowed == account).then_some(("", instance))?
            }
            _ => return None,
        };
        let kept_out = self.denied.iter().any(|denied| denied == session)
            || !(self.any_session || is_instance_id(session));
        if kept_out || parts.partition != self.partition.id() {
            return None;
        }
        let name = self.template.replace("{account_id}", account).replace("{role}", role);
        let name = name.replace("{instance_id}", session).replace("{session}", session);
        is_made_of(&name, 8, 80, "_/+-").then_some(name)
    }
}
