//! A strict walk over the two documents that STS writes.
//!
//! quick-xml finds the markup; what may stand where is decided here. It does not check for one root, for text
//! outside it, for duplicate elements or for an early end, and it hands comments, CDATA, entities and DTDs on
//! as events: all of those are refused by not being named.

use std::borrow::Cow;

use memchr::memchr;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::error::ReplyError;

/// The namespace of the API version that was asked for.
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// How deep elements of `ResponseMetadata` may nest; STS writes one level.
const MAX_METADATA_DEPTH: usize = 4;

/// The three texts of a `GetCallerIdentityResponse`.
pub(super) struct Identity<'a> {
    pub(super) arn: Cow<'a, str>,
    pub(super) user_id: Cow<'a, str>,
    pub(super) account: Cow<'a, str>,
}

/// Code and message of an `ErrorResponse`.
pub(super) struct Refused<'a> {
    pub(super) code: Cow<'a, str>,
    pub(super) message: Cow<'a, str>,
}

/// Reads the reply to a good request.
pub(super) fn identity(body: &[u8]) -> Result<Identity<'_>, ReplyError> {
    let mut walk = Walk::open(body, "GetCallerIdentityResponse")?;
    let mut result = None;
    let mut metadata = None;
    while let Some(element) = walk.child()? {
        match element {
            Element::Result => put(&mut result, identity_parts(&mut walk)?)?,
            Element::Metadata => put(&mut metadata, walk.skip(MAX_METADATA_DEPTH)?)?,
            _ => return Err(ReplyError::Malformed),
        }
    }
    walk.close()?;
    result.ok_or(ReplyError::Malformed)
}

fn identity_parts<'a>(walk: &mut Walk<'a>) -> Result<Identity<'a>, ReplyError> {
    let (mut arn, mut user_id, mut account) = (None, None, None);
    while let Some(element) = walk.child()? {
        let slot = match element {
            Element::Arn => &mut arn,
            Element::UserId => &mut user_id,
            Element::Account => &mut account,
            _ => return Err(ReplyError::Malformed),
        };
        put(slot, walk.text()?)?;
    }
    match (arn, user_id, account) {
        (Some(arn), Some(user_id), Some(account)) => Ok(Identity { arn, user_id, account }),
        _ => Err(ReplyError::Malformed),
    }
}

/// Reads the reply to a request that STS refused.
pub(super) fn refused(body: &[u8]) -> Result<Refused<'_>, ReplyError> {
    let mut walk = Walk::open(body, "ErrorResponse")?;
    let mut error = None;
    while let Some(element) = walk.child()? {
        match element {
            Element::Error => put(&mut error, refused_parts(&mut walk)?)?,
            _ => walk.skip(0)?,
        }
    }
    walk.close()?;
    error.ok_or(ReplyError::Malformed)
}

fn refused_parts<'a>(walk: &mut Walk<'a>) -> Result<Refused<'a>, ReplyError> {
    let (mut code, mut message) = (None, None);
    while let Some(element) = walk.child()? {
        match element {
            Element::Code => put(&mut code, walk.text()?)?,
            Element::Message => put(&mut message, walk.text()?)?,
            _ => walk.skip(0)?,
        }
    }
    let code = code.ok_or(ReplyError::Malformed)?;
    Ok(Refused { code, message: message.unwrap_or_default() })
}

/// Exactly one of each: a second one is a fault, never the one that counts.
fn put<T>(slot: &mut Option<T>, value: T) -> Result<(), ReplyError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(ReplyError::Malformed),
    }
}

/// The elements that mean something in either document.
enum Element {
    Account,
    Arn,
    Code,
    Error,
    Message,
    Metadata,
    Other,
    Result,
    UserId,
}

impl Element {
    fn of(name: &str) -> Self {
        match name {
            "Account" => Self::Account,
            "Arn" => Self::Arn,
            "Code" => Self::Code,
            "Error" => Self::Error,
            "GetCallerIdentityResult" => Self::Result,
            "Message" => Self::Message,
            "ResponseMetadata" => Self::Metadata,
            "UserId" => Self::UserId,
            _ => Self::Other,
        }
    }
}

/// A position in a document whose root has been opened.
struct Walk<'a> {
    reader: Reader<&'a [u8]>,
}

impl<'a> Walk<'a> {
    /// Opens the document and its root, which must have this name and the namespace as its only attribute.
    fn open(body: &'a [u8], root: &str) -> Result<Self, ReplyError> {
        // STS writes ASCII. Other bytes and control characters are where readers of XML differ; a carriage
        // return would be read as a line feed.
        // Without a way out of the loop it is done for many bytes at once.
        let plain = |byte: &u8| matches!(byte, b'\n' | b'\t' | b' '..=b'~');
        if !body.iter().fold(true, |all, byte| all & plain(byte)) {
            return Err(ReplyError::Malformed);
        }
        let text = str::from_utf8(body).map_err(|_| ReplyError::Malformed)?;
        let mut walk = Self { reader: Reader::from_str(text) };
        let mut event = walk.event()?;
        if let Event::Decl(declaration) = &event {
            if !is_plain_declaration(declaration) {
                return Err(ReplyError::Malformed);
            }
            event = walk.event()?;
        }
        while let Event::Text(text) = &event
            && is_blank(text)
        {
            event = walk.event()?;
        }
        match event {
            Event::Start(start) if start.name().as_ref() == root && has_only_namespace(&start) => Ok(walk),
            _ => Err(ReplyError::Malformed),
        }
    }

