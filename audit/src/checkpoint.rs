//! Checkpoints: the size and root of the tree, signed. A C2SP tlog-checkpoint (<https://c2sp.org/tlog-checkpoint>) in a
//! C2SP signed note (<https://c2sp.org/signed-note>), which any transparency-log tool reads.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::error::AuditError;
use crate::merkle::Hash;
use crate::signer::Signer;

/// No checkpoint is longer.
pub(crate) const CHECKPOINT_BYTES_MAX: usize = 16 << 10;
/// The signature type of Ed25519 (signed-note, "Signature types").
const ED25519: u8 = 1;
const SIGNATURE_OPENING: &str = "\u{2014} ";

/// Why a checkpoint cannot be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It is no signed note with origin, size and root.
    Malformed,
    /// None of its signatures was made with this key.
    OtherKey,
    /// The signature is wrong: size, root or origin were altered.
    BadSignature,
    /// The bytes are no Ed25519 public key.
    BadKey,
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it is no signed note with origin, size and root",
            Self::OtherKey => "it is not signed with this key",
            Self::BadSignature => "its signature does not fit its text",
            Self::BadKey => "the key is no Ed25519 public key of the form `name+id+key`",
        })
    }
}

impl std::error::Error for CheckpointError {}

/// One signature line of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// The first four bytes of SHA-256(name ‖ LF ‖ type ‖ public key).
    pub key_id: [u8; 4],
    /// The signature itself.
    pub bytes: Vec<u8>,
}

/// The signed state of a trail: its first `size` entries have this root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: the name of the gateway's key.
    pub origin: String,
    /// How many entries it covers: the sequence number of the last one.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
    /// Further lines of the signed text. We write none, and keep those of others.
    pub extensions: Vec<String>,
    /// Its signatures: ours, and any that witnesses added.
    pub signatures: Vec<NoteSignature>,
}

impl Checkpoint {
    /// Reads a note. Its signatures are not checked; that is for [`Checkpoint::verify`].
    ///
    /// # Errors
    /// [`AuditError::Checkpoint`].
    pub fn parse(note: &str) -> Result<Self, AuditError> {
        note.parse().map_err(AuditError::Checkpoint)
    }

    /// Signs a state.
    #[must_use]
    pub fn sign(size: u64, root: Hash, signer: &dyn Signer) -> Self {
        let name = signer.name().to_owned();
        let key_id = key_id(&name, &signer.public_key());
        let mut checkpoint = Self { origin: name.clone(), size, root, extensions: Vec::new(), signatures: Vec::new() };
        let bytes = signer.sign(checkpoint.text().as_bytes()).to_vec();
        checkpoint.signatures.push(NoteSignature { name, key_id, bytes });
        checkpoint
    }

    /// The signed text: origin, size and root on a line each.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root));
        for extension in &self.extensions {
            text.push_str(extension);
            text.push('\n');
        }
        text
    }

    /// Checks that it was signed with this key. Signatures of other keys are passed over, as signed-note says.
    ///
    /// # Errors
    /// [`CheckpointError`], all but `Malformed`.
    pub fn verify(&self, public_key: &[u8; 32]) -> Result<(), CheckpointError> {
        let key = VerifyingKey::from_bytes(public_key).map_err(|_| CheckpointError::BadKey)?;
        let ours = self.signatures.iter().find(|signature| signature.key_id == key_id(&signature.name, public_key));
        let ours = ours.ok_or(CheckpointError::OtherKey)?;
        let signature = Signature::from_slice(&ours.bytes).map_err(|_| CheckpointError::BadSignature)?;
        key.verify_strict(self.text().as_bytes(), &signature).map_err(|_| CheckpointError::BadSignature)
    }
}

impl fmt::Display for Checkpoint {
    /// The note as it stands in files.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text())?;
        for signature in &self.signatures {
            let bytes = [&signature.key_id, signature.bytes.as_slice()].concat();
            writeln!(f, "{SIGNATURE_OPENING}{} {}", signature.name, STANDARD.encode(bytes))?;
        }
        Ok(())
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(note: &str) -> Result<Self, CheckpointError> {
        parse(note).ok_or(CheckpointError::Malformed)
    }
}

fn parse(note: &str) -> Option<Checkpoint> {
    // "rsplit": the signatures stand after the last empty line.
    let (text, signatures) = note.rsplit_once("\n\n").filter(|_| note.len() <= CHECKPOINT_BYTES_MAX)?;
    let is_clean = |byte: u8| byte >= 0x20 || byte == b'\n';
    let mut lines = text.split('\n').filter(|_| note.bytes().all(is_clean));
    let origin = lines.next().filter(|origin| !origin.is_empty())?.to_owned();
    let size = lines.next().filter(|size| !size.starts_with('+') && (*size == "0" || !size.starts_with('0')))?;
    let size = size.parse().ok()?;
    let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
    let extensions: Vec<String> = lines.map(ToOwned::to_owned).collect();
    let signatures = signatures.strip_suffix('\n')?.split('\n').map(parse_signature).collect::<Option<Vec<_>>>()?;
    let is_whole = extensions.iter().all(|line| !line.is_empty());
    is_whole.then_some(Checkpoint { origin, size, root, extensions, signatures })
}

fn parse_signature(line: &str) -> Option<NoteSignature> {
    let (name, bytes) = line.strip_prefix(SIGNATURE_OPENING)?.split_once(' ')?;
    let bytes = STANDARD.decode(bytes).ok()?;
    let (key_id, bytes) = bytes.split_first_chunk::<4>()?;
    is_key_name(name).then(|| NoteSignature { name: name.to_owned(), key_id: *key_id, bytes: bytes.to_vec() })
}

/// Whether a text may name a key: not empty, no white space, no plus (signed-note).
pub(crate) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '+')
}

fn key_id(name: &str, public_key: &[u8; 32]) -> [u8; 4] {
    let hash: Hash =
        Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(public_key).finalize().into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

/// A public key with its name, as others keep it: `name+key id+base64(type ‖ key)`, the C2SP "vkey".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The name of the key.
    pub name: String,
    /// The Ed25519 public key.
    pub bytes: [u8; 32],
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(key_id(&self.name, &self.bytes));
        let key = [&[ED25519], self.bytes.as_slice()].concat();
        write!(f, "{}+{id:08x}+{}", self.name, STANDARD.encode(key))
    }
}

impl FromStr for PublicKey {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let key = parse_public_key(text.trim_end()).ok_or(CheckpointError::BadKey)?;
        VerifyingKey::from_bytes(&key.bytes).map_err(|_| CheckpointError::BadKey)?;
        // The id is checked by printing it again.
        if key.to_string() == text.trim_end() { Ok(key) } else { Err(CheckpointError::BadKey) }
    }
}

/// Reads a public key as `trail.pub` holds it, and leaves its name out.
///
/// # Errors
/// [`AuditError::Checkpoint`].
pub fn parse_key(text: &str) -> Result<[u8; 32], AuditError> {
    let key: PublicKey = text.parse().map_err(AuditError::Checkpoint)?;
    Ok(key.bytes)
}

fn parse_public_key(text: &str) -> Option<PublicKey> {
    let (name, rest) = text.split_once('+').filter(|(name, _)| is_key_name(name))?;
    let (_, key) = rest.split_once('+')?;
    let key = STANDARD.decode(key).ok()?;
    let bytes = key.strip_prefix(&[ED25519])?.try_into().ok()?;
    Some(PublicKey { name: name.to_owned(), bytes })
}
