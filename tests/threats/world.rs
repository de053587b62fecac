//! A server that keeps names unique: registrar, memory store with a clock of its own, local STS.

use std::sync::Arc;
use std::time::Duration;

use sts_agent_name::Endpoint;
use sts_agent_name::agent::Presigner;
use sts_agent_name::registrar::{
    NameAssignment, NameRelease, NameSettings, RegisterError, Registered, Registrar, Registration,
};
use sts_agent_name::registry::{AgentType, ManualClock, MemoryStore, Scope};
use sts_agent_name::testing::LocalSts;

use crate::common::local::{ACCOUNT, ROLE, builder, credentials, now};
use crate::setup::sts;

/// How long a name is held after a release or a lost lease.
pub(crate) const HOLD: Duration = Duration::from_hours(1);

pub(crate) struct World {
    pub(crate) sts: LocalSts,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: ManualClock,
    registrar: Registrar,
    linux: AgentType,
    presigner: Presigner,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_store(|store| store).await
    }

    pub(crate) async fn with_store(set_up: impl FnOnce(MemoryStore) -> MemoryStore) -> Self {
        let sts = sts().await;
        let clock = ManualClock::new();
        let store = Arc::new(set_up(MemoryStore::new().with_clock(&clock)));
        let verifier = builder(&sts).build().expect("a verifier");
        let registrar = Registrar::new(store.clone(), vec![verifier]);
        let linux = AgentType::parse("s1-linux").expect("an agent type");
        let assignment = NameAssignment::AwsSts {
            accounts: vec![ACCOUNT.parse().expect("an account")],
            roles: vec![ROLE.to_owned()],
            name_template: None,
        };
        let settings = NameSettings::new(assignment, NameRelease::After(HOLD)).expect("settings");
        registrar.set_agent_type(linux.clone(), settings).expect("settings");
        let presigner = Presigner::new(Endpoint::global());
        Self { sts, store, clock, registrar, linux, presigner }
    }

    /// Fresh evidence: never the same second twice.
    pub(crate) fn sign(&self) -> String {
        self.presigner.presign(&credentials(), now()).expect("signed").expose().to_owned()
    }

    pub(crate) async fn register(&self, evidence: &str) -> Result<Registered, RegisterError> {
        self.register_in("acme", evidence, None).await
    }

    pub(crate) async fn register_in(
        &self,
        scope: &str,
        evidence: &str,
        key: Option<&str>,
    ) -> Result<Registered, RegisterError> {
        let scope = Scope::parse(scope).expect("a scope");
        let registration = Registration::new(&self.linux, &scope, evidence);
        let registration = key.map_or(registration, |key| registration.with_key(key));
        self.registrar.register(registration).await
    }

    pub(crate) async fn renew(&self, it: &Registered) -> &'static str {
        let scope = Scope::parse("acme").expect("a scope");
        code(self.registrar.renew(&self.linux, &scope, &it.name, &it.claim_id).await)
    }

    pub(crate) async fn release(&self, it: &Registered) -> &'static str {
        let scope = Scope::parse("acme").expect("a scope");
        code(self.registrar.release(&self.linux, &scope, &it.name, &it.claim_id).await)
    }
}

/// `done`, or the code.
pub(crate) fn code<T>(outcome: Result<T, RegisterError>) -> &'static str {
    outcome.map_or_else(|error| error.code(), |_| "done")
}
