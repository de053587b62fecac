//! Counters and histograms out of the library's events, printed in the form that Prometheus reads.
//!
//! ```text
//! cargo run --example metrics
//! ```
//!
//! The layer below is all of it: no metrics crate, and nothing that a server could not copy. What is counted here is
//! made up on the spot, with a local STS; `docs/operations.md` lists every event and field.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{Debug, Write as _};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use sts_agent_name::agent::Presigner;
use sts_agent_name::registrar::{NameSettings, Registrar, Registration};
use sts_agent_name::registry::{self, AgentType, Scope};
use sts_agent_name::server::Verifier;
use sts_agent_name::testing::{Fault, LocalSts, Principal};
use sts_agent_name::{Endpoint, Region};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// The upper ends of the histograms' buckets, in milliseconds.
const BUCKETS: [f64; 10] = [1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1000.0, 5000.0];

/// Turns events into numbers. Clones share them.
#[derive(Clone, Default)]
struct Metrics(Arc<Mutex<Numbers>>);

/// By name and labels, so that the text comes out in order.
#[derive(Default)]
struct Numbers {
    counters: BTreeMap<(&'static str, String), u64>,
    gauges: BTreeMap<&'static str, String>,
    histograms: BTreeMap<(&'static str, String), Histogram>,
}

#[derive(Default)]
struct Histogram {
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

impl Numbers {
    fn count(&mut self, name: &'static str, labels: String) {
        *self.counters.entry((name, labels)).or_default() += 1;
    }

    fn observe(&mut self, name: &'static str, labels: String, value: &str) {
        let Ok(value) = value.parse::<f64>() else { return };
        let histogram = self.histograms.entry((name, labels)).or_default();
        let within = BUCKETS.iter().zip(&mut histogram.buckets).filter(|(end, _)| value <= **end);
        within.for_each(|(_, bucket)| *bucket += 1);
        histogram.count += 1;
        histogram.sum += value;
    }

    /// What one event means. Labels are codes and regions only: names and owners would make a series each.
    fn take(&mut self, message: &str, fields: &Fields) {
        let region = format!("region=\"{}\"", fields.get("region"));
        match message {
            "agent verified" => self.count("sts_verifications_total", format!("code=\"verified\",{region}")),
            "agent not verified" => {
                self.count("sts_verifications_total", format!("code=\"{}\",{region}", fields.get("code")));
            }
            "claim granted" => self.count("sts_registrations_total", format!("code=\"granted\",{region}")),
            "registration refused" => {
                self.count("sts_registrations_total", format!("code=\"{}\",{region}", fields.get("code")));
            }
            "asking STS again" => self.count("sts_retries_total", format!("code=\"{}\"", fields.get("code"))),
            "STS answered" | "STS did not answer" => {
                self.observe("sts_latency_milliseconds", region, fields.get("took_ms"));
                self.observe("sts_wait_milliseconds", String::new(), fields.get("waited_ms"));
                self.gauges.insert("sts_in_flight", fields.get("in_flight").to_owned());
            }
            "store answered" => {
                let operation = format!("operation=\"{}\"", fields.get("operation"));
                let outcome = format!("{operation},outcome=\"{}\"", fields.get("outcome"));
                self.count("store_operations_total", outcome);
                self.observe("store_latency_milliseconds", operation, fields.get("took_ms"));
            }
            "store failed" => {
                let operation = format!("operation=\"{}\"", fields.get("operation"));
                self.count("store_operations_total", format!("{operation},outcome=\"failed\""));
            }
            _ => {}
        }
    }
}

impl Metrics {
    /// The text for `GET /metrics`.
    fn render(&self) -> String {
        let numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        let mut type_of = TypeLine::default();
        for ((name, labels), value) in &numbers.counters {
            type_of.write(&mut text, name, "counter");
            line(&mut text, name, labels, &value.to_string());
        }
        for (name, value) in &numbers.gauges {
            type_of.write(&mut text, name, "gauge");
            line(&mut text, name, "", value);
        }
        for ((name, labels), histogram) in &numbers.histograms {
            type_of.write(&mut text, name, "histogram");
            let comma = if labels.is_empty() { "" } else { "," };
            let ends = BUCKETS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
            for (end, count) in ends.zip(histogram.buckets.iter().chain([&histogram.count])) {
                let labels = format!("{labels}{comma}le=\"{end}\"");
                line(&mut text, &format!("{name}_bucket"), &labels, &count.to_string());
            }
            line(&mut text, &format!("{name}_sum"), labels, &histogram.sum.to_string());
            line(&mut text, &format!("{name}_count"), labels, &histogram.count.to_string());
        }
        text
    }
}

/// One `# TYPE` line for each name.
#[derive(Default)]
struct TypeLine(String);

impl TypeLine {
    fn write(&mut self, text: &mut String, name: &str, kind: &str) {
        if self.0 != name {
            writeln!(text, "# TYPE {name} {kind}").unwrap_or_default();
            name.clone_into(&mut self.0);
        }
    }
}

fn line(text: &mut String, name: &str, labels: &str, value: &str) {
    let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    writeln!(text, "{name}{labels} {value}").unwrap_or_default();
}

impl<S: tracing::Subscriber> Layer<S> for Metrics {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("sts_agent_name") {
            let mut fields = Fields::default();
            event.record(&mut fields);
            let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            numbers.take(fields.get("message"), &fields);
        }
    }
}

/// The fields of one event, as texts.
#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(it, _)| *it == name).map_or("", |(_, value)| value)
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let metrics = Metrics::default();
    tracing_subscriber::registry().with(metrics.clone()).init();
    happenings().await?;
    let text = metrics.render();
    print!("{text}");
    let expected = [
        "sts_registrations_total{code=\"granted\",region=\"eu-central-1\"} 1",
        "sts_registrations_total{code=\"already_spent\",region=\"eu-central-1\"} 1",
        "sts_registrations_total{code=\"unknown_host\",region=\"\"} 1",
        "sts_retries_total{code=\"throttled\"} 1",
        "sts_latency_milliseconds_count{region=\"eu-central-1\"} 2",
        "store_operations_total{operation=\"claim\",outcome=\"granted\"} 1",
        "sts_in_flight 1",
    ];
    let missing: Vec<_> = expected.iter().filter(|line| !text.lines().any(|it| it == **line)).collect();
    eprintln!(
        "{}",
        if missing.is_empty() { "All was counted.".to_owned() } else { format!("missing: {missing:?}") }
    );
    Ok(if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An agent that is throttled once and then named, its URL again, and a text that is none.
async fn happenings() -> Result<(), Box<dyn Error>> {
    let (key, secret, token) =
        ("ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "EXAMPLE/session+token==");
    let machine =
        Principal::assumed_role(key, secret, token, "123456789012", "ci-agent", "i-0123456789abcdef0");
    let sts = LocalSts::builder().principal(machine).start().await?;
    let verifier = Verifier::builder().danger_stand_in(sts.addr(), sts.ca_pem()).build()?;
    let registrar = Registrar::new(registry::connect("memory:").await?, vec![verifier]);
    let settings: NameSettings = serde_json::from_str(
        r#"{ "assignment": "aws_sts", "accounts": ["123456789012"], "roles": ["ci-agent"] }"#,
    )?;
    let linux = AgentType::parse("s1-linux")?;
    registrar.set_agent_type(linux.clone(), settings)?;
    let scope = Scope::parse("acme")?;

    let presigner = Presigner::new(Endpoint::regional(&Region::parse("eu-central-1")?)?);
    let credentials = Credentials::new(key, secret, Some(token.to_owned()), None, "example");
    let url = presigner.presign(&credentials, now())?;
    sts.play_once(Fault::Throttle { retry_after: None });
    for evidence in [url.expose(), url.expose(), "https://sts.evil.example/?Action=GetCallerIdentity"] {
        let registration = Registration::new(&linux, &scope, evidence);
        match registrar.register(registration).await {
            Ok(registered) => eprintln!("named {}", registered.name),
            Err(error) => eprintln!("refused: {}", error.code()),
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "an agent has a clock")]
fn now() -> time::OffsetDateTime {
    time::OffsetDateTime::now_utc()
}
