//! A second reader of the documents that STS writes, on another XML library.

use roxmltree::{Document, Node};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The three texts of a `GetCallerIdentityResponse`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Texts {
    pub(crate) arn: String,
    pub(crate) user_id: String,
    pub(crate) account: String,
}

/// The three texts, if the document is well-formed, plain, and says each of them once and in its place.
pub(crate) fn identity(body: &[u8]) -> Option<Texts> {
    let document = parse(body)?;
    let root = Some(document.root_element()).filter(|root| is(*root, "GetCallerIdentityResponse"))?;
    let result = only(root, "GetCallerIdentityResult")?;
    let text = |name| only(result, name).and_then(text_of);
    Some(Texts { arn: text("Arn")?, user_id: text("UserId")?, account: text("Account")? })
}

/// The code of an `ErrorResponse`.
pub(super) fn code(body: &[u8]) -> Option<String> {
    let document = parse(body)?;
    let root = Some(document.root_element()).filter(|root| is(*root, "ErrorResponse"))?;
    text_of(only(only(root, "Error")?, "Code")?)
}

/// No DTD, no comment, no processing instruction, no CDATA, nothing but the one namespace.
fn parse(body: &[u8]) -> Option<Document<'_>> {
    let text = str::from_utf8(body).ok().filter(|text| !text.contains("<!"))?;
    let document = Document::parse(text).ok()?;
    let plain = document.descendants().all(|node| match node.node_type() {
        roxmltree::NodeType::Element => {
            node.tag_name().namespace() == Some(NAMESPACE) && node.attributes().len() == 0
        }
        roxmltree::NodeType::Root | roxmltree::NodeType::Text => true,
        _ => false,
    });
    plain.then_some(document)
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

/// The one child of this name.
fn only<'a, 'input>(parent: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    let mut found = parent.children().filter(|child| is(*child, name));
    let child = found.next()?;
    found.next().is_none().then_some(child)
}

/// The text of an element that holds nothing else.
fn text_of(element: Node<'_, '_>) -> Option<String> {
    let pieces = element.children().map(|child| if child.is_text() { child.text() } else { None });
    pieces.collect()
}
