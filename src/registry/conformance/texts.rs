//! Texts that mean something to some database.

use super::ConformanceClock;
use super::party::{Agent, Place, key, renewed};
use crate::name::AgentName;
use crate::registry::{AgentType, NameOwner, NameStore, RegistrationKey, Scope};

/// Visible ASCII that has broken out of a quote, a pattern or a format somewhere.
const HOSTILE: [&str; 14] = [
    "';DROP/**/TABLE/**/names;--",
    "\";DELETE/**/FROM/**/spent;--",
    "'||(SELECT/**/claim_hash/**/FROM/**/names)||'",
    "'OR'1'='1",
    "%27%20OR%201=1",
    "100%",
    "?1$1:1@1",
    "${jndi:ldap://x}",
    "{0}{name}%s%n",
    "\\\\x27\\'",
    "\\0\\n",
    "NULL",
    "<b>&amp;</b>",
    "``$(id)``",
];

/// Whatever is in a text, it comes back as it was and changes nothing else.
pub async fn texts_are_kept_as_they_are(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let mut place = Place::new(store, clock);
    let root = place.scope.clone();
    let bystander = Agent::new("bystander");
    place.granted(place.claim(&bystander).await);
    for hostile in HOSTILE {
        let key = key(hostile);
        place.scope = Scope::parse(&format!("{root}{hostile}")).unwrap();
        let agent = Agent::new("agent-01").owned_by(hostile).of_type(hostile).keyed(&key);
        place.granted(place.claim(&agent).await);
        let record = place.look_up(&agent).await.expect("a record");
        assert_eq!(record.scope, place.scope);
        assert_eq!((record.agent_type.as_str(), record.owner.as_str()), (hostile, hostile));
        assert_eq!(store.list(&place.scope, None, 10).await.unwrap(), [record]);
        let taker = agent.again();
        place.granted(place.claim(&taker).await);
        renewed(place.renew(&taker).await);
    }
    place.scope = Scope::parse(&format!("{root}names")).unwrap();
    for name in
        ["--------", "/--/agent--", "DROP/TABLE/names--", "NULL_NULL", "00000000", "1e000001", "+Infinity"]
    {
        let agent = Agent::new(name);
        place.granted(place.claim(&agent).await);
        assert_eq!(place.look_up(&agent).await.expect("a record").name.as_str(), name);
        renewed(place.renew(&agent).await);
    }
    assert_eq!(store.list(&place.scope, None, 10).await.unwrap().len(), 7);
    place.scope = root;
    assert_eq!(store.list(&place.scope, None, 10).await.unwrap().len(), 1);
    renewed(place.renew(&bystander).await);
}

/// `%`, `_` and `*` stand for themselves in a scope and in a name.
pub async fn wildcards_mean_themselves(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let mut place = Place::new(store, clock);
    let root = place.scope.clone();
    let agent = Agent::new("agent_01");
    place.granted(place.claim(&Agent::new("agent-01")).await);
    assert_eq!(place.look_up(&agent).await, None);
    let (start, _) = root.as_str().split_at(root.as_str().len() - 1);
    for pattern in ["%", "_", "*", "?", "[a-z]*"] {
        place.scope = Scope::parse(&format!("{start}{pattern}")).unwrap();
        assert_eq!(store.list(&place.scope, None, 10).await.unwrap(), []);
        place.granted(place.claim(&agent.again()).await);
    }
}

/// The longest texts that the types let through are stored whole.
pub async fn the_longest_texts_fit(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let mut place = Place::new(store, clock);
    let fill =
        |start: &str, length: usize| format!("{start}{}", "~".repeat(length.saturating_sub(start.len())));
    let prefix = fill(place.scope.as_str(), Scope::MAX_LENGTH - 1);
    let key = RegistrationKey::parse(&fill("", RegistrationKey::MAX_LENGTH)).unwrap();
    let name = "n".repeat(AgentName::MAX_LENGTH - 1);
    for last in ["1", "2"] {
        place.scope = Scope::parse(&format!("{prefix}{last}")).unwrap();
        for name in [format!("{name}1"), format!("{name}2")] {
            let agent = Agent::new(&name)
                .owned_by(&fill("", NameOwner::MAX_LENGTH))
                .of_type(&fill("", AgentType::MAX_LENGTH))
                .keyed(&key);
            place.granted(place.claim(&agent).await);
            let record = place.look_up(&agent).await.expect("a record");
            assert_eq!((record.name, record.owner, record.agent_type), (agent.name, agent.owner, agent.kind));
        }
    }
}
