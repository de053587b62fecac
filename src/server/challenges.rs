//! Challenges: proof that evidence was made for one attempt, without keeping any state.
//!
//! ```text
//! 1 . <key ID> . <expiry, Unix seconds> . <32 random bytes> . <HMAC-SHA-256>
//! ```
//!
//! The MAC is over the version, the key ID, the expiry, the random part, the audience and the scope; so a
//! challenge of another server, of another scope or of a changed age is no challenge. Servers that share a key
//! accept each other's.

use core::fmt;
use core::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::binding::{Audience, Challenge};
use crate::charset::all_of;
use crate::policy::{Moment, Refusal};
use crate::random::{self, NoRandomness};

const VERSION: &str = "1";
/// What the MAC is for, so that a key that is used elsewhere too says nothing here.
const PURPOSE: &str = "sts-agent-name challenge";
const NONCE: usize = 32;

/// A key that challenges are made with, and its name.
///
/// The name stands in each challenge, so that keys can be changed while old challenges are under way.
#[derive(Clone)]
pub struct ChallengeKey {
    id: Box<str>,
    secret: Zeroizing<[u8; 32]>,
}

impl ChallengeKey {
    /// A key of 32 random bytes, shared by all servers of one kind. The ID is 1 to 16 of `[A-Za-z0-9_-]`.
    ///
    /// # Errors
    ///
    /// ```
    /// use sts_agent_name::server::ChallengeKey;
    ///
    /// for id in ["", "a.b", "much-too-long-for-an-id"] {
    ///     assert!(ChallengeKey::new(id, [7; 32]).is_err());
    /// }
    /// ```
    pub fn new(id: &str, secret: [u8; 32]) -> Result<Self, InvalidChallengeKey> {
        let is_id_byte = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if !all_of(id.as_bytes(), 1, 16, is_id_byte) {
            return Err(InvalidChallengeKey);
        }
        Ok(Self { id: id.into(), secret: Zeroizing::new(secret) })
    }
}

impl fmt::Debug for ChallengeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChallengeKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The ID is not 1 to 16 letters, digits, underscores and hyphens.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("challenge key ID is not 1 to 16 letters, digits, underscores and hyphens")]
#[non_exhaustive]
pub struct InvalidChallengeKey;

/// Issues and checks challenges, which keep no state.
///
/// # On the wire
///
/// 1. The agent asks its server for a challenge; the server answers with the text that [`issue`](Self::issue)
///    gives.
/// 2. The agent signs it ([`Presigner::with_challenge`](crate::agent::Presigner::with_challenge)): its value goes
///    into the header [`Challenge::HEADER`], whose name stands in the URL and whose value does not.
/// 3. The agent sends the URL and, beside it, the challenge.
/// 4. The server checks the challenge's MAC and age, and sends it to STS in that header
///    ([`Verifier::begin_with_challenge`](super::Verifier::begin_with_challenge)): STS says whether it was signed.
///
/// ```text
/// 1 . <key ID> . <expiry, Unix seconds> . <32 random bytes, hexadecimal> . <HMAC-SHA-256, hexadecimal>
/// ```
///
/// A challenge bounds the time in which a URL is good to its own life; that the URL is good once is the registry's
/// part. `examples/challenge.rs` shows it over HTTP.
///
/// ```
/// use sts_agent_name::server::{ChallengeKey, Challenges};
/// use time::OffsetDateTime;
///
/// let challenges = Challenges::new(ChallengeKey::new("2026-01", [7; 32])?).scope("org-1");
/// let challenge = challenges.issue(None, OffsetDateTime::UNIX_EPOCH)?;
/// assert!(challenge.expose().starts_with("1.2026-01.60."));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Challenges {
    current: ChallengeKey,
    previous: Vec<ChallengeKey>,
    lifetime: Duration,
    scope: Box<str>,
}

impl Challenges {
    /// How long a challenge is good unless said otherwise.
    pub const LIFETIME: Duration = Duration::from_mins(1);

    /// Challenges made with this key.
    #[must_use]
    pub fn new(key: ChallengeKey) -> Self {
        Self { current: key, previous: Vec::new(), lifetime: Self::LIFETIME, scope: "".into() }
    }

    /// Accepts challenges made with this key too: the last one, or the next, while keys are changed.
    #[must_use]
    pub fn also_accept(mut self, key: ChallengeKey) -> Self {
        self.previous.push(key);
        self
    }

