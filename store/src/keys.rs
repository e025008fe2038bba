//! The keys that everything else hangs on, read from a directory at start; [`Sources`] names those that are elsewhere.
//!
//! | file | what |
//! |---|---|
//! | `kek-<n>.key` | key-encryption keys, base64 of 32 bytes; the current one wraps new keys, all unwrap |
//! | `index.key` | keys the blind indexes and fingerprints, base64 of 32 bytes; never changes |
//! | `signing-<n>.pem` | RSA-3072 keys for access tokens, PKCS #8; the current one signs, all verify |
//! | `kek-current`, `signing-current` | the number of the current key; may be missing where there is but one |
//!
//! To rotate without downtime: pin the current number, bring the new key with the pinned number to every machine and
//! restart, then change the number and restart. Nobody meets a key then that it does not have: several keys of a kind
//! without a pinned number are refused, rather than the newest used before all have it. [`KeyRing`] does these steps.
//! What old key-encryption keys have wrapped is then wrapped anew ([`crate::Store::rewrap`]), and they are retired.

mod ring;
mod sources;

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use aggregates::BlindIndex;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use hmac::{Hmac, KeyInit, Mac};
use rsa::{
    RsaPrivateKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding},
    traits::PublicKeyParts,
};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::{
    Error,
    seal::{DataKey, WrappedKey},
};

pub use ring::{KeyKind, KeyRing};
pub use sources::{Place, Sources};

const RSA_BITS: usize = 3072;

/// All keys. Cheap to clone.
#[derive(Clone)]
pub struct Keys {
    inner: Arc<Inner>,
}

struct Inner {
    keks: BTreeMap<u32, DataKey>,
    current_kek: u32,
    index: DataKey,
    signing: Arc<SigningKeys>,
}

/// The keys that sign access tokens, the current one first.
pub struct SigningKeys {
    keys: Vec<SigningKey>,
}

pub struct SigningKey {
    /// Derived from the public key, so that every instance names it alike.
    pub kid: String,
    /// PKCS #8 PEM.
    pub private_pem: SecretString,
    /// SubjectPublicKeyInfo PEM.
    pub public_pem: String,
    /// Modulus and exponent as JWK has them (RFC 7518 §6.3.1).
    pub n: String,
    pub e: String,
}

impl SigningKeys {
    pub fn current(&self) -> &SigningKey {
        &self.keys[0]
    }

    pub fn all(&self) -> &[SigningKey] {
        &self.keys
    }
}

impl Keys {
    /// All keys from one directory.
    pub fn load(directory: &Path) -> Result<Keys, Error> {
        Keys::load_from(directory, &Sources::default())
    }

    /// The keys in `directory`, and those that are elsewhere. Waits for the programs that print one.
    pub fn load_from(directory: &Path, sources: &Sources) -> Result<Keys, Error> {
        let mut keks = sources.keks()?;
        for (number, text) in numbered(directory, "kek-", ".key")? {
            let name = format!("kek-{number}");
            if keks.insert(number, symmetric(&name, &text)?).is_some() {
                return Err(Error::Keys(format!("{name} is in {} and configured elsewhere too", directory.display())));
            }
        }
        let current_kek = current(directory, "kek", keks.keys().copied())?;
        let pems = numbered(directory, "signing-", ".pem")?;
        let current_signing = current(directory, "signing", pems.keys().copied())?;
        let mut keys = Vec::new();
        for (number, pem) in pems {
            let place = if number == current_signing { 0 } else { keys.len() };
            keys.insert(place, signing_key(&pem)?);
        }
        let index = match &sources.index {
            Some(place) => place.key("index", &sources.variables())?,
            None => symmetric("index", &read(&directory.join("index.key"))?)?,
        };
        Ok(Keys { inner: Arc::new(Inner { keks, current_kek, index, signing: Arc::new(SigningKeys { keys }) }) })
    }

    /// For who opens, wraps and signs nothing: whatever needs a key fails. Blind indexes find nothing, and there is no
    /// current signing key.
    pub fn none() -> Keys {
        let signing = Arc::new(SigningKeys { keys: vec![] });
        Keys { inner: Arc::new(Inner { keks: BTreeMap::new(), current_kek: 0, index: DataKey::generate(), signing }) }
    }

    /// Writes a first set of keys into `directory`, each file only if it is missing.
    pub fn generate(directory: &Path) -> Result<(), Error> {
        fs::create_dir_all(directory).map_err(|e| Error::Keys(format!("{}: {e}", directory.display())))?;
        for name in ["kek-1.key", "index.key"] {
            write_new(&directory.join(name), || Ok(BASE64_STANDARD.encode(DataKey::generate().as_bytes())))?;
        }
        write_new(&directory.join("signing-1.pem"), new_signing_pem)
    }

    pub fn signing(&self) -> Arc<SigningKeys> {
        self.inner.signing.clone()
    }

