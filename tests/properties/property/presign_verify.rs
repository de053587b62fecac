//! What we sign, we accept, and a byte of it that changes is noticed.
//!
//! For any credentials, endpoint and time: what [`Presigner`] accepts, `parse_with` reads back unchanged, the
//! SigV4 checker finds well signed, and `begin` lets through where the verifier is set up for it. A text that
//! differs from it in one byte is refused, or rebuilt to the same text, or its signature is wrong: of the request
//! that the server would send, with the server's own headers.

use std::sync::LazyLock;

use aws_credential_types::Credentials;
use sts_agent_name::agent::{PresignError, Presigner};
use sts_agent_name::policy::{Policy, Refusal};
use sts_agent_name::server::{ChallengeKey, Challenges, Exchange, Verifier};
use sts_agent_name::testing::sigv4::{self, ReceivedRequest};
use sts_agent_name::{Audience, Challenge, Endpoint, EndpointSet, Partition, PresignedUrl, Region};
use time::{OffsetDateTime, UtcOffset};

use super::edit::Random;
use super::is_unique_id;

pub(crate) const WORDS: &[&str] = &[
    "host: sts.eu-central-1.amazonaws.com\n",
    "host: sts.amazonaws.com\n",
    "host: sts.cn-north-1.amazonaws.com.cn\n",
    "host: localhost:4566\n",
    "host: [::1]:8443\n",
    "region: us-east-1\n",
    "access-key-id: ASIAIOSFODNN7EXAMPLE\n",
    "access-key-id: AKIAIOSFODNN7EXAMPLE\n",
    "secret-access-key: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
    "session-token: AQoDYXdzEPT//////////wEXAMPLE==\n",
    "at: 1767225600\n",
    "at: 253370764799\n",
    "audience: x-sts-agent-name-audience=ci.example.com\n",
    "audience: x-k8s-aws-id=cluster\n",
    "challenge: 1.k1.c2VydmVy\n",
    "challenge: issued\n",
    "A",
    "0",
    "/",
    "%",
    "~",
    "\u{e9}",
];

/// Stands for a challenge that the verifier issues itself.
pub(crate) const ISSUED: &str = "issued";

/// One signing. Fields are texts as they come: whatever is none (no endpoint, no audience) ends the case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    pub(crate) host: String,
    pub(crate) region: String,
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    /// Seconds since 1970.
    pub(crate) at: i64,
    pub(crate) audience: Option<(String, String)>,
    /// Any text, or [`ISSUED`].
    pub(crate) challenge: Option<String>,
    /// Chooses the bytes to change.
    pub(crate) seed: u64,
}

impl Case {
    /// Reads lines `key: value`, as the fixtures have them.
    fn read(text: &str) -> Self {
        // FNV-1a: the bytes to change depend on the input alone.
        let seed = text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        let mut case = Self { seed, ..Self::default() };
        for (key, value) in text.split('\n').filter_map(|line| line.split_once(": ")) {
            match key {
                "host" => value.clone_into(&mut case.host),
                "region" => value.clone_into(&mut case.region),
                "access-key-id" => value.clone_into(&mut case.access_key_id),
                "secret-access-key" => value.clone_into(&mut case.secret),
                "session-token" => case.token = Some(value.to_owned()),
                "at" => case.at = value.parse().unwrap_or_default(),
                "audience" => {
                    case.audience =
                        value.split_once('=').map(|(header, value)| (header.to_owned(), value.to_owned()));
                }
                "challenge" => case.challenge = Some(value.to_owned()),
                _ => {}
            }
        }
        case
    }

    fn endpoint(&self) -> Option<Endpoint> {
        let built_in = EndpointSet::built_in().iter().find(|endpoint| endpoint.host() == self.host).cloned();
        built_in
            .or_else(|| Endpoint::custom(&self.host, Region::parse(&self.region).ok()?, Partition::Aws).ok())
    }

    fn credentials(&self) -> Credentials {
        Credentials::new(&*self.access_key_id, &*self.secret, self.token.clone(), None, "property")
    }

