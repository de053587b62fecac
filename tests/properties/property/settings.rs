//! The settings of an agent type: what is read is written and read again as the same, in either form; and what is
//! accepted is what the operator's text says.

use serde_json::Value;
use sts_agent_name::registrar::{NameAssignment, NameRelease, NameSettings, SemaphoreSettings};

pub(crate) const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"assignment\":",
    "\"agent\"",
    "\"aws_sts\"",
    "\"accounts\":",
    "\"123456789012\"",
    "\"roles\":",
    "\"ci-agent-*\"",
    "\"*\"",
    "\"name_template\":",
    "\"{account_id}/{instance_id}\"",
    "\"release_after_seconds\":",
    "\"assignment_origin\":",
    "\"ASSIGNMENT_ORIGIN_AGENT\"",
    "\"ASSIGNMENT_ORIGIN_AWS_STS\"",
    "\"release_after\":",
    "\"aws\":",
    "\"account_id\":",
    "\"role_name_patterns\":",
    "\"a,b-*\"",
    "0",
    "59",
    "60",
    "31536001",
];

pub(crate) fn check(input: &[u8]) {
    if let Ok(settings) = serde_json::from_slice::<NameSettings>(input) {
        let text = serde_json::to_string(&settings).expect("written");
        assert_eq!(serde_json::from_str::<NameSettings>(&text).expect("read again"), settings);
        let said: Value = serde_json::from_slice(input).expect("JSON");
        sound(&settings, &said["release_after_seconds"]);
        if let NameAssignment::AwsSts { accounts, roles, .. } = settings.assignment() {
            assert_eq!(Some(accounts.len()), said["accounts"].as_array().map(Vec::len));
            assert_eq!(Some(roles.len()), said["roles"].as_array().map(Vec::len));
        }
    }
    if let Ok(settings) = serde_json::from_slice::<SemaphoreSettings>(input) {
        let text = serde_json::to_string(&settings).expect("written");
        assert_eq!(serde_json::from_str::<SemaphoreSettings>(&text).expect("read again"), settings);
        let said: Value = serde_json::from_slice(input).expect("JSON");
        let ours: NameSettings = settings.clone().into();
        sound(&ours, &said["release_after"]);
        // Ours can say all that theirs can.
        let own = serde_json::to_string(&ours).expect("written");
        let own: NameSettings = serde_json::from_str(&own).expect("read again");
        assert_eq!(SemaphoreSettings::try_from(own).expect("theirs again"), settings);
    }
}

/// Nobody is let in by an empty list, and a hold is what was said.
fn sound(settings: &NameSettings, said: &Value) {
    match settings.release() {
        NameRelease::Immediately => assert_eq!(said.as_u64().unwrap_or_default(), 0),
        NameRelease::After(hold) => {
            assert!((60..=365 * 24 * 3600).contains(&hold.as_secs()));
            assert_eq!(said.as_u64(), Some(hold.as_secs()));
        }
        other => panic!("{other:?}"),
    }
    if let NameAssignment::AwsSts { accounts, roles, name_template } = settings.assignment() {
        assert!(!accounts.is_empty() && !roles.is_empty());
        assert!(roles.iter().all(|role| !role.is_empty() && !role.bytes().all(|byte| byte == b'*')));
        let several = accounts.iter().any(|account| account != &accounts[0]);
        let template = name_template.as_deref().unwrap_or("{instance_id}");
        assert!(!several || template.contains("{account_id}"));
    }
}
