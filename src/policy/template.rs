//! Making a name out of verified parts.

use thiserror::Error;

use crate::name::{AgentName, is_name_byte};

/// A name template such as `{account_id}/{instance_id}`: segments joined by `/`, at most one part in each.
///
/// No part holds a `/`, and each segment has one part at a fixed place, so two different lists of parts never
/// give one name.
#[derive(Clone, Debug)]
pub(super) struct NameTemplate {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug)]
struct Segment {
    before: Box<str>,
    part: Option<Part>,
    after: Box<str>,
}

/// What can stand in a template.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    AccountId,
    InstanceId,
    Role,
    Session,
}

/// The verified parts of one caller.
pub(super) struct Parts<'a> {
    pub(super) account_id: &'a str,
    pub(super) instance_id: &'a str,
    pub(super) role: &'a str,
    pub(super) session: &'a str,
}

impl NameTemplate {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let segments = text.split('/').map(Segment::parse).collect::<Result<_, _>>()?;
        Ok(Self { segments })
    }

    pub(super) fn has(&self, part: Part) -> bool {
        self.segments.iter().any(|segment| segment.part == Some(part))
    }

    /// The name for these parts; `None` if it is out of the grammar of names.
    pub(super) fn render(&self, parts: &Parts<'_>) -> Option<AgentName> {
        let mut name = String::with_capacity(AgentName::MAX_LENGTH);
        for (position, segment) in self.segments.iter().enumerate() {
            if position > 0 {
                name.push('/');
            }
            name.push_str(&segment.before);
            name.push_str(match segment.part {
                None => "",
                Some(Part::AccountId) => parts.account_id,
                Some(Part::InstanceId) => parts.instance_id,
                Some(Part::Role) => parts.role,
                Some(Part::Session) => parts.session,
            });
            name.push_str(&segment.after);
        }
        AgentName::parse(&name).ok()
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let (before, part, after) = match text.split_once('{') {
            None => (text, None, ""),
            Some((before, rest)) => {
                let (part, after) = rest.split_once('}').ok_or(InvalidTemplate::Form)?;
                (before, Some(Part::parse(part)?), after)
            }
        };
        let literal = |text: &str| text.bytes().all(|b| is_name_byte(b) && b != b'/');
        if text.is_empty() || !literal(before) || !literal(after) {
            return Err(InvalidTemplate::Form);
        }
        Ok(Self { before: before.into(), part, after: after.into() })
    }
}

impl Part {
    fn parse(name: &str) -> Result<Self, InvalidTemplate> {
        match name {
            "account_id" => Ok(Self::AccountId),
            "instance_id" => Ok(Self::InstanceId),
            "role" => Ok(Self::Role),
            "session" => Ok(Self::Session),
            _ => Err(InvalidTemplate::UnknownPart),
        }
    }
}

/// Why a text is not a name template, or not one for this policy.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidTemplate {
    /// Not segments joined by `/`, each of name characters with at most one `{part}`.
    #[error("name template is not segments joined by slashes, each with at most one {{part}}")]
    Form,
    /// More than one account is allowed, so one instance ID or session could mean two agents: `{account_id}`
    /// is needed.
    #[error("name template needs {{account_id}}, since more than one account is allowed")]
    NeedsAccount,
    /// Neither `{instance_id}` nor `{session}`: all agents would share a name.
    #[error("name template needs {{instance_id}} or {{session}}")]
    NeedsInstanceOrSession,
    /// Sessions of any name are allowed for more than one role, so one session name could mean two agents:
    /// `{role}` is needed.
    #[error("name template needs {{role}}, since sessions of any name are allowed for more than one role")]
    NeedsRole,
    /// `{instance_id}` where sessions need not be instance IDs, or `{role}` and `{session}` where an instance
    /// identity has neither.
    #[error("name template names a part that not every allowed caller has")]
    PartNotAlwaysThere,
    /// A part that is none of `account_id`, `instance_id`, `role`, `session`.
    #[error("name template names an unknown part")]
    UnknownPart,
}

#[cfg(test)]
mod tests {
    use super::{AgentName, InvalidTemplate, NameTemplate, Parts};

    #[test]
    fn parts_go_where_they_are_named() {
        let parts = Parts {
            account_id: "123456789012",
            instance_id: "i-01234567",
            role: "ci",
            session: "i-01234567",
        };
        for (template, want) in [
            ("{instance_id}", Some("i-01234567")),
            ("{account_id}/{instance_id}", Some("123456789012/i-01234567")),
            ("ec2-{role}-x/{session}", Some("ec2-ci-x/i-01234567")),
            ("{role}", None),
        ] {
            let name = NameTemplate::parse(template).expect(template).render(&parts);
            assert_eq!(name.as_ref().map(AgentName::as_str), want, "{template}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (template, want) in [
            ("", InvalidTemplate::Form),
            ("a//{instance_id}", InvalidTemplate::Form),
            ("{instance_id", InvalidTemplate::Form),
            ("{instance_id}{role}", InvalidTemplate::Form),
            ("a}{instance_id}", InvalidTemplate::Form),
            ("a b{instance_id}", InvalidTemplate::Form),
            ("{arn}", InvalidTemplate::UnknownPart),
            ("{}", InvalidTemplate::UnknownPart),
        ] {
            assert_eq!(NameTemplate::parse(template).err(), Some(want), "{template:?}");
        }
    }
}
