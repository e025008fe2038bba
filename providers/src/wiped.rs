//! Bytes that hold secrets for a moment: overwritten when dropped, and when they move to a larger place.

use std::io;

use bytes::Bytes;
use serde::Serialize;
use zeroize::Zeroizing;

/// A growing buffer. `Vec` alone would leave its old contents behind in memory each time it grows.
pub(crate) struct WipedBuffer(Zeroizing<Vec<u8>>);

impl WipedBuffer {
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(bytes)))
    }

    /// The JSON of a request body.
    pub fn json(body: &impl Serialize) -> Self {
        let mut buffer = Self::with_capacity(512);
        serde_json::to_writer(&mut buffer, body).expect("request bodies have string keys and memory does not fail");
        buffer
    }

    pub fn extend(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(2 * self.0.capacity())));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Hands the bytes on without a copy; they are overwritten when the last holder lets go.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(Owner(self.0))
    }
}

impl io::Write for WipedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Owner(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_keeps_what_was_written() {
        let mut buffer = WipedBuffer::with_capacity(3);
        let mut expected = Vec::new();
        for n in 0..100_u8 {
            buffer.extend(&[n, n]);
            expected.extend([n, n]);
        }
        assert_eq!(buffer.as_slice(), expected);
        assert_eq!(buffer.into_bytes(), expected);
    }
}
