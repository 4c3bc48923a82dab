//! Who signs checkpoints.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

use crate::checkpoint::{PublicKey, is_key_name};
use crate::error::{AuditError, failed};
use crate::files;

/// Signs checkpoints: a key file, a key service, a device.
pub trait Signer: Send + Sync + 'static {
    /// The name of the key; it is the origin of the checkpoints too.
    fn name(&self) -> &str;
    /// The Ed25519 public key.
    fn public_key(&self) -> [u8; 32];
    /// The Ed25519 signature (RFC 8032) of the message.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// Mode of the key file: its owner reads and writes, nobody else does anything.
const OWNER_ONLY: u32 = 0o600;
const OPENING: &str = "PRIVATE+KEY+";
const FILE_BYTES_MAX: u64 = 4 << 10;

/// A key in a file, in the form of Go's `note.NewSigner`: `PRIVATE+KEY+name+id+base64(type ‖ seed)`.
pub struct FileSigner {
    name: String,
    key: SigningKey,
}

impl FileSigner {
    /// Reads the key, or makes it from `seed` (32 bytes from the system's randomness) where the file is missing. The
    /// name is that of this signer, whatever name the file holds: one key may sign for several gateways.
    ///
    /// # Errors
    /// [`AuditError::LooseKey`] where anybody but the owner can reach the file, [`AuditError::MalformedKey`],
    /// [`AuditError::KeyName`], [`AuditError::File`].
    pub fn open_or_create(path: &Path, name: &str, seed: [u8; 32]) -> Result<Self, AuditError> {
        let seed = Zeroizing::new(seed);
        if !is_key_name(name) {
            return Err(AuditError::KeyName { name: name.to_owned() });
        }
        let key = match File::open(path) {
            Ok(file) => read(file, path)?,
            Err(error) if error.kind() == ErrorKind::NotFound => create(path, name, &seed)?,
            Err(error) => return Err(failed("read the signing key", path)(error)),
        };
        Ok(Self { name: name.to_owned(), key })
    }
}

impl Signer for FileSigner {
    fn name(&self) -> &str {
        &self.name
    }

    fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl std::fmt::Debug for FileSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSigner").field("name", &self.name).finish_non_exhaustive()
    }
}

fn read(file: File, path: &Path) -> Result<SigningKey, AuditError> {
    // The opened file is asked, not the path: the answer is about the bytes that are read.
    let metadata = file.metadata().map_err(failed("read the signing key", path))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(AuditError::LooseKey { path: path.to_path_buf(), mode });
    }
    let mut text = Zeroizing::new(String::new());
    match file.take(FILE_BYTES_MAX).read_to_string(&mut text) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::InvalidData => text.clear(),
        Err(error) => return Err(failed("read the signing key", path)(error)),
    }
    parse(&text).ok_or_else(|| AuditError::MalformedKey { path: path.to_path_buf() })
}

fn parse(text: &str) -> Option<SigningKey> {
    let rest = text.trim_end().strip_prefix(OPENING)?;
    // Name and id have no plus; base64 may have some.
    let seed = rest.splitn(3, '+').nth(2)?;
    let bytes = Zeroizing::new(STANDARD.decode(seed).ok()?);
    let seed = Zeroizing::new(<[u8; 32]>::try_from(bytes.strip_prefix(&[1])?).ok()?);
    Some(SigningKey::from_bytes(&seed))
}

fn create(path: &Path, name: &str, seed: &[u8; 32]) -> Result<SigningKey, AuditError> {
    let key = SigningKey::from_bytes(seed);
    let public = PublicKey { name: name.to_owned(), bytes: key.verifying_key().to_bytes() }.to_string();
    let id = public.split('+').nth(1).unwrap_or_default();
    let bytes = Zeroizing::new([[1].as_slice(), seed].concat());
    let seed = Zeroizing::new(STANDARD.encode(&*bytes));
    let text = Zeroizing::new(format!("{OPENING}{name}+{id}+{}\n", &*seed));
    // Written beside and renamed: a start that is cut off leaves no half key behind.
    let beside = files::beside(path, "new");
    files::remove(&beside)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(&beside)
        .map_err(failed("write the signing key", &beside))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(failed("write the signing key", path))?;
    files::sync_folder_of(path)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Checkpoint, CheckpointError};
    use std::fs::{Permissions, set_permissions};

    #[test]
    fn a_key_is_made_once_and_read_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trail.key");
        let made = FileSigner::open_or_create(&path, "bursar/gw", [1; 32]).unwrap();
        let read = FileSigner::open_or_create(&path, "bursar/gw", [2; 32]).unwrap();
        assert_eq!(made.public_key(), read.public_key());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        assert!(!format!("{made:?}").contains("AQEB"), "a debug print shows no key");
    }

    #[test]
    fn every_key_can_be_read_again_whatever_its_letters() {
        for seed in 0..=255_u8 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("trail.key");
            let made = FileSigner::open_or_create(&path, "bursar/gw", [seed; 32]).unwrap();
            let read = FileSigner::open_or_create(&path, "bursar/gw", [0; 32]).unwrap();
            assert_eq!(made.public_key(), read.public_key(), "seed {seed}");
            let public = PublicKey { name: "bursar/gw".into(), bytes: made.public_key() }.to_string();
            let id = public.split('+').nth(1).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(text.split('+').nth(3), Some(id), "seed {seed}: {text}");
        }
    }

    #[test]
    fn a_key_that_others_can_reach_is_refused_with_the_way_to_mend_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trail.key");
        FileSigner::open_or_create(&path, "gw", [1; 32]).unwrap();
        for mode in [0o644, 0o640, 0o604, 0o620, 0o601, 0o666] {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = FileSigner::open_or_create(&path, "gw", [1; 32]).unwrap_err();
            assert!(matches!(error, AuditError::LooseKey { mode: found, .. } if found == mode), "{error}");
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
        set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        FileSigner::open_or_create(&path, "gw", [1; 32]).unwrap();
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trail.key");
        let good = {
            FileSigner::open_or_create(&path, "gw", [1; 32]).unwrap();
            std::fs::read(&path).unwrap()
        };
        for bytes in [b"".as_slice(), b"\xff\xfe", b"PRIVATE+KEY+gw+00+AQ==", &good[..good.len() - 8], b"hello\n"] {
            std::fs::write(&path, bytes).unwrap();
            let error = FileSigner::open_or_create(&path, "gw", [1; 32]).unwrap_err();
            assert!(matches!(error, AuditError::MalformedKey { .. }), "{error}");
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
    }

    #[test]
    fn a_name_that_no_note_can_carry_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["", "a b", "a+b", "a\nb"] {
            let error = FileSigner::open_or_create(&folder.path().join("k"), name, [1; 32]).unwrap_err();
            assert!(matches!(error, AuditError::KeyName { .. }), "{name:?}: {error}");
        }
    }

    #[test]
    fn one_key_signs_under_several_names_which_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trail.key");
        let first = FileSigner::open_or_create(&path, "bursar/a", [1; 32]).unwrap();
        let second = FileSigner::open_or_create(&path, "bursar/b", [1; 32]).unwrap();
        let mut checkpoint = Checkpoint::sign(3, [9; 32], &first);
        assert_eq!(checkpoint.verify(&second.public_key()), Ok(()));
        checkpoint.signatures[0].name = "bursar/b".into();
        assert_eq!(checkpoint.verify(&second.public_key()), Err(CheckpointError::OtherKey));
    }
}
