//! The Merkle tree over the lines of a trail: SHA-256 with the leaf and node prefixes of RFC 6962 §2.1, so that any
//! transparency-log tool can check what we sign.

mod nodes;
mod proof;

pub use nodes::Nodes;
pub use proof::{ProofError, verify_consistency, verify_inclusion};

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The hash of a leaf: `SHA-256(0x00 ‖ line)`; the line without its LF.
#[must_use]
pub fn leaf_hash(line: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(line).finalize().into()
}

/// The hash of an inner node: `SHA-256(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of a tree without leaves: the hash of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// A growing tree that keeps only its right edge: the roots of the complete subtrees that the leaves so far make up,
/// largest first, one for each bit of the size. Adding a leaf costs about one hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    edge: Vec<Hash>,
}

impl Tree {
    /// A tree without leaves.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, edge: Vec::new() }
    }

    /// A tree of `size` leaves with this right edge, or `None` where the number of hashes does not fit the size.
    #[must_use]
    pub fn from_edge(size: u64, edge: Vec<Hash>) -> Option<Self> {
        (usize::try_from(size.count_ones()).ok()? == edge.len()).then_some(Self { size, edge })
    }

    /// How many leaves it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    #[must_use]
    pub fn edge(&self) -> &[Hash] {
        &self.edge
    }

    /// Adds a leaf hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_with(leaf, |_, _, _| ());
    }

    /// Adds a leaf hash and shows every subtree that becomes complete by it, the leaf itself first: its level (0 for
    /// leaves), its index on that level, its hash.
    pub(crate) fn push_with(&mut self, leaf: Hash, mut completed: impl FnMut(u32, u64, &Hash)) {
        let mut node = leaf;
        let mut level = 0;
        let mut index = self.size;
        completed(level, index, &node);
        while index & 1 == 1
            && let Some(left) = self.edge.pop()
        {
            node = node_hash(&left, &node);
            level += 1;
            index >>= 1;
            completed(level, index, &node);
        }
        self.edge.push(node);
        self.size += 1;
    }

    /// The root hash of the leaves so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.edge.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }
}
