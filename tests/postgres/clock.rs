//! Whose clock decides: a server whose own clock is wrong changes nothing.

use std::process::Command;
use std::time::{Duration, SystemTime};

use sts_agent_name::registry::{ClaimOutcome, NameStore, PostgresStore, ReleaseOutcome, RenewOutcome};
use time::OffsetDateTime;

use crate::agent::{Agent, LEASE};
use crate::child::{Process, tell};
use crate::schema::Schema;

/// Shifts the wall clock of a process that loads it.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, at);
    if (id == CLOCK_REALTIME) at->tv_sec += atol(getenv("CLOCK_SHIFT"));
    return result;
}
"#;

/// Two servers whose clocks are an hour off, one ahead and one behind, are told the moments that the database has,
/// and so is everybody else about their claims.
#[tokio::test]
async fn a_server_whose_clock_is_an_hour_off_changes_nothing() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    let folder = tempfile::TempDir::new().unwrap();
    let (source, library) = (folder.path().join("shim.c"), folder.path().join("shim.so"));
    std::fs::write(&source, SHIM).unwrap();
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).arg("-ldl").status();
    assert!(built.unwrap().success());
    for (number, shift) in [(0, "3600"), (1, "-3600")] {
        let environment = [("LD_PRELOAD", library.to_str().unwrap()), ("CLOCK_SHIFT", shift)];
        let before = database_now(&schema).await;
        let mut child = Process::start("clock", &schema.url(), number, &environment);
        let lines: Vec<String> = child.lines().collect();
        child.finish();
        let after = database_now(&schema).await;
        let moments: Vec<OffsetDateTime> = lines
            .iter()
            .map(|line| OffsetDateTime::from_unix_timestamp_nanos(line.parse().unwrap()).unwrap())
            .collect();
        let [its_clock, claimed, renewed, released] = moments[..] else { panic!("{lines:?}") };
        let off = (its_clock - before).whole_seconds() - shift.parse::<i64>().unwrap();
        assert!((0..60).contains(&off), "the child's clock was to be off by {shift}, not {off} more");
        for (moment, span) in [(claimed, LEASE), (renewed, LEASE), (released, LEASE)] {
            assert!(
                (before..=after).contains(&(moment - span)),
                "{moment} is not between {before} and {after}"
            );
        }
        // What it did holds for a server whose clock is right.
        let rival = Agent::new("acme", "agent-01", "bob");
        assert_eq!(rival.claim(&store).await.unwrap(), ClaimOutcome::Taken { free_at: released });
        let _ = store.evict(&rival.scope, &rival.name).await.unwrap();
    }
}

/// What a child of the test above does.
#[expect(clippy::disallowed_methods, reason = "the test is about this clock")]
pub(crate) async fn with_another_clock(url: &str) {
    let store = PostgresStore::connect(url).await.unwrap();
    tell_moment(SystemTime::now().into());
    let agent = Agent::new("acme", "agent-01", "ann");
    let ClaimOutcome::Granted { lease_until } = agent.claim(&store).await.unwrap() else { panic!() };
    tell_moment(lease_until);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let RenewOutcome::Renewed { lease_until } = agent.renew(&store).await.unwrap() else { panic!() };
    tell_moment(lease_until);
    let ReleaseOutcome::Released { free_at } = agent.release(&store, LEASE).await.unwrap() else { panic!() };
    tell_moment(free_at);
}

fn tell_moment(moment: OffsetDateTime) {
    tell(&moment.unix_timestamp_nanos().to_string());
}

async fn database_now(schema: &Schema) -> OffsetDateTime {
    let micros: i64 =
        schema.query_one("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8").await.get(0);
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).unwrap()
}