    /// The next child element, or `None` at the parent's end. Only blanks may stand between children.
    fn child(&mut self) -> Result<Option<Element>, ReplyError> {
        loop {
            match self.event()? {
                Event::Start(start) => {
                    let element = Element::of(start.name().as_ref());
                    let bare = match element {
                        Element::Other => is_bare(&start),
                        // Its name has been compared already.
                        _ => is_blank(start.attributes_raw()),
                    };
                    return if bare { Ok(Some(element)) } else { Err(ReplyError::Malformed) };
                }
                Event::End(_) => return Ok(None),
                Event::Text(text) if is_blank(&text) => {}
                _ => return Err(ReplyError::Malformed),
            }
        }
    }

    /// The text of the element just opened, up to its end. Entities split the text; all pieces count.
    fn text(&mut self) -> Result<Cow<'a, str>, ReplyError> {
        let mut whole: Option<Cow<'a, str>> = None;
        loop {
            let piece: Cow<'a, str> = match self.event()? {
                Event::End(_) => return Ok(whole.unwrap_or_default()),
                Event::Text(text) if !holds_end(&text) => text.into_inner(),
                Event::GeneralRef(entity) => Cow::Borrowed(built_in_entity(&entity)?),
                _ => return Err(ReplyError::Malformed),
            };
            whole = Some(match whole {
                None => piece,
                Some(before) => Cow::Owned(before.into_owned() + &piece),
            });
        }
    }

    /// Passes over the element just opened; elements in it may nest `depth` deep.
    fn skip(&mut self, depth: usize) -> Result<(), ReplyError> {
        let mut open = 0;
        loop {
            match self.event()? {
                Event::Start(start) if is_bare(&start) && open < depth => open += 1,
                Event::Empty(start) if is_bare(&start) && open < depth => {}
                Event::End(_) if open == 0 => return Ok(()),
                Event::End(_) => open -= 1,
                Event::Text(text) if !holds_end(&text) => {}
                Event::GeneralRef(entity) => {
                    built_in_entity(&entity)?;
                }
                _ => return Err(ReplyError::Malformed),
            }
        }
    }

    /// After the root nothing but blanks may stand.
    fn close(&mut self) -> Result<(), ReplyError> {
        loop {
            match self.event()? {
                Event::Eof => return Ok(()),
                Event::Text(text) if is_blank(&text) => {}
                _ => return Err(ReplyError::Malformed),
            }
        }
    }

    #[inline]
    fn event(&mut self) -> Result<Event<'a>, ReplyError> {
        self.reader.read_event().map_err(|_| ReplyError::Malformed)
    }
}

/// `version="1.0"` and, if it is named, the encoding UTF-8; all in one kind of quotes.
fn is_plain_declaration(declaration: &str) -> bool {
    matches!(
        declaration.trim_end_matches(' '),
        "xml version=\"1.0\""
            | "xml version=\"1.0\" encoding=\"UTF-8\""
            | "xml version=\"1.0\" encoding=\"utf-8\""
            | "xml version='1.0'"
            | "xml version='1.0' encoding='UTF-8'"
            | "xml version='1.0' encoding='utf-8'"
    )
}

/// A bare `>` is allowed in a text, and STS never writes it.
fn holds_end(text: &str) -> bool {
    memchr(b'>', text.as_bytes()).is_some()
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\n' | b'\t'))
}

/// A name of letters and digits (so without a prefix) and no attribute.
fn is_bare(start: &BytesStart<'_>) -> bool {
    let name = start.name();
    let name: &str = name.as_ref();
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric())
        && is_blank(start.attributes_raw())
}

fn has_only_namespace(start: &BytesStart<'_>) -> bool {
    let raw = start.attributes_raw().trim_matches([' ', '\n', '\t']);
    let value = raw.strip_prefix("xmlns=").unwrap_or_default();
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    quoted('"').or_else(|| quoted('\'')) == Some(NAMESPACE)
}

/// The text of an entity: one of the five that XML itself defines ([XML 1.0, section 4.6]).
///
/// [XML 1.0, section 4.6]: https://www.w3.org/TR/xml/#sec-predefined-ent
fn built_in_entity(name: &str) -> Result<&'static str, ReplyError> {
    match name {
        "amp" => Ok("&"),
        "apos" => Ok("'"),
        "gt" => Ok(">"),
        "lt" => Ok("<"),
        "quot" => Ok("\""),
        _ => Err(ReplyError::Malformed),
    }
}
