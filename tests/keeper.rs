//! Agents that keep a name by [`NameKeeper`], over a wire that loses and delays: never do two work under one name.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use sts_agent_name::AgentName;
use sts_agent_name::agent::{NameKeeper, NextStep};
use sts_agent_name::registrar::{
    NameAssignment, NameRelease, NameSettings, RegisterError, Registrar, Registration,
};
use sts_agent_name::registry::{AgentType, ClaimId, ManualClock, MemoryStore, Scope};

const LEASE: Duration = Duration::from_mins(1);
const NAME: &str = "builder-7";

enum Answer {
    Registered(AgentName, ClaimId),
    Renewed,
    Fenced,
    Failed,
}

/// An agent, and the answer that is on its way to it.
struct Agent {
    keeper: NameKeeper,
    claim: Option<(AgentName, ClaimId)>,
    coming: Option<(Instant, Instant, Answer)>,
    worked: u32,
}

impl Agent {
    fn hear(&mut self, now: Instant) {
        let Some((sent, _, answer)) = self.coming.take_if(|(_, arrives, _)| *arrives <= now) else { return };
        match answer {
            Answer::Registered(name, claim_id) => {
                self.claim = Some((name, claim_id));
                self.keeper.registered(sent, LEASE);
            }
            Answer::Renewed => self.keeper.renewed(sent),
            Answer::Fenced => {
                self.claim = None;
                self.keeper.fenced();
            }
            Answer::Failed => self.keeper.failed(now),
        }
    }
}

async fn carry(
    registrar: &Registrar,
    linux: &AgentType,
    scope: &Scope,
    agent: &Agent,
    step: NextStep,
) -> Answer {
    if step == NextStep::Register {
        return match registrar.register(Registration::new(linux, scope, NAME)).await {
            Ok(it) => Answer::Registered(it.name, it.claim_id),
            Err(RegisterError::Taken { .. }) => Answer::Failed,
            Err(other) => panic!("{other:?}"),
        };
    }
    let (name, claim_id) = agent.claim.as_ref().expect("a claim to renew");
    match registrar.renew(linux, scope, name, claim_id).await {
        Ok(_) => Answer::Renewed,
        Err(RegisterError::Fenced) => Answer::Fenced,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn two_agents_never_work_under_one_name() {
    let clock = ManualClock::new();
    let store = Arc::new(MemoryStore::new().with_clock(&clock));
    let registrar = Registrar::new(store, Vec::new()).with_lease(LEASE);
    assert_eq!(registrar.lease(), LEASE);
    let (linux, scope) = (AgentType::parse("s1-linux").unwrap(), Scope::parse("acme").unwrap());
    let settings = NameSettings::new(NameAssignment::Agent, NameRelease::Immediately).expect("settings");
    registrar.set_agent_type(linux.clone(), settings).expect("an agent type");

    #[expect(clippy::disallowed_methods, reason = "a moment to count from")]
    let mut now = Instant::now();
    let mut chance = fastrand::Rng::with_seed(7);
    let new = || Agent { keeper: NameKeeper::new(), claim: None, coming: None, worked: 0 };
    let mut agents = [new(), new(), new()];
    for second in 0..100_000 {
        now += Duration::from_secs(1);
        clock.advance(Duration::from_secs(1));
        // The wire of one agent after the other is down for minutes.
        let cut_off = second / 150 % 4;
        for (number, agent) in agents.iter_mut().enumerate() {
            agent.hear(now);
            let step = agent.keeper.next(now);
            if agent.coming.is_some() || matches!(step, NextStep::Wait(_)) {
                continue;
            }
            let lost = number == cut_off || chance.u8(..) < 25;
            let heard = if lost && chance.bool() {
                Answer::Failed
            } else {
                let answer = carry(&registrar, &linux, &scope, agent, step).await;
                if lost { Answer::Failed } else { answer }
            };
            agent.coming = Some((now, now + Duration::from_secs(chance.u64(0..20)), heard));
        }
        let working: Vec<usize> = (0..agents.len()).filter(|&it| agents[it].keeper.may_work(now)).collect();
        assert!(working.len() <= 1, "second {second}: {working:?}");
        for it in working {
            agents[it].worked += 1;
        }
    }
    let worked = agents.map(|agent| agent.worked);
    assert!(worked.iter().all(|&seconds| seconds > 500), "{worked:?}");
    assert!(worked.iter().sum::<u32>() > 50_000, "{worked:?}");
}
