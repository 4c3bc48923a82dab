//! Proofs out of a stream of leaves: only the nodes that the proofs need are kept.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::{Hash, Tree, node_hash};

/// Collects, while all leaves of a tree pass by, the nodes that proofs about a few of them need: memory grows with the
/// number of wanted leaves, not with the tree.
#[derive(Clone, Debug)]
pub struct Nodes {
    wanted: RangeInclusive<u64>,
    tree: Tree,
    kept: HashMap<(u32, u64), Hash>,
}

impl Nodes {
    /// Will prove things about the leaves of this range; indices from 0.
    #[must_use]
    pub fn about(wanted: RangeInclusive<u64>) -> Self {
        Self { wanted, tree: Tree::new(), kept: HashMap::new() }
    }

    /// Takes the next leaf hash.
    pub fn push(&mut self, leaf: Hash) {
        let (wanted, kept) = (&self.wanted, &mut self.kept);
        self.tree.push_with(leaf, |level, index, hash| {
            // A proof names siblings on the way from a leaf to the root: the children of what covers a wanted leaf.
            let parent = u128::from(index >> 1);
            let (begin, end) = (parent << (level + 1), (parent + 1) << (level + 1));
            if u128::from(*wanted.start()) < end && begin <= u128::from(*wanted.end()) {
                kept.insert((level, index), *hash);
            }
        });
    }

    /// The tree of all leaves so far.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The inclusion proof of the leaf `index` in the tree so far (`PATH` of RFC 6962 §2.1.1), leaf side first; `None`
    /// for a leaf that was not wanted or has not passed by.
    #[must_use]
    pub fn inclusion(&self, index: u64) -> Option<Vec<Hash>> {
        if index >= self.tree.size() {
            return None;
        }
        let mut proof = Vec::new();
        let (mut begin, mut end) = (0, self.tree.size());
        while end - begin > 1 {
            let middle = begin + split(end - begin);
            if index < middle {
                proof.push(self.subtree(middle, end)?);
                end = middle;
            } else {
                proof.push(self.subtree(begin, middle)?);
                begin = middle;
            }
        }
        proof.reverse();
        Some(proof)
    }

    /// The consistency proof from the first `old_size` leaves to the tree so far (`PROOF` of RFC 6962 §2.1.2); leaf
    /// `old_size - 1` must have been wanted. `None` for an old size of 0, or above the size.
    #[must_use]
    pub fn consistency(&self, old_size: u64) -> Option<Vec<Hash>> {
        if old_size == 0 || old_size > self.tree.size() {
            return None;
        }
        let mut proof = Vec::new();
        let (mut begin, mut end) = (0, self.tree.size());
        while old_size != end {
            let middle = begin + split(end - begin);
            if old_size <= middle {
                proof.push(self.subtree(middle, end)?);
                end = middle;
            } else {
                proof.push(self.subtree(begin, middle)?);
                begin = middle;
            }
        }
        // What begins at 0 is the old tree itself: its root is known to whoever asks.
        if begin > 0 {
            proof.push(self.subtree(begin, end)?);
        }
        proof.reverse();
        Some(proof)
    }

    /// The root over the leaves `begin..end`, a subtree that RFC 6962 splits off somewhere.
    fn subtree(&self, begin: u64, end: u64) -> Option<Hash> {
        let length = end.checked_sub(begin).filter(|length| *length > 0)?;
        if length.is_power_of_two() {
            return self.complete(length.trailing_zeros(), begin >> length.trailing_zeros());
        }
        let middle = begin + split(length);
        Some(node_hash(&self.subtree(begin, middle)?, &self.subtree(middle, end)?))
    }

    fn complete(&self, level: u32, index: u64) -> Option<Hash> {
        if let Some(hash) = self.kept.get(&(level, index)) {
            return Some(*hash);
        }
        // Not kept, but on the right edge of the whole tree: there stands one subtree for each bit of the size.
        let above = self.tree.size().checked_shr(level + 1).unwrap_or(0);
        let is_on_edge = index == above << 1 && (self.tree.size() >> level) & 1 == 1;
        let place = usize::try_from(above.count_ones()).ok()?;
        self.tree.edge().get(place).filter(|_| is_on_edge).copied()
    }
}

/// The largest power of two below `length` (which is at least 2).
const fn split(length: u64) -> u64 {
    1 << (u64::BITS - 1 - (length - 1).leading_zeros())
}
