//! Access key IDs, and the account number that newer ones hold.

use crate::account::AccountId;
use crate::charset::{all_of, is_unique_id_byte};

/// The part of an access key ID that says what kind of credentials it belongs to ([unique identifiers]).
///
/// [unique identifiers]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AccessKeyKind {
    /// `AKIA`: a long-term key of a user or of the root user.
    LongTerm,
    /// `ASIA`: temporary credentials, which come with a session token.
    Temporary,
}

/// The kind of a well-formed access key ID: `AKIA` or `ASIA`, then upper-case letters and digits, 16 to 128
/// characters in all ([STS `Credentials`]).
///
/// [STS `Credentials`]: https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html
pub(crate) fn kind_of(key_id: &str) -> Result<AccessKeyKind, InvalidAccessKeyId> {
    if is_unique_id(key_id, "AKIA") {
        Ok(AccessKeyKind::LongTerm)
    } else if is_unique_id(key_id, "ASIA") {
        Ok(AccessKeyKind::Temporary)
    } else {
        Err(InvalidAccessKeyId)
    }
}

/// Whether `text` is a unique ID of this kind: four letters, then upper-case letters and digits, 16 to 128 in
/// all.
pub(crate) fn is_unique_id(text: &str, kind: &str) -> bool {
    text.starts_with(kind) && all_of(text.as_bytes(), 16, 128, is_unique_id_byte)
}

/// The account that a key ID (or another unique ID: `AROA…`) says it belongs to, where it says so.
///
/// AWS does not document this, so it is **a hint that may refuse early and never grants**. After the four
/// letters comes base32; of its first six bytes, bits 7 to 46 are the account number and the top bit is set in
/// IDs of this generation. Older IDs (the documentation's `AKIAIOSFODNN7EXAMPLE`) hold none, and neither do
/// texts that are not base32 or numbers of more than twelve digits: all of them give `None`.
pub(crate) fn account_hint(key_id: &str) -> Option<AccountId> {
    let encoded = key_id.as_bytes().get(4..).filter(|rest| rest.len() >= 10)?;
    let mut bits: u64 = 0;
    for (position, byte) in encoded.iter().enumerate() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return None,
        };
        // Ten characters are 50 bits: the six bytes and two bits more.
        if position < 10 {
            bits = (bits << 5) | u64::from(value);
        }
    }
    let six_bytes = bits >> 2;
    let current_generation = six_bytes >> 47 == 1;
    if current_generation { AccountId::from_number((six_bytes & 0x7fff_ffff_ff80) >> 7) } else { None }
}

/// The text is not an access key ID.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct InvalidAccessKeyId;

#[cfg(test)]
mod tests {
    use super::{AccessKeyKind, account_hint, kind_of};

    #[test]
    fn shape_decides_the_kind() {
        assert_eq!(kind_of("AKIAIOSFODNN7EXAMPLE"), Ok(AccessKeyKind::LongTerm));
        assert_eq!(kind_of("ASIAIOSFODNN7EXAMPLE"), Ok(AccessKeyKind::Temporary));
        for text in [
            "",
            "ASIA",
            "ASIAIOSFODNN7EX",
            "asiaiosfodnn7example",
            "ASIAIOSFODNN7EXAMPL_",
            "AROAIOSFODNN7EXAMPLE",
        ] {
            assert!(kind_of(text).is_err(), "{text}");
        }
        assert!(kind_of(&format!("ASIA{}", "A".repeat(124))).is_ok());
        assert!(kind_of(&format!("ASIA{}", "A".repeat(125))).is_err());
    }

    #[test]
    fn the_published_vectors_decode() {
        for (key, account) in [
            (concat!("ASIA", "Y34FZKBOKMUTVV7A"), "609629065308"),
            (concat!("ASIA", "SX7QLUIYGDI4QX56"), "188945769008"),
            (concat!("ASIA", "YNRQATHTPJYFX7PM"), "578847545830"),
            (concat!("AROA", "SX7QLUIYK4AQBODTV"), "188945769008"),
        ] {
            assert_eq!(account_hint(key).map(|a| a.to_string()).as_deref(), Some(account), "{key}");
        }
    }

    #[test]
    fn what_does_not_decode_is_no_hint() {
        for key in [
            "",
            "ASI",
            "ASIA",
            "ASIAEXAMPLEEXAMPLE00",
            "AKIAIOSFODNN7EXAMPLE",
            "ASIAÿÿÿÿÿÿÿÿÿÿ",
            "ASIA777777777",
        ] {
            assert_eq!(account_hint(key), None, "{key}");
        }
        // All ones: a number of more than twelve digits? 2^40 - 1 is 1,099,511,627,775.
        assert_eq!(account_hint("ASIA7777777777777777"), None);
    }

    /// A hint that was wrong would lock honest agents out, so whatever cannot be read must give none; and each
    /// account must be found in the key IDs that hold it.
    #[test]
    fn a_million_random_keys_are_read_or_let_be() {
        const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567019_";
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut hints = 0;
        for _ in 0..1_000_000 {
            let length = usize::try_from(random() % 24).unwrap();
            let letter = |bits: u64| char::from(ALPHABET[usize::try_from(bits % 36).unwrap()]);
            let key: String = "ASIA".chars().chain((0..length).map(|_| letter(random()))).collect();
            let readable =
                length >= 10 && key.bytes().skip(4).all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'));
            let hint = account_hint(&key);
            assert!(hint.is_none() || readable, "{key}");
            hints += u32::from(hint.is_some());
        }
        assert!(hints > 1_000, "{hints}");
        for _ in 0..100_000 {
            let number = random() % 1_000_000_000_000;
            // The account's forty bits behind the top bit, seven bits of something else, and two to fill up.
            let bits = (1_u64 << 49) | (number << 9) | (random() & 0x1ff);
            let digit =
                |place: u32| char::from(ALPHABET[usize::try_from((bits >> (place * 5)) & 31).unwrap()]);
            let key: String =
                "ASIA".chars().chain((0..10).rev().map(digit)).chain("ABCDEF".chars()).collect();
            let hint = account_hint(&key).map(|account| account.to_string());
            assert_eq!(hint, Some(format!("{number:012}")), "{key}");
        }
    }
}
