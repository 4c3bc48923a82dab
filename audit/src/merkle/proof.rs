//! Checking proofs, as RFC 9162 §2.1.3.2 and §2.1.4.2 say it for the tree of RFC 6962.

use std::fmt;

use super::{Hash, node_hash};

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofError {
    /// No such leaf, or sizes that no proof can link: zero, or shrinking.
    OutOfRange,
    /// The proof has too few or too many hashes for these sizes.
    Length,
    /// The hashes do not lead to the root.
    Root,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfRange => "no proof can exist for these positions and sizes",
            Self::Length => "the proof has the wrong number of hashes",
            Self::Root => "the proof does not lead to the root",
        })
    }
}

impl std::error::Error for ProofError {}

/// Checks that `leaf` is leaf number `index` (from 0) of the tree of `size` leaves with this root.
///
/// # Errors
/// [`ProofError`]: it is not proved.
pub fn verify_inclusion(index: u64, size: u64, leaf: &Hash, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let (mut place, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            // The right edge has no sibling on levels where the subtree is the only one: the proof skips them.
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if hash == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the tree of `new_size` leaves begins with the leaves of the tree of `old_size`.
///
/// # Errors
/// [`ProofError`]: it is not proved. An empty old tree is consistent with everything and proves nothing: refused.
pub fn verify_consistency(
    old_size: u64,
    new_size: u64,
    proof: &[Hash],
    old_root: &Hash,
    new_root: &Hash,
) -> Result<(), ProofError> {
    if old_size == 0 || old_size > new_size {
        return Err(ProofError::OutOfRange);
    }
    if old_size == new_size {
        let is_same = old_root == new_root;
        return if !proof.is_empty() {
            Err(ProofError::Length)
        } else if is_same {
            Ok(())
        } else {
            Err(ProofError::Root)
        };
    }
    // A power of two is a subtree of the new tree: its root needs no place in the proof.
    let (seed, proof) = if old_size.is_power_of_two() {
        (Some(old_root), proof)
    } else {
        (proof.first(), proof.get(1..).unwrap_or(&[]))
    };
    let seed = *seed.ok_or(ProofError::Length)?;
    let (mut place, mut last) = (old_size - 1, new_size - 1);
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (seed, seed);
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if place & 1 == 1 || place == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if old == *old_root && new == *new_root { Ok(()) } else { Err(ProofError::Root) }
}
