//! A judgement as a table for people and as a line for machines.

use std::env;
use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;
use sts_agent_name::policy::Refusal;
use time::OffsetDateTime;

use super::judge::{Judgement, Outcome, Row};
use crate::{moment, refusals};

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refused<'a>>,
    at: &'a str,
    rules: &'a [Row<'a>],
}

#[derive(Serialize)]
struct Refused<'a> {
    code: &'static str,
    http_status: u16,
    message: String,
    cause: Option<&'a str>,
    remedy: Option<&'a str>,
}

impl Refused<'_> {
    fn of(refusal: &Refusal) -> Self {
        let entry = refusals::find(refusal.code());
        Self {
            code: refusal.code(),
            http_status: refusal.http_status(),
            message: refusal.to_string(),
            cause: entry.map(|entry| entry.cause),
            remedy: entry.map(|entry| entry.remedy),
        }
    }
}

pub(super) fn json(judgement: &Judgement<'_>, now: OffsetDateTime, out: &mut impl Write) -> io::Result<()> {
    let refusal = judgement.refusal.as_ref().map(Refused::of);
    let verdict = if refusal.is_some() { "refused" } else { "nothing_against_it" };
    let line = Line { verdict, refusal, at: &moment::format(now), rules: &judgement.rows };
    // The many small writes of a serializer are cheapest into memory.
    let mut text = Vec::with_capacity(4096);
    serde_json::to_writer(&mut text, &line)?;
    text.push(b'\n');
    out.write_all(&text)
}

pub(super) fn table(judgement: &Judgement<'_>, out: &mut impl Write) -> io::Result<()> {
    let colours = Colours::find();
    let width = judgement.rows.iter().map(|row| row.text.len()).max().unwrap_or_default();
    for Row { result, text, detail, .. } in &judgement.rows {
        let (word, colour) = match result {
            Outcome::Fail => ("fail", "31"),
            Outcome::NotJudged => ("not judged", "2"),
            Outcome::NotReached => ("not reached", "2"),
            Outcome::Pass => ("pass", "32"),
        };
        let line = match detail {
            Some(detail) => format!("{word:11}  {text:width$}  {detail}"),
            None => format!("{word:11}  {text}"),
        };
        match line.strip_prefix(word) {
            Some(rest) => writeln!(out, "{}{rest}", colours.paint(word, colour))?,
            None => writeln!(out, "{line}")?,
        }
    }
    let Some(refusal) = judgement.refusal.as_ref().map(Refused::of) else {
        return writeln!(out, "\n{}: only STS can say whether the signature is good", {
            colours.paint("nothing against it", "32")
        });
    };
    let (word, code) = (colours.paint("refused", "31"), colours.paint(refusal.code, "1"));
    writeln!(out, "\n{word}: {code} (HTTP {}): {}", refusal.http_status, refusal.message)?;
    for (name, cell) in [("cause", refusal.cause), ("remedy", refusal.remedy)] {
        if let Some(cell) = cell {
            writeln!(out, "  {name}: {cell}")?;
        }
    }
    Ok(())
}

/// Whether to colour: on a terminal that can, unless `NO_COLOR` says no (<https://no-color.org>).
struct Colours(bool);

impl Colours {
    fn find() -> Self {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self(!refused && !dumb && io::stdout().is_terminal())
    }

    fn paint(&self, text: &str, colour: &str) -> String {
        if self.0 { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