    /// The verifier that stands for this audience, with challenges or without.
    fn verifier(&self) -> Option<&'static Verifier> {
        static VERIFIERS: LazyLock<[Verifier; 4]> = LazyLock::new(|| {
            let plain = Verifier::builder;
            let bound = || plain().audience(Audience::new("ci.example.com").expect("an audience"));
            let challenges = || Challenges::new(ChallengeKey::new("k1", [7; 32]).expect("a key"));
            [plain(), plain().challenges(challenges()), bound(), bound().challenges(challenges())]
                .map(|builder| builder.build().expect("a verifier"))
        });
        let [plain, challenging, bound, challenging_and_bound] = &*VERIFIERS;
        let audience = self.audience.as_ref().map(|(header, value)| (header.as_str(), value.as_str()));
        match (audience, self.challenge.as_deref()) {
            (None, None) => Some(plain),
            (None, Some(ISSUED)) => Some(challenging),
            (Some((Audience::DEFAULT_HEADER, "ci.example.com")), None) => Some(bound),
            (Some((Audience::DEFAULT_HEADER, "ci.example.com")), Some(ISSUED)) => Some(challenging_and_bound),
            _ => None,
        }
    }
}

pub(crate) fn check(input: &[u8]) {
    if let Ok(text) = str::from_utf8(input) {
        check_case(&Case::read(text), 12);
    }
}

/// Signs, and tries this many changes.
pub(crate) fn check_case(case: &Case, changes: usize) {
    let Some(signed) = Signed::new(case) else { return };
    signed.is_accepted();
    let mut random = Random::new(case.seed);
    for _ in 0..changes {
        signed.is_refused_or_the_same(&change(signed.url.expose(), &mut random));
        signed.is_bound_to_its_challenge(&mut random);
    }
}

/// A signed URL, and what its verifier knows.
struct Signed<'a> {
    case: &'a Case,
    url: PresignedUrl,
    challenge: Option<Challenge>,
    endpoints: EndpointSet,
    /// A verifier that must let it through.
    verifier: Option<&'static Verifier>,
    policy: Policy,
    now: OffsetDateTime,
}

impl<'a> Signed<'a> {
    fn new(case: &'a Case) -> Option<Self> {
        let endpoint = case.endpoint()?;
        let now = OffsetDateTime::from_unix_timestamp(case.at).ok()?;
        // Any fraction of a second, in another zone.
        let now = now.replace_nanosecond(u32::try_from(case.seed % 1_000_000_000).ok()?).ok()?;
        let now = now.checked_to_offset(UtcOffset::from_hms(2, 0, 0).ok()?)?;
        let verifier = case.verifier();
        let challenge = match (case.challenge.as_deref(), verifier) {
            (Some(ISSUED), Some(verifier)) => Some(verifier.issue_challenge(now)?.ok()?),
            (Some(text), _) => Some(Challenge::parse(text).ok()?),
            (None, _) => None,
        };
        let mut presigner = Presigner::new(endpoint.clone());
        if let Some((header, value)) = &case.audience {
            presigner = presigner.with_audience(Audience::with_header(header, value).ok()?);
        }
        if let Some(challenge) = &challenge {
            presigner = presigner.with_challenge(challenge);
        }
        let url = match presigner.presign(&case.credentials(), now) {
            Ok(url) => url,
            Err(error) => {
                explains(&error, case, now);
                return None;
            }
        };
        assert_eq!(why_not(case, now), None, "signed");
        let temporary = case.access_key_id.starts_with("ASIA") && case.token.is_some();
        let admitted = temporary && EndpointSet::built_in().contains(&case.host);
        let verifier = verifier.filter(|_| admitted);
        let builder = Policy::builder().account("123456789012").any_role().without_account_hint();
        let policy = builder.partition(endpoint.partition()).build().expect("a policy");
        Some(Self { case, url, challenge, endpoints: EndpointSet::of([endpoint]), verifier, policy, now })
    }
}

/// Which error a presigner must give, from the documents and in its order of checks.
fn why_not(case: &Case, now: OffsetDateTime) -> Option<&'static str> {
    let temporary = is_unique_id(&case.access_key_id, "ASIA");
    let is_token_char = |c: char| c.is_ascii_graphic() && !"<>\"'`&".contains(c);
    if !temporary && !is_unique_id(&case.access_key_id, "AKIA") {
        Some("access key ID is not one of AWS")
    } else if temporary && case.token.is_none() {
        Some("temporary credentials without a session token; is AWS_SESSION_TOKEN set?")
    } else if case.token.as_ref().is_some_and(|token| token.is_empty() || !token.chars().all(is_token_char)) {
        Some("session token holds a character that no token has")
    } else if !(1970..=9998).contains(&now.to_utc().year()) {
        Some("time is out of range")
    } else {
        None
    }
}

fn explains(error: &PresignError, case: &Case, now: OffsetDateTime) {
    if let Some(wanted) = why_not(case, now) {
        assert_eq!(error.to_string(), wanted);
    } else {
        // A token of 2,500 bytes still fits if each of them has to be escaped.
        assert!(matches!(error, PresignError::TooLong), "{error:?}");
        assert!(case.token.as_ref().is_some_and(|token| token.len() > 2_500));
    }
}

