//! The session token of IMDSv2: fetched once, used until shortly before its end.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::error::{ImdsError, InvalidImdsReply};
use super::http::Reply;
use crate::charset::all_of;
use crate::secret::SecretText;

/// Six hours: the longest lifetime that IMDS gives ([how IMDSv2 works]).
///
/// [how IMDSv2 works]: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-v2-how-it-works.html
pub(super) const MAX_TTL: Duration = Duration::from_hours(6);
/// Real tokens have 56 characters.
const MAX_LENGTH: usize = 1024;
/// A token is renewed this long before its end, or a tenth of its lifetime if that is less.
const AHEAD: Duration = Duration::from_mins(1);

/// A session token, shared with the requests under way.
pub(super) type Token = Arc<SecretText>;

/// The token in use, if there is one.
#[derive(Default)]
pub(super) struct TokenCell(Mutex<Option<(Token, Instant)>>);

impl TokenCell {
    /// The token in use, or else what `fetch` gives. Who comes while another fetches waits for that.
    pub(super) async fn get(
        &self,
        deadline: Instant,
        fetch: impl Future<Output = Result<(Token, Duration), ImdsError>>,
    ) -> Result<Token, ImdsError> {
        let Ok(mut kept) = timeout_at(deadline, self.0.lock()).await else {
            return Err(ImdsError::TokenUnanswered);
        };
        if let Some((token, renew_at)) = &*kept
            && Instant::now() < *renew_at
        {
            return Ok(Arc::clone(token));
        }
        *kept = None;
        let asked_at = Instant::now();
        let (token, ttl) = fetch.await?;
        let used = ttl.saturating_sub(AHEAD.min(ttl / 10));
        *kept = Some((Arc::clone(&token), asked_at + used));
        Ok(token)
    }

    /// Drops `refused`, unless another has taken its place already.
    pub(super) async fn forget(&self, refused: &Token) {
        let mut kept = self.0.lock().await;
        if kept.as_ref().is_some_and(|(token, _)| Arc::ptr_eq(token, refused)) {
            *kept = None;
        }
    }
}

impl fmt::Debug for TokenCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("** redacted **")
    }
}

/// The token in a reply and how long it lives, at most `asked`. IMDS states the lifetime in a header; a stand-in
/// that leaves it out means what it was asked.
pub(super) fn parse(reply: &Reply, asked: Duration) -> Result<(Token, Duration), InvalidImdsReply> {
    let text = reply.line().ok_or(InvalidImdsReply::NotToken)?;
    let stated = reply.ttl.as_deref().map(str::parse).transpose().map_err(|_| InvalidImdsReply::NotToken)?;
    // It will stand in a header, where a line end would begin another one.
    if !all_of(text.as_bytes(), 1, MAX_LENGTH, |b| b.is_ascii_graphic()) {
        return Err(InvalidImdsReply::NotToken);
    }
    let mut token = SecretText::with_capacity(text.len());
    token.push_str(text);
    Ok((Arc::new(token), stated.map_or(asked, Duration::from_secs).min(asked)))
}