    /// A keyed hash by which equal values find each other without being known. `scope` keeps uses apart.
    pub fn blind_index(&self, scope: &str, value: &str) -> BlindIndex {
        BlindIndex(self.keyed_hash(scope, value).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    pub(crate) fn keyed_hash(&self, scope: &str, value: impl AsRef<[u8]>) -> [u8; 32] {
        hash_under(&self.inner.index, scope, value)
    }

    /// By which two processes see whether they have the same key-encryption keys: number and check, ascending. A check
    /// tells nothing of its key, and is of no use for another number.
    pub(crate) fn kek_checks(&self) -> Vec<(i64, Vec<u8>)> {
        let check = |(number, kek): (&u32, &DataKey)| {
            (i64::from(*number), hash_under(kek, "kek-check", number.to_string()).to_vec())
        };
        self.inner.keks.iter().map(check).collect()
    }

    /// The key-encryption key that wraps new keys.
    pub(crate) fn current_kek_id(&self) -> String {
        format!("kek-{}", self.inner.current_kek)
    }

    pub(crate) fn wrap(&self, key: &DataKey, owner: &str) -> Result<WrappedKey, Error> {
        let kek_id = self.current_kek_id();
        let kek = self.inner.keks.get(&self.inner.current_kek);
        let kek = kek.ok_or_else(|| Error::Keys(format!("{kek_id} is missing")))?;
        Ok(WrappedKey { bytes: kek.seal(key.as_bytes(), &bound(owner, &kek_id)), kek_id })
    }

    pub(crate) fn unwrap(&self, wrapped: &WrappedKey, owner: &str) -> Result<DataKey, Error> {
        let number = wrapped.kek_id.strip_prefix("kek-").and_then(|n| n.parse::<u32>().ok());
        let kek = number.and_then(|n| self.inner.keks.get(&n));
        let kek = kek.ok_or_else(|| Error::Keys(format!("{} is missing", wrapped.kek_id)))?;
        let bytes = kek.open(&wrapped.bytes, &bound(owner, &wrapped.kek_id))?;
        DataKey::from_bytes(&bytes).ok_or(Error::Unsealable)
    }
}

/// The number in `<name>-current`, or the only one there is.
fn current(directory: &Path, name: &str, mut numbers: impl Iterator<Item = u32>) -> Result<u32, Error> {
    let path = directory.join(format!("{name}-current"));
    if !path.exists() {
        return match (numbers.next(), numbers.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(Error::Keys(format!("no {name}-<n> in {}", directory.display()))),
            (Some(_), Some(_)) => Err(Error::Keys(format!(
                "there are several {name}-<n>, and no {} says which is in use: bring it along with the keys",
                path.display()
            ))),
        };
    }
    let named = read(&path)?.trim().parse().ok().filter(|named| numbers.any(|number| number == *named));
    named.ok_or_else(|| Error::Keys(format!("{} does not name a key that is there", path.display())))
}

fn hash_under(key: &DataKey, scope: &str, value: impl AsRef<[u8]>) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    // The length keeps ("ab", "c") and ("a", "bc") apart.
    mac.update(&(scope.len() as u64).to_be_bytes());
    mac.update(scope.as_bytes());
    mac.update(value.as_ref());
    mac.finalize().into_bytes().into()
}

fn bound(owner: &str, kek_id: &str) -> String {
    format!("wrapped-key:{kek_id}:{owner}")
}

fn new_signing_pem() -> Result<String, Error> {
    let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, RSA_BITS).map_err(|e| Error::Keys(e.to_string()))?;
    Ok(key.to_pkcs8_pem(LineEnding::LF).map_err(|e| Error::Keys(e.to_string()))?.to_string())
}

fn signing_key(pem: &str) -> Result<SigningKey, Error> {
    let broken = |e: String| Error::Keys(format!("signing key: {e}"));
    let private = RsaPrivateKey::from_pkcs8_pem(pem).map_err(|e| broken(e.to_string()))?;
    let public = private.to_public_key();
    if public.n().bits() < RSA_BITS {
        return Err(broken(format!("{} bits are too few, {RSA_BITS} needed", public.n().bits())));
    }
    let public_pem = public.to_public_key_pem(LineEnding::LF).map_err(|e| broken(e.to_string()))?;
    let kid = BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(public_pem.as_bytes())[..12]);
    Ok(SigningKey {
        kid,
        private_pem: SecretString::from(pem.to_owned()),
        public_pem,
        n: BASE64_URL_SAFE_NO_PAD.encode(public.n().to_bytes_be()),
        e: BASE64_URL_SAFE_NO_PAD.encode(public.e().to_bytes_be()),
    })
}

fn symmetric(name: &str, text: &SecretText) -> Result<DataKey, Error> {
    let broken = |what: &str| Error::Keys(format!("{name}: {what}"));
    let bytes = BASE64_STANDARD.decode(text.trim()).map_err(|_| broken("the key is not base64"))?;
    DataKey::from_bytes(&zeroize::Zeroizing::new(bytes)).ok_or_else(|| broken("the key is not 32 bytes long"))
}

type SecretText = zeroize::Zeroizing<String>;

fn read(path: &Path) -> Result<SecretText, Error> {
    let text = fs::read_to_string(path).map_err(|e| Error::Keys(format!("{}: {e}", path.display())))?;
    Ok(SecretText::new(text))
}

/// The files `<prefix><n><suffix>` by their number.
fn numbered(directory: &Path, prefix: &str, suffix: &str) -> Result<BTreeMap<u32, SecretText>, Error> {
    let entries = fs::read_dir(directory).map_err(|e| Error::Keys(format!("{}: {e}", directory.display())))?;
    let mut found = BTreeMap::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix)).and_then(|n| n.parse().ok());
        if let Some(number) = number {
            found.insert(number, read(&entry.path())?);
        }
    }
    Ok(found)
}

fn write_new(path: &Path, content: impl FnOnce() -> Result<String, Error>) -> Result<(), Error> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    if path.exists() {
        return Ok(());
    }
    let content = zeroize::Zeroizing::new(content()?);
    let failed = |e: std::io::Error| Error::Keys(format!("{}: {e}", path.display()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(content.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}
