//! What a request says about its own signature.

use time::OffsetDateTime;

use super::canonical::canonical_request;
use super::date::parse_amz_date;
use super::stages::signature_bytes;
use super::{Mismatch, Query, ReceivedRequest, Stages};

/// The `X-Amz-` parameters of one request, well formed and not yet proved.
pub(in crate::testing) struct Authorization {
    access_key_id: String,
    amz_date: String,
    day: String,
    region: String,
    service: String,
    session_token: Option<String>,
    signature: [u8; 32],
    signed_at: OffsetDateTime,
    signed_headers: Vec<String>,
}

impl Authorization {
    /// Reads the parameters, and the rules about signed headers that need no secret.
    pub(in crate::testing) fn read(request: &ReceivedRequest<'_>) -> Result<Self, Mismatch> {
        let query = Query::read(request.query())?;
        if query.one("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256" {
            return Err(Mismatch::Algorithm);
        }
        // One piece too many is asked for, so that an excess slash is seen.
        let parts: Vec<_> = query.one("X-Amz-Credential")?.splitn(6, '/').collect();
        let [access_key_id, day, region, service, "aws4_request"] = parts[..] else {
            return Err(Mismatch::Credential);
        };
        if [access_key_id, region, service].contains(&"") {
            return Err(Mismatch::Credential);
        }
        let amz_date = query.one("X-Amz-Date")?;
        let signed_at = parse_amz_date(amz_date).ok_or(Mismatch::Date)?;
        if amz_date.get(..8) != Some(day) {
            return Err(Mismatch::Day);
        }
        let signed_headers = signed_headers(query.one("X-Amz-SignedHeaders")?)?;
        let unsigned = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.starts_with("x-amz-") && !signed_headers.contains(&name)
        };
        if request.header_names().any(unsigned) {
            return Err(Mismatch::UnsignedHeader);
        }
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            amz_date: amz_date.to_owned(),
            day: day.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            session_token: query.optional("X-Amz-Security-Token")?.map(str::to_owned),
            signature: signature_bytes(query.one("X-Amz-Signature")?).ok_or(Mismatch::SignatureForm)?,
            signed_at,
            signed_headers,
        })
    }

    pub(in crate::testing) fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    pub(in crate::testing) fn region(&self) -> &str {
        &self.region
    }

    pub(in crate::testing) fn service(&self) -> &str {
        &self.service
    }

    pub(in crate::testing) fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    pub(in crate::testing) fn signed_at(&self) -> OffsetDateTime {
        self.signed_at
    }

    pub(in crate::testing) fn stages(
        &self,
        request: &ReceivedRequest<'_>,
        secret: &str,
    ) -> Result<Stages, Mismatch> {
        let canonical_request = canonical_request(request, &self.signed_headers)?;
        Stages::new(canonical_request, &self.amz_date, [&self.day, &self.region, &self.service], secret)
    }

    pub(in crate::testing) fn check(
        &self,
        request: &ReceivedRequest<'_>,
        secret: &str,
    ) -> Result<(), Mismatch> {
        self.stages(request, secret)?.verify(&self.signature)
    }
}

/// Lower-case names, sorted, each once, `host` among them.
fn signed_headers(list: &str) -> Result<Vec<String>, Mismatch> {
    let names: Vec<_> = list.split(';').map(str::to_owned).collect();
    let is_token = |name: &String| {
        let is_name_byte =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&b);
        !name.is_empty() && name.bytes().all(is_name_byte)
    };
    let well_formed = names.iter().all(is_token) && names.is_sorted_by(|a, b| a < b);
    if well_formed && names.iter().any(|name| name == "host") {
        Ok(names)
    } else {
        Err(Mismatch::SignedHeaders)
    }
}
