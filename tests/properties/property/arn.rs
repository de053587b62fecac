//! `Arn::parse` against a second reader: they accept the same texts and find the same parts.

use sts_agent_name::{Arn, ArnResource};

use super::{is_iam_name, is_instance_id};

pub(crate) const WORDS: &[&str] = &[
    "arn:",
    "aws:",
    "aws-us-gov:",
    "sts:",
    "iam:",
    ":",
    "/",
    "123456789012:",
    "assumed-role/",
    "aws:ec2-instance/",
    "i-0123456789abcdef0",
    "i-01234567",
    "federated-user/",
    "user/",
    "root",
    "role/",
    "_+=,.@-",
    "\n",
];

pub(crate) fn check(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let read = read(text);
    let Ok(arn) = Arn::parse(text) else {
        assert!(read.is_none(), "refused, and a second reader accepts {text:?}");
        return;
    };
    let read = read.unwrap_or_else(|| panic!("accepted, and a second reader refuses {text:?}"));
    assert_eq!(arn.partition().id(), read.partition);
    assert_eq!(arn.account().as_str(), read.account);
    assert_eq!(arn.resource(), read.resource);
    assert_eq!((arn.as_str(), arn.to_string().as_str()), (text, text));
    assert_eq!(Arn::parse(arn.as_str()), Ok(arn));
}

/// The parts of a caller's ARN.
pub(crate) struct Parts<'a> {
    pub(crate) partition: &'a str,
    pub(crate) account: &'a str,
    pub(crate) resource: ArnResource<'a>,
}

pub(crate) fn read(text: &str) -> Option<Parts<'_>> {
    let colons: Vec<usize> = text.match_indices(':').map(|(place, _)| place).take(5).collect();
    let &[first, second, third, fourth, fifth] = colons.as_slice() else { return None };
    let (partition, service) = (&text[first + 1..second], &text[second + 1..third]);
    let (region, account) = (&text[third + 1..fourth], &text[fourth + 1..fifth]);
    let known = ["aws", "aws-cn", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-us-gov"];
    let well_formed = (20..=2048).contains(&text.len())
        && &text[..first] == "arn"
        && known.contains(&partition)
        && region.is_empty()
        && is_account(account);
    if !well_formed {
        return None;
    }
    let resource = resource(service, &text[fifth + 1..])?;
    Some(Parts { partition, account, resource })
}

pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.chars().all(|c| c.is_ascii_digit())
}

fn resource<'a>(service: &str, text: &'a str) -> Option<ArnResource<'a>> {
    let pieces: Vec<&str> = text.split('/').collect();
    match (service, pieces.as_slice()) {
        ("iam", ["root"]) => Some(ArnResource::Root),
        ("iam", ["user", path @ .., name]) => {
            let path = path.join("/");
            let well_formed = path.len() <= 510 && path.chars().all(|c| c.is_ascii_graphic());
            (well_formed && is_iam_name(name, 1, 64)).then_some(ArnResource::User { name })
        }
        ("sts", ["federated-user", name]) => {
            is_iam_name(name, 2, 32).then_some(ArnResource::FederatedUser { name })
        }
        ("sts", ["assumed-role", "aws:ec2-instance", instance]) => {
            is_instance_id(instance).then_some(ArnResource::InstanceIdentity { instance })
        }
        ("sts", ["assumed-role", role, session]) => (is_iam_name(role, 1, 64) && is_iam_name(session, 2, 64))
            .then_some(ArnResource::AssumedRole { role, session }),
        _ => None,
    }
}
