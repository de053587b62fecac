//! Text that must not be printed and is wiped when it is dropped.

use core::fmt;

use zeroize::{Zeroize as _, ZeroizeOnDrop};

/// A text that grants something to whoever holds it: a pre-signed URL, a challenge.
///
/// It has no `Display`, no equality and no serde; `Debug` prints nothing of it; its bytes are overwritten
/// when it is dropped. It is built in one allocation of its final size, so no copy is left behind by growth.
pub(crate) struct SecretText(String);

impl SecretText {
    /// An empty text with room for `capacity` bytes.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(String::with_capacity(capacity))
    }

    /// The text itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Appends `text`, moving to a larger buffer (and wiping the old one) should the room not do.
    pub(crate) fn push_str(&mut self, text: &str) {
        if self.0.capacity() - self.0.len() < text.len() {
            self.grow(text.len());
        }
        self.0.push_str(text);
    }

    /// Appends ASCII.
    pub(crate) fn push_ascii(&mut self, text: &[u8]) {
        self.push_str(str::from_utf8(text).unwrap_or_default());
    }

    #[cold]
    fn grow(&mut self, room: usize) {
        let mut larger = Self::with_capacity(self.0.len().saturating_add(room).saturating_mul(2));
        larger.0.push_str(&self.0);
        *self = larger;
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        wipe(&mut core::mem::take(&mut self.0).into_bytes());
    }
}

impl ZeroizeOnDrop for SecretText {}

/// Bytes that can hold such a text, such as the body of a refusal. As [`SecretText`].
#[cfg(feature = "server")]
#[derive(Default)]
pub(crate) struct SecretBytes(Vec<u8>);

#[cfg(feature = "server")]
impl SecretBytes {
    /// No bytes, and room for `capacity`.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// The bytes themselves.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Appends `bytes`, moving to a larger buffer (and wiping the old one) should the room not do.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        let need = self.0.len().saturating_add(bytes.len());
        if need > self.0.capacity() {
            let mut larger = Self::with_capacity(need.saturating_mul(2));
            larger.0.extend_from_slice(&self.0);
            *self = larger;
        }
        self.0.extend_from_slice(bytes);
    }
}

#[cfg(feature = "server")]
impl Drop for SecretBytes {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

#[cfg(feature = "server")]
impl ZeroizeOnDrop for SecretBytes {}

/// Overwrites a buffer, its unused room included. As slices it is done for many bytes at once, as a `Vec` or a
/// `String` one by one.
fn wipe(bytes: &mut Vec<u8>) {
    bytes.spare_capacity_mut().zeroize();
    bytes.as_mut_slice().zeroize();
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("** redacted **")
    }
}

#[cfg(test)]
mod tests {
    use super::SecretText;

    fn secret(text: &str) -> SecretText {
        let mut secret = SecretText::with_capacity(0);
        secret.push_str(text);
        secret
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", secret("hunter2")), "** redacted **");
    }

    #[test]
    fn growth_keeps_the_text() {
        let mut text = secret("ab");
        text.push_str("cdefghijklmnop");
        assert_eq!(text.expose(), "abcdefghijklmnop");
    }

    #[test]
    fn wiping_leaves_nothing() {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(b"hunter2");
        super::wipe(&mut bytes);
        assert_eq!(bytes, [0; 7]);
    }

    #[test]
    fn what_is_secret_wipes_on_drop() {
        fn wipes_on_drop<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        wipes_on_drop(&secret("hunter2"));
        #[cfg(feature = "server")]
        wipes_on_drop(&super::SecretBytes::default());
    }

    #[cfg(feature = "server")]
    #[test]
    fn growth_keeps_the_bytes() {
        let mut bytes = super::SecretBytes::with_capacity(3);
        for chunk in ["ab", "cdefghij", "", "klm"] {
            bytes.extend(chunk.as_bytes());
        }
        assert_eq!(bytes.expose(), b"abcdefghijklm");
    }
}
