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

/// The bytes are not the document. One word and no more, so that results are as cheap as the events themselves.
pub(super) struct Malformed;

impl From<Malformed> for ReplyError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Reads the reply to a good request.
pub(super) fn identity(body: &[u8]) -> Result<Identity<'_>, Malformed> {
    let mut walk = Walk::open(body, "GetCallerIdentityResponse")?;
    let mut result = None;
    let mut metadata = None;
    while let Some(element) = walk.child()? {
        match element {
            Element::Result => put(&mut result, identity_parts(&mut walk)?)?,
            Element::Metadata => put(&mut metadata, walk.skip(MAX_METADATA_DEPTH)?)?,
            _ => return Err(Malformed),
        }
    }
    walk.close()?;
    result.ok_or(Malformed)
}

fn identity_parts<'a>(walk: &mut Walk<'a>) -> Result<Identity<'a>, Malformed> {
    let (mut arn, mut user_id, mut account) = (None, None, None);
    while let Some(element) = walk.child()? {
        match element {
            Element::Arn => walk.text(&mut arn)?,
            Element::UserId => walk.text(&mut user_id)?,
            Element::Account => walk.text(&mut account)?,
            _ => return Err(Malformed),
        }
    }
    match (arn, user_id, account) {
        (Some(arn), Some(user_id), Some(account)) => Ok(Identity { arn, user_id, account }),
        _ => Err(Malformed),
    }
}

/// Reads the reply to a request that STS refused.
pub(super) fn refused(body: &[u8]) -> Result<Refused<'_>, Malformed> {
    let mut walk = Walk::open(body, "ErrorResponse")?;
    let mut error = None;
    while let Some(element) = walk.child()? {
        match element {
            Element::Error => put(&mut error, refused_parts(&mut walk)?)?,
            _ => walk.skip(0)?,
        }
    }
    walk.close()?;
    error.ok_or(Malformed)
}

fn refused_parts<'a>(walk: &mut Walk<'a>) -> Result<Refused<'a>, Malformed> {
    let (mut code, mut message) = (None, None);
    while let Some(element) = walk.child()? {
        match element {
            Element::Code => walk.text(&mut code)?,
            Element::Message => walk.text(&mut message)?,
            _ => walk.skip(0)?,
        }
    }
    let code = code.ok_or(Malformed)?;
    Ok(Refused { code, message: message.unwrap_or_default() })
}

/// Exactly one of each: a second one is a fault, never the one that counts.
fn put<T>(slot: &mut Option<T>, value: T) -> Result<(), Malformed> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Malformed),
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
    fn open(body: &'a [u8], root: &str) -> Result<Self, Malformed> {
        // STS writes ASCII. Other bytes and control characters are where readers of XML differ; a carriage
        // return would be read as a line feed.
        // Without a way out of the loop it is done for many bytes at once.
        let plain = |byte: &u8| matches!(byte, b'\n' | b'\t' | b' '..=b'~');
        if !body.iter().fold(true, |all, byte| all & plain(byte)) {
            return Err(Malformed);
        }
        let mut walk = Self { reader: Reader::from_reader(body) };
        // A declaration stands at the very beginning or nowhere, so blanks count up to here.
        let mut event = walk.reader.read_event();
        walk.passes_over_blanks(true);
        let prolog = match &event {
            Ok(Event::Decl(declaration)) => is_plain_declaration(declaration),
            Ok(Event::Text(text)) => is_blank(text),
            _ => false,
        };
        if prolog {
            event = walk.reader.read_event();
        }
        match event {
            Ok(Event::Start(start)) if start.name().as_ref() == root && has_only_namespace(&start) => {
                Ok(walk)
            }
            _ => Err(Malformed),
        }
    }

    /// The next child element, or `None` at the parent's end. Only blanks may stand between children.
    fn child(&mut self) -> Result<Option<Element>, Malformed> {
        match self.reader.read_event() {
            Ok(Event::Start(start)) => {
                let element = Element::of(start.name().as_ref());
                let bare = match element {
                    Element::Other => is_bare(&start),
                    // Its name has been compared already.
                    _ => is_blank(start.attributes_raw()),
                };
                if bare { Ok(Some(element)) } else { Err(Malformed) }
            }
            Ok(Event::End(_)) => Ok(None),
            _ => Err(Malformed),
        }
    }

    /// The text of the element just opened, up to its end, into a slot that has none yet. Entities split the text;
    /// all pieces count.
    fn text(&mut self, slot: &mut Option<Cow<'a, str>>) -> Result<(), Malformed> {
        if slot.is_some() {
            return Err(Malformed);
        }
        let whole = slot.insert(Cow::Borrowed(""));
        self.passes_over_blanks(false);
        loop {
            let piece: Cow<'a, str> = match self.reader.read_event() {
                Ok(Event::Text(text)) if !holds_end(&text) => text.into_inner(),
                Ok(Event::GeneralRef(entity)) => Cow::Borrowed(built_in_entity(&entity)?),
                Ok(Event::End(_)) => break,
                _ => return Err(Malformed),
            };
            if whole.is_empty() {
                *whole = piece;
            } else {
                whole.to_mut().push_str(&piece);
            }
        }
        self.passes_over_blanks(true);
        Ok(())
    }

    /// Passes over the element just opened; elements in it may nest `depth` deep.
    fn skip(&mut self, depth: usize) -> Result<(), Malformed> {
        let mut open = 0;
        loop {
            match self.reader.read_event() {
                Ok(Event::Start(start)) if open < depth && is_bare(&start) => open += 1,
                Ok(Event::Empty(start)) if open < depth && is_bare(&start) => {}
                Ok(Event::End(_)) if open == 0 => return Ok(()),
                Ok(Event::End(_)) => open -= 1,
                Ok(Event::Text(text)) if !holds_end(&text) => {}
                Ok(Event::GeneralRef(entity)) => {
                    built_in_entity(&entity)?;
                }
                _ => return Err(Malformed),
            }
        }
    }

    /// After the root nothing but blanks may stand.
    fn close(&mut self) -> Result<(), Malformed> {
        match self.reader.read_event() {
            Ok(Event::Eof) => Ok(()),
            _ => Err(Malformed),
        }
    }

    /// Whether blanks before an event belong to none: true between elements, false in a text, whose blanks count.
    fn passes_over_blanks(&mut self, yes: bool) {
        self.reader.config_mut().trim_text_start = yes;
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
fn built_in_entity(name: &str) -> Result<&'static str, Malformed> {
    match name {
        "amp" => Ok("&"),
        "apos" => Ok("'"),
        "gt" => Ok(">"),
        "lt" => Ok("<"),
        "quot" => Ok("\""),
        _ => Err(Malformed),
    }
}
