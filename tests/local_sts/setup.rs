//! The agent that most tests are about, its clock, and the URLs it signs.

use std::time::Duration;

use sts_agent_name::testing::sigv4::{self, ReceivedRequest};
use sts_agent_name::testing::{LocalSts, LocalStsBuilder, Principal};
use time::{Date, Month, OffsetDateTime, Time};
use tokio::time::timeout;

pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(crate) const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLE+token/of=the+agent==";
pub(crate) const HOST: &str = "sts.us-east-1.amazonaws.com";
pub(crate) const INSTANCE: &str = "i-0123456789abcdef0";

/// A URL's path and query, signed over what its fields say.
pub(crate) struct Signed {
    pub(crate) access_key_id: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) token: Option<&'static str>,
    pub(crate) method: &'static str,
    pub(crate) host: &'static str,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
    pub(crate) date: &'static str,
    pub(crate) expires: Option<&'static str>,
}

impl Default for Signed {
    fn default() -> Self {
        Self {
            access_key_id: "ASIAIOSFODNN7EXAMPLE",
            secret: SECRET,
            token: Some(TOKEN),
            method: "GET",
            host: HOST,
            region: "us-east-1",
            service: "sts",
            date: "20260101T120000Z",
            expires: Some("900"),
        }
    }
}

impl Signed {
    pub(crate) fn target(&self) -> String {
        let Self { access_key_id, region, service, date, .. } = self;
        let day = &date[..8];
        let expires = self.expires.map(|expires| format!("&X-Amz-Expires={expires}")).unwrap_or_default();
        let token = self.token.map(|token| {
            let token = token.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D");
            format!("&X-Amz-Security-Token={token}")
        });
        let query = format!(
            "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential={access_key_id}%2F{day}%2F{region}%2F{service}%2Faws4_request\
             &X-Amz-Date={date}{expires}&X-Amz-SignedHeaders=host{}&X-Amz-Signature=",
            token.unwrap_or_default()
        );
        let unsigned = format!("{query}{}", "0".repeat(64));
        let request = ReceivedRequest::new(self.method, "/", &unsigned).header("Host", self.host);
        format!("/?{query}{}", sigv4::stages(&request, self.secret).unwrap().signature())
    }
}

pub(crate) fn agent() -> Principal {
    Principal::assumed_role("ASIAIOSFODNN7EXAMPLE", SECRET, TOKEN, "123456789012", "ci-agent", INSTANCE)
}

pub(crate) fn agent_at_noon() -> LocalStsBuilder {
    LocalSts::builder().principal(agent()).clock(noon)
}

pub(crate) async fn started(builder: LocalStsBuilder) -> LocalSts {
    builder.start().await.unwrap()
}

pub(crate) fn noon() -> OffsetDateTime {
    instant("2026-01-01T12:00:00Z")
}

/// `YYYY-MM-DDThh:mm:ssZ`.
pub(crate) fn instant(text: &str) -> OffsetDateTime {
    let parts: Vec<u8> = text[5..].split(['-', 'T', ':', 'Z']).filter_map(|part| part.parse().ok()).collect();
    let [month, day, hour, minute, second] = parts[..] else { panic!("{text}") };
    let date =
        Date::from_calendar_date(text[..4].parse().unwrap(), Month::try_from(month).unwrap(), day).unwrap();
    OffsetDateTime::new_utc(date, Time::from_hms(hour, minute, second).unwrap())
}

/// Waits for what another task is about to do.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(10), wait).await.expect("it never happened");
}
