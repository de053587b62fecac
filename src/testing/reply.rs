//! Replies in the bytes of STS.

use super::Principal;
use super::denial::Denial;

/// A complete reply, not yet on the wire.
#[derive(Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

/// What the client asked for by `Accept`: XML unless it names JSON.
#[derive(Clone, Copy)]
pub(super) enum Format {
    Json,
    Xml,
}

impl Format {
    pub(super) fn of_accept<'a>(mut accepted: impl Iterator<Item = &'a str>) -> Self {
        if accepted.any(|value| value.contains("application/json")) { Self::Json } else { Self::Xml }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "text/xml",
        }
    }
}

impl Reply {
    /// Status, the two headers that STS always sends, and a body; `Content-Length` is added on the wire.
    pub(super) fn new(status: u16, request_id: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers =
            vec![("X-Amzn-Requestid", request_id.to_owned()), ("Content-Type", content_type.to_owned())];
        Self { status, headers, body: body.into() }
    }

    pub(super) fn identity(principal: &Principal, request_id: &str, format: Format) -> Self {
        let (arn, user_id, account) = (principal.arn(), principal.user_id(), principal.account());
        let body = match format {
            Format::Json => format!(
                "{{\"GetCallerIdentityResponse\":{{\"GetCallerIdentityResult\":{{\"Account\":\"{account}\",\
                 \"Arn\":\"{arn}\",\"UserId\":\"{user_id}\"}},\
                 \"ResponseMetadata\":{{\"RequestId\":\"{request_id}\"}}}}}}"
            ),
            Format::Xml => format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">
  <GetCallerIdentityResult>
    <Arn>{arn}</Arn>
    <UserId>{user_id}</UserId>
    <Account>{account}</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>{request_id}</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
"
            ),
        };
        Self::new(200, request_id, format.content_type(), body)
    }

    pub(super) fn error(denial: &Denial, request_id: &str, format: Format) -> Self {
        let kind = if denial.status < 500 { "Sender" } else { "Receiver" };
        let body = match format {
            Format::Json => {
                let (code, message) = (json(&denial.code), json(&denial.message));
                format!(
                    "{{\"Error\":{{\"Code\":\"{code}\",\"Message\":\"{message}\",\"Type\":\"{kind}\"}},\
                     \"RequestId\":\"{request_id}\"}}"
                )
            }
            Format::Xml => {
                let (code, message) = (xml(&denial.code), xml(&denial.message));
                format!(
                    "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">
  <Error>
    <Type>{kind}</Type>
    <Code>{code}</Code>
    <Message>{message}</Message>
  </Error>
  <RequestId>{request_id}</RequestId>
</ErrorResponse>
"
                )
            }
        };
        Self::new(denial.status, request_id, format.content_type(), body)
    }

    /// The head, with the given length of the body; `None` for a body in chunks.
    pub(super) fn head(&self, content_length: Option<usize>) -> String {
        let status_line = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let framing = content_length.map_or_else(
            || "Transfer-Encoding: chunked\r\n".to_owned(),
            |length| format!("Content-Length: {length}\r\n"),
        );
        std::iter::once(status_line).chain(headers).chain([framing, "\r\n".to_owned()]).collect()
    }

    /// Head and body as they stand on the wire.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head(Some(self.body.len())).into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn json(text: &str) -> String {
    let escape = |c: char| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unnamed",
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::{Denial, Format, Principal, Reply};

    const ID: &str = "c025e1ba-c36b-4078-9407-fdd02eaee5aa";

    #[test]
    fn a_success_has_the_recorded_bytes() {
        let role = Principal::assumed_role(
            "ASIAIOSFODNN7EXAMPLE",
            "secret",
            "token",
            "188945769008",
            "conjur-role",
            "i-08241b0e31fe23d20",
        )
        .with_role_id("AROASX7QLUIYK4AQBODTV");
        let reply = Reply::identity(&role, ID, Format::Xml);
        let recorded = "HTTP/1.1 200 OK\r\nX-Amzn-Requestid: c025e1ba-c36b-4078-9407-fdd02eaee5aa\r\n\
            Content-Type: text/xml\r\nContent-Length: 456\r\n\r\n\
            <GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
            <GetCallerIdentityResult>\n    \
            <Arn>arn:aws:sts::188945769008:assumed-role/conjur-role/i-08241b0e31fe23d20</Arn>\n    \
            <UserId>AROASX7QLUIYK4AQBODTV:i-08241b0e31fe23d20</UserId>\n    \
            <Account>188945769008</Account>\n  \
            </GetCallerIdentityResult>\n  \
            <ResponseMetadata>\n    \
            <RequestId>c025e1ba-c36b-4078-9407-fdd02eaee5aa</RequestId>\n  \
            </ResponseMetadata>\n\
            </GetCallerIdentityResponse>\n";
        assert_eq!(String::from_utf8(reply.bytes()).unwrap(), recorded);
    }

    /// The lengths that were recorded with the errors; the texts are asserted over the wire.
    #[test]
    fn errors_have_the_recorded_lengths() {
        let now = OffsetDateTime::from_unix_timestamp(1_684_424_978).unwrap();
        let expired = Denial::check_age(now - Duration::seconds(1496), now).unwrap_err();
        assert_eq!(
            expired.message,
            "Signature expired: 20230518T152442Z is now earlier than 20230518T153438Z \
            (20230518T154938Z - 15 min.)"
        );
        for (denial, length) in
            [(expired, 354), (Denial::wrong_signature(), 431), (Denial::wrong_region(), 300)]
        {
            assert_eq!(Reply::error(&denial, ID, Format::Xml).body.len(), length, "{denial:?}");
        }
    }

    #[test]
    fn the_window_ends_are_inside() {
        let now = OffsetDateTime::from_unix_timestamp(1_767_225_600).unwrap();
        for (offset, inside) in [(-901, false), (-900, true), (0, true), (300, true), (301, false)] {
            let verdict = Denial::check_age(now + Duration::seconds(offset), now);
            assert_eq!(verdict.is_ok(), inside, "{offset}");
        }
    }

    #[test]
    fn markup_is_escaped() {
        let denial = Denial::new(400, "A<B", "a&b>\"\\\n\u{1}");
        let text = |format| String::from_utf8(Reply::error(&denial, ID, format).body).unwrap();
        assert!(
            text(Format::Xml).contains("<Code>A&lt;B</Code>\n    <Message>a&amp;b&gt;\"\\\n\u{1}</Message>")
        );
        assert!(text(Format::Json).contains(r#""Code":"A<B","Message":"a&b>\"\\\n\u0001""#));
    }
}
