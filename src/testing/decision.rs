//! What STS says to one request: pure, with the time as an argument.

use time::OffsetDateTime;

use super::Principal;
use super::denial::Denial;
use super::host::Hosts;
use super::sigv4::{Authorization, Mismatch, Query, ReceivedRequest};

/// What an STS knows before a request comes.
pub(super) struct Rules {
    pub(super) principals: Vec<Principal>,
    pub(super) hosts: Hosts,
    pub(super) echo: bool,
}

impl Rules {
    /// The caller, or the error; the checks stand in STS's order as far as it is known.
    pub(super) fn decide(
        &self,
        request: &ReceivedRequest<'_>,
        now: OffsetDateTime,
    ) -> Result<&Principal, Denial> {
        if request.method() != "GET" {
            // A GET's signature does not fit another method.
            return Err(Denial::wrong_signature());
        }
        if !["", "/"].contains(&request.path()) {
            return Err(Denial::not_found());
        }
        let endpoint =
            request.host().and_then(|host| self.hosts.endpoint(host)).ok_or_else(Denial::bad_request)?;
        let query = Query::read(request.query())?;
        match (query.optional("Action")?, query.optional("Version")?) {
            (None, _) => return Err(Denial::missing_action()),
            (Some("GetCallerIdentity"), Some("2011-06-15")) => {}
            _ => return Err(Denial::invalid_action()),
        }
        let authorization = Authorization::read(request)?;
        let known = |it: &&Principal| {
            it.access_key_id() == authorization.access_key_id()
                && it.session_token() == authorization.session_token()
                && it.partition() == endpoint.partition
        };
        let principal = self.principals.iter().find(known).ok_or_else(Denial::unknown_token)?;
        if authorization.region() != endpoint.region {
            return Err(Denial::wrong_region());
        }
        if authorization.service() != "sts" {
            return Err(Denial::wrong_service());
        }
        Denial::check_age(authorization.signed_at(), now)?;
        if principal.is_expired(now) {
            return Err(Denial::expired_token());
        }
        match authorization.check(request, principal.secret()) {
            Ok(()) => Ok(principal),
            Err(Mismatch::Signature) if self.echo => {
                let stages = authorization.stages(request, principal.secret())?;
                Err(Denial::wrong_signature_with_echo(stages.canonical_request(), stages.string_to_sign()))
            }
            Err(mismatch) => Err(mismatch.into()),
        }
    }
}