    /// How long a challenge is good: at least a second, and no longer than evidence is (15 minutes).
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime.clamp(Duration::from_secs(1), super::builder::MAX_AGE);
        self
    }

    /// What the challenges are for, such as a tenant or an agent type. One of another scope is refused.
    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        self.scope = scope.into();
        self
    }

    /// Makes a challenge for the verifier with this audience. `now` is the server's clock.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] if the system gives no random bytes.
    pub fn issue(&self, audience: Option<&Audience>, now: OffsetDateTime) -> Result<Challenge, NoRandomness> {
        let mut nonce = [0; NONCE];
        random::fill(&mut nonce)?;
        let seconds = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        let expiry = now.unix_timestamp().saturating_add(seconds).to_string();
        let nonce = hex(&nonce);
        let mac = self.mac(&self.current, &expiry, &nonce, audience).finalize().into_bytes();
        let text = Zeroizing::new([VERSION, &self.current.id, &expiry, &nonce, &hex(&mac)].join("."));
        Challenge::parse(&text).map_err(|_| NoRandomness)
    }

    /// Whether `text` is a challenge that was issued here and is still good.
    ///
    /// Nothing in it is believed before its MAC is right, and the MAC is compared in constant time.
    pub(super) fn check(
        &self,
        text: &str,
        audience: Option<&Audience>,
        now: OffsetDateTime,
    ) -> Result<Challenge, Refusal> {
        let challenge = Challenge::parse(text).map_err(|_| Refusal::ChallengeInvalid)?;
        let mut parts = text.splitn(6, '.');
        let [Some(VERSION), Some(id), Some(expiry), Some(nonce), Some(mac), None] =
            [parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next()]
        else {
            return Err(Refusal::ChallengeInvalid);
        };
        let mut keys = core::iter::once(&self.current).chain(&self.previous);
        let key = keys.find(|key| &*key.id == id).ok_or(Refusal::ChallengeInvalid)?;
        let mac = unhex(mac).ok_or(Refusal::ChallengeInvalid)?;
        let expected = self.mac(key, expiry, nonce, audience);
        expected.verify_slice(&mac).map_err(|_| Refusal::ChallengeInvalid)?;
        let expiry = expiry.parse().ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        match expiry {
            Some(expiry) if now < expiry => Ok(challenge),
            _ => Err(Refusal::ChallengeExpired { now: Moment::new(now) }),
        }
    }

    /// Each part with its length in front, so that no two lists of parts are one input.
    fn mac(
        &self,
        key: &ChallengeKey,
        expiry: &str,
        nonce: &str,
        audience: Option<&Audience>,
    ) -> Hmac<Sha256> {
        // Wiped on drop; the hash's own state is the hash's.
        let mut block = Zeroizing::new([0; 64]);
        block.iter_mut().zip(key.secret.iter()).for_each(|(to, from)| *to = *from);
        let mut mac = Hmac::<Sha256>::new((&*block).into());
        let (header, value) = audience.map_or(("", ""), |audience| (audience.header(), audience.value()));
        for part in [PURPOSE, VERSION, &key.id, expiry, nonce, header, value, &self.scope] {
            mac.update(&part.len().to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// Lower case only, as [`hex`] writes it: a challenge has one spelling.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::{ChallengeKey, Challenges};
    use crate::binding::Audience;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn key(id: &str, byte: u8) -> ChallengeKey {
        ChallengeKey::new(id, [byte; 32]).expect("a key")
    }

    fn code(
        challenges: &Challenges,
        text: &str,
        audience: Option<&Audience>,
        now: OffsetDateTime,
    ) -> &'static str {
        challenges.check(text, audience, now).map_or_else(|refusal| refusal.code(), |_| "good")
    }

    #[test]
    fn a_challenge_is_good_where_and_while_it_was_issued() {
        let ours = Challenges::new(key("k1", 1)).scope("org-1");
        let audience = Audience::new("ci.example.com").expect("an audience");
        let text = ours.issue(Some(&audience), NOW).expect("issued").expose().to_owned();
        let at = |seconds| code(&ours, &text, Some(&audience), NOW + Duration::seconds(seconds));
        assert_eq!([at(0), at(59), at(60), at(-3600)], ["good", "good", "challenge_expired", "good"]);
        let other = Audience::new("ci.example.org").expect("an audience");
        assert_eq!(code(&ours, &text, Some(&other), NOW), "challenge_invalid");
        assert_eq!(code(&ours, &text, None, NOW), "challenge_invalid");
        assert_eq!(code(&ours.clone().scope("org-2"), &text, Some(&audience), NOW), "challenge_invalid");
        assert_eq!(
            code(&Challenges::new(key("k1", 2)).scope("org-1"), &text, Some(&audience), NOW),
            "challenge_invalid"
        );
        assert_ne!(text, ours.issue(Some(&audience), NOW).expect("issued").expose());
    }

    #[test]
    fn keys_change_while_challenges_are_under_way() {
        let old = Challenges::new(key("k1", 1));
        let text = old.issue(None, NOW).expect("issued").expose().to_owned();
        let new = Challenges::new(key("k2", 2));
        assert_eq!(code(&new, &text, None, NOW), "challenge_invalid");
        assert_eq!(code(&new.also_accept(key("k1", 1)), &text, None, NOW), "good");
    }

    #[test]
    fn no_changed_byte_is_a_challenge() {
        let ours = Challenges::new(key("k1", 1));
        let text = ours.issue(None, NOW).expect("issued").expose().to_owned();
        for at in 0..text.len() {
            for byte in b"0a.1Z".iter().copied().chain([text.as_bytes()[at].to_ascii_uppercase()]) {
                let mut changed = text.clone().into_bytes();
                if changed[at] == byte {
                    continue;
                }
                changed[at] = byte;
                let changed = String::from_utf8(changed).expect("text");
                assert_eq!(code(&ours, &changed, None, NOW), "challenge_invalid", "{changed}");
            }
        }
        for text in ["", "1", "1.k1.60", &format!("{text}.x"), &format!("{text}0"), &"1".repeat(600)] {
            assert_eq!(code(&ours, text, None, NOW), "challenge_invalid", "{text}");
        }
    }
}
