//! XChaCha20-Poly1305 with associated data: the one cipher for everything at rest.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, Generate, Key, Payload},
};
use zeroize::Zeroizing;

use crate::Error;

/// A 256-bit key. Wiped when dropped, and without any way to print it.
pub(crate) struct DataKey(Zeroizing<[u8; 32]>);

const NONCE_BYTES: usize = 24;

impl DataKey {
    pub fn generate() -> DataKey {
        let key: Key<XChaCha20Poly1305> = Generate::generate();
        DataKey(Zeroizing::new(key.into()))
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<DataKey> {
        bytes.try_into().ok().map(|bytes| DataKey(Zeroizing::new(bytes)))
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Nonce, then ciphertext with its tag. `bound_to` must be given again to open it.
    pub fn seal(&self, plaintext: &[u8], bound_to: &str) -> Vec<u8> {
        let nonce: chacha20poly1305::aead::Nonce<XChaCha20Poly1305> = Generate::generate();
        let payload = Payload { msg: plaintext, aad: bound_to.as_bytes() };
        let sealed = self.cipher().encrypt(&nonce, payload).expect("only messages past 256 GiB fail to encrypt");
        [nonce.as_slice(), &sealed].concat()
    }

    pub fn open(&self, sealed: &[u8], bound_to: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES).ok_or(Error::Unsealable)?;
        let nonce = nonce.try_into().map_err(|_| Error::Unsealable)?;
        let payload = Payload { msg: ciphertext, aad: bound_to.as_bytes() };
        self.cipher().decrypt(&nonce, payload).map(Zeroizing::new).map_err(|_| Error::Unsealable)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

/// A data key encrypted under a key-encryption key, as it lies in the database.
#[derive(Clone)]
pub(crate) struct WrappedKey {
    pub kek_id: String,
    pub bytes: Vec<u8>,
}
