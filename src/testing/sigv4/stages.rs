//! From the canonical request to the [signature].
//!
//! [signature]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#calculate-signature

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Mismatch;
use super::canonical::hex;

/// The intermediate texts of one signature, for comparing two signers stage by stage.
///
/// # Security Warning
///
/// The canonical request holds the session token, and the signature is a bearer token for 15 minutes. `Debug`
/// leaves both out.
#[derive(Clone)]
pub struct Stages {
    canonical_request: String,
    string_to_sign: String,
    mac: Hmac<Sha256>,
}

impl Stages {
    pub(super) fn new(
        canonical_request: String,
        amz_date: &str,
        [day, region, service]: [&str; 3],
        secret: &str,
    ) -> Result<Self, Mismatch> {
        let hash = hex(&Sha256::digest(&canonical_request));
        let string_to_sign =
            format!("AWS4-HMAC-SHA256\n{amz_date}\n{day}/{region}/{service}/aws4_request\n{hash}");
        let mut key = Zeroizing::new(format!("AWS4{secret}").into_bytes());
        for part in [day, region, service, "aws4_request"] {
            key = Zeroizing::new(keyed(&key, part)?.finalize().into_bytes().to_vec());
        }
        let mac = keyed(&key, &string_to_sign)?;
        Ok(Self { canonical_request, string_to_sign, mac })
    }

    /// Method, path, query, headers and body hash in the one form that is hashed.
    #[must_use]
    pub fn canonical_request(&self) -> &str {
        &self.canonical_request
    }

    /// Algorithm, date, scope and the canonical request's hash.
    #[must_use]
    pub fn string_to_sign(&self) -> &str {
        &self.string_to_sign
    }

    /// The signature that the secret gives: 64 lower-case hex digits.
    #[must_use]
    pub fn signature(&self) -> String {
        hex(&self.mac.clone().finalize().into_bytes())
    }

    /// In constant time.
    pub(super) fn verify(self, signature: &[u8; 32]) -> Result<(), Mismatch> {
        self.mac.verify_slice(signature).map_err(|_| Mismatch::Signature)
    }
}

impl fmt::Debug for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stages").field("string_to_sign", &self.string_to_sign).finish_non_exhaustive()
    }
}

/// HMAC takes a key of any length: the error stands for a case that does not occur.
fn keyed(key: &[u8], text: &str) -> Result<Hmac<Sha256>, Mismatch> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Mismatch::Signature)?;
    mac.update(text.as_bytes());
    Ok(mac)
}

/// The 32 bytes of a signature in its one spelling.
pub(super) fn signature_bytes(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some((digit(*high)? << 4) | digit(*low)?));
    rest.is_empty().then(|| bytes.collect::<Option<Vec<u8>>>())??.try_into().ok()
}