impl Signed<'_> {
    fn is_accepted(&self) {
        let (case, text) = (self.case, self.url.expose());
        let parsed = PresignedUrl::parse_with(text, &self.endpoints).expect("what we sign, we read");
        assert_eq!(parsed.expose(), text);
        assert_eq!(parsed.signed_at(), self.now.replace_nanosecond(0).expect("a whole second"));
        assert_eq!((parsed.access_key_id(), parsed.host()), (&*case.access_key_id, &*case.host));
        let audience = case.audience.iter().map(|(header, _)| header.as_str());
        let challenge = self.challenge.iter().map(|_| Challenge::HEADER);
        let mut headers: Vec<&str> = ["host"].into_iter().chain(audience).chain(challenge).collect();
        headers.sort_unstable();
        assert!(parsed.signed_headers().eq(headers), "every header that was asked for is signed");
        assert!(self.is_well_signed(text, &case.secret), "what we sign is well signed");
        assert!(!self.is_well_signed(text, &format!("{}x", case.secret)));
        if let Some(begun) = self.begin(text, self.challenge.as_ref().map(Challenge::expose)) {
            assert_eq!(begun.expect("what we sign is let through").url(), text);
        }
    }

    fn begin(&self, text: &str, challenge: Option<&str>) -> Option<Result<Exchange<'_>, Refusal>> {
        let verifier = self.verifier?;
        Some(match challenge {
            Some(challenge) => verifier.begin_with_challenge(text, challenge, &self.policy, self.now),
            None => verifier.begin(text, &self.policy, self.now),
        })
    }

    fn is_refused_or_the_same(&self, changed: &[u8]) {
        let Ok(changed) = str::from_utf8(changed) else { return };
        let same_or_bad = |sent: &str| {
            let same = sent == self.url.expose();
            let well_signed = self.is_well_signed(sent, &self.case.secret);
            assert_eq!(well_signed, same, "a byte was changed, and nothing notices");
        };
        if let Ok(url) = PresignedUrl::parse_with(changed, &self.endpoints) {
            same_or_bad(url.expose());
        }
        if let Some(Ok(exchange)) = self.begin(changed, self.challenge.as_ref().map(Challenge::expose)) {
            same_or_bad(exchange.url());
        }
    }

    /// Neither left out nor changed in a byte.
    fn is_bound_to_its_challenge(&self, random: &mut Random) {
        let Some(challenge) = &self.challenge else { return };
        if let Some(begun) = self.begin(self.url.expose(), None) {
            assert_eq!(begun.err().map(|refusal| refusal.code()), Some("challenge_required"));
        }
        let changed = change(challenge.expose(), random);
        let Ok(changed) = str::from_utf8(&changed) else { return };
        if let Some(Ok(exchange)) = self.begin(self.url.expose(), Some(changed)) {
            // The MAC is compared as bytes, so its digits may be written in upper case; what STS would be asked
            // is another request all the same.
            assert!(changed.eq_ignore_ascii_case(challenge.expose()), "{changed} is a challenge");
            let sent = exchange.headers().find(|(name, _)| *name == Challenge::HEADER);
            assert_eq!(sent, Some((Challenge::HEADER, changed)));
        }
    }

    /// What STS would say of this text, sent with the headers that the server was told to send.
    fn is_well_signed(&self, url: &str, secret: &str) -> bool {
        let mut request = ReceivedRequest::from_url("GET", url).expect("an https URL");
        if let Some((header, value)) = &self.case.audience {
            request = request.header(header, value);
        }
        if let Some(challenge) = &self.challenge {
            request = request.header(Challenge::HEADER, challenge.expose());
        }
        sigv4::check(&request, secret).is_ok()
    }
}

/// One byte replaced, left out or put in.
fn change(text: &str, random: &mut Random) -> Vec<u8> {
    // Mostly bytes that a URL can hold: others are refused at once.
    const LIKELY: &[u8] = b"0123456789abcdefABCDEFxyzXYZ%&=/?;:.-_~+# \x00";
    let mut changed = text.as_bytes().to_vec();
    let at = random.below(changed.len());
    let byte = LIKELY[random.below(LIKELY.len())];
    match random.below(4) {
        0 => drop(changed.remove(at)),
        1 => changed.insert(at, byte),
        2 => changed[at] ^= 0x20,
        _ => changed[at] = byte,
    }
    changed
}
