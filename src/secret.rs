//! Text that must not be printed and is wiped when it is dropped.

use core::fmt;

use zeroize::Zeroizing;

/// A text that grants something to whoever holds it: a pre-signed URL, a challenge.
///
/// It has no `Display`, no equality and no serde; `Debug` prints nothing of it; its bytes are overwritten
/// when it is dropped. It is built in one allocation of its final size, so no copy is left behind by growth.
pub(crate) struct SecretText(Zeroizing<String>);

impl SecretText {
    /// An empty text with room for `capacity` bytes.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(String::with_capacity(capacity)))
    }

    /// The text itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Appends `text`, moving to a larger buffer (and wiping the old one) should the room not do.
    pub(crate) fn push_str(&mut self, text: &str) {
        let need = self.0.len().saturating_add(text.len());
        if need > self.0.capacity() {
            let mut larger = Zeroizing::new(String::with_capacity(need.saturating_mul(2)));
            larger.push_str(&self.0);
            self.0 = larger;
        }
        self.0.push_str(text);
    }
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
    fn the_bytes_are_of_a_type_that_wipes_on_drop() {
        fn wipes_on_drop<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        wipes_on_drop(&secret("hunter2").0);
    }
}
