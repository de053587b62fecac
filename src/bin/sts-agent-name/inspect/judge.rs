//! What a verifier says before it asks STS, laid out rule by rule.

use std::borrow::Cow;

use serde::Serialize;
use sts_agent_name::policy::{Policy, Refusal};
use sts_agent_name::server::Verifier;
use sts_agent_name::{InvalidUrl, PresignedUrl};
use time::OffsetDateTime;

use super::parts::Parts;
use super::rules::{Needs, RULES, Shows, Stage, position};
use crate::fault::Fault;
use crate::moment;

/// The verifier, and what of its settings is known.
pub(super) struct Judge {
    pub(super) verifier: Verifier,
    pub(super) policy: Policy,
    pub(super) known: Known,
}

/// Which settings were given.
pub(super) struct Known(pub(super) Vec<Needs>);

/// What came of one text.
pub(super) struct Judgement<'t> {
    pub(super) refusal: Option<Refusal>,
    pub(super) rows: Vec<Row<'t>>,
}

#[derive(Serialize)]
pub(super) struct Row<'t> {
    pub(super) rule: &'static str,
    pub(super) result: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<Cow<'t, str>>,
    #[serde(skip)]
    pub(super) text: &'static str,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Fail,
    NotJudged,
    NotReached,
    Pass,
}

impl Judge {
    pub(super) fn judge<'t>(&self, text: &'t str, now: OffsetDateTime) -> Result<Judgement<'t>, Fault> {
        let refusal = self.refusal(text, now)?;
        let failed = refusal.as_ref().map(|refusal| Failed::at(refusal, text));
        let parts = Parts::of(text);
        let rows = RULES.iter().enumerate().map(|(at, rule)| {
            let (result, detail) = if let Some(why) = self.known.lacks(rule.needs) {
                (Outcome::NotJudged, Some(Cow::Borrowed(why)))
            } else {
                let result = failed.as_ref().map_or(Outcome::Pass, |failed| failed.outcome_of(at));
                (result, shown(rule.shows, &parts, now))
            };
            Row { rule: rule.name, result, detail, text: rule.text }
        });
        Ok(Judgement { rows: rows.collect(), refusal })
    }

    fn refusal(&self, text: &str, now: OffsetDateTime) -> Result<Option<Refusal>, Fault> {
        let begun = match self.verifier.issue_challenge(now) {
            None => self.verifier.begin(text, &self.policy, now),
            Some(Ok(challenge)) => {
                self.verifier.begin_with_challenge(text, challenge.expose(), &self.policy, now)
            }
            Some(Err(error)) => return Err(Fault::undecided(error.to_string())),
        };
        Ok(match begun {
            // Without an account there is no partition to hold against; the rule is the last but one, and the
            // stand-in policy passes the last.
            Err(Refusal::Partition) if !self.known.has(Needs::Account) => None,
            begun => begun.err(),
        })
    }
}

impl Known {
    fn has(&self, needs: Needs) -> bool {
        needs == Needs::Nothing || self.0.contains(&needs)
    }

    /// Why a rule that needs this is not judged.
    fn lacks(&self, needs: Needs) -> Option<&'static str> {
        match needs {
            _ if self.has(needs) => None,
            Needs::Audience => Some("no --audience"),
            Needs::Challenge => Some("no --challenge"),
            Needs::Hint if self.has(Needs::Account) => Some("off in this partition or with --any-instance"),
            Needs::Issuer => Some("only the server that issued it can"),
            _ => Some("no --account"),
        }
    }
}

/// Where the judgement stopped.
struct Failed {
    rule: Option<usize>,
    /// The first rule that is not decided, the failed one left aside.
    open: usize,
}

impl Failed {
    fn at(refusal: &Refusal, text: &str) -> Self {
        let rule = position(refusal.code());
        let query = RULES.iter().position(|rule| rule.stage == Stage::Query);
        let parsed = RULES.iter().position(|rule| rule.stage == Stage::Parsed);
        let open = match refusal {
            // The rebuilt text is too long, which is found when all else of it is in order.
            Refusal::Form(InvalidUrl::Length) if text.len() <= PresignedUrl::MAX_LENGTH => parsed,
            // There is no query to look into.
            Refusal::Form(InvalidUrl::MissingParameter) if !text.contains('?') => query,
            _ => rule.map(|at| if is_of_query(at) { query.unwrap_or(at) } else { at }),
        };
        Self { rule, open: open.unwrap_or_default() }
    }

    fn outcome_of(&self, at: usize) -> Outcome {
        if self.rule == Some(at) {
            Outcome::Fail
        } else if at < self.open {
            Outcome::Pass
        } else {
            Outcome::NotReached
        }
    }
}

fn is_of_query(at: usize) -> bool {
    RULES.get(at).is_some_and(|rule| rule.stage == Stage::Query)
}

fn shown<'t>(shows: Shows, parts: &Parts<'t>, now: OffsetDateTime) -> Option<Cow<'t, str>> {
    match shows {
        Shows::Age => {
            let signed = moment::parse(&parts.value("X-Amz-Date")?).ok()?;
            Some(Cow::Owned(format!("{} s", (now - signed).whole_seconds())))
        }
        Shows::Blank => None,
        Shows::Host => parts.host(),
        Shows::Length => Some(parts.length()),
        Shows::Now => Some(Cow::Owned(format!("server's time {}", moment::format(now)))),
        Shows::Path => parts.path(),
        Shows::Signature => parts.redacted("X-Amz-Signature"),
        Shows::Token => parts.redacted("X-Amz-Security-Token"),
        Shows::Value(name) => parts.value(name),
    }
}
