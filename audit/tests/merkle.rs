//! The tree and its proofs, against the recursive definition of RFC 6962, and against test data of others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

use std::path::{Path, PathBuf};

use audit::merkle::{
    Hash, Nodes, ProofError, Tree, empty_root, leaf_hash, node_hash, verify_consistency, verify_inclusion,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

/// `MTH` of RFC 6962 §2.1, word by word.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(naive_split(leaves.len()));
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

/// The largest power of two smaller than `n`.
fn naive_split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// `PATH` of RFC 6962 §2.1.1.
fn naive_inclusion(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = naive_split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, other) =
        if m < k { (naive_inclusion(m, left), right) } else { (naive_inclusion(m - k, right), left) };
    proof.push(naive_root(other));
    proof
}

/// `SUBPROOF` of RFC 6962 §2.1.2.
fn naive_consistency(m: usize, leaves: &[Hash], is_whole: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if is_whole { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let k = naive_split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, other) = if m <= k {
        (naive_consistency(m, left, is_whole), right)
    } else {
        (naive_consistency(m - k, right, false), left)
    };
    proof.push(naive_root(other));
    proof
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

fn tree(leaves: &[Hash]) -> Tree {
    let mut tree = Tree::new();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    tree
}

fn nodes(leaves: &[Hash], wanted: std::ops::RangeInclusive<u64>) -> Nodes {
    let mut nodes = Nodes::about(wanted);
    leaves.iter().for_each(|leaf| nodes.push(*leaf));
    nodes
}

#[test]
fn the_hash_of_nothing_and_of_an_empty_leaf_are_those_of_the_rfc() {
    let hex = |hash: Hash| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // What `sha256sum` says of no byte, and of one zero byte.
    assert_eq!(hex(empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(hex(leaf_hash(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assert_eq!(Tree::new().root(), empty_root());
}

#[test]
fn every_proof_of_small_trees_is_that_of_the_definition_and_verifies() {
    for size in 1..=33_usize {
        let leaves = leaves(size);
        let root = naive_root(&leaves);
        assert_eq!(tree(&leaves).root(), root);
        for index in 0..size {
            let at = index as u64;
            let proof = nodes(&leaves, at..=at).inclusion(at).unwrap();
            assert_eq!(proof, naive_inclusion(index, &leaves), "leaf {index} of {size}");
            assert_eq!(verify_inclusion(at, size as u64, &leaves[index], &proof, &root), Ok(()));
        }
        for old in 1..=size {
            let old_root = naive_root(&leaves[..old]);
            let proof = nodes(&leaves, old as u64 - 1..=old as u64 - 1).consistency(old as u64).unwrap();
            assert_eq!(proof, naive_consistency(old, &leaves, true), "{old} to {size}");
            assert_eq!(verify_consistency(old as u64, size as u64, &proof, &old_root, &root), Ok(()));
        }
    }
}

#[test]
fn what_cannot_be_proved_has_no_proof() {
    let leaves = leaves(5);
    let nodes = nodes(&leaves, 0..=4);
    assert_eq!((nodes.inclusion(5), nodes.consistency(0), nodes.consistency(6)), (None, None, None));
    assert_eq!(verify_inclusion(5, 5, &leaves[4], &[], &nodes.tree().root()), Err(ProofError::OutOfRange));
    assert_eq!(verify_inclusion(0, 0, &leaves[0], &[], &empty_root()), Err(ProofError::OutOfRange));
    assert_eq!(verify_consistency(0, 5, &[], &empty_root(), &nodes.tree().root()), Err(ProofError::OutOfRange));
    assert_eq!(Tree::from_edge(5, vec![[0; 32]; 3]), None);
    assert_eq!(Tree::from_edge(5, nodes.tree().edge().to_vec()).as_ref(), Some(nodes.tree()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_range_of_a_large_tree_is_proved_out_of_one_stream(size in 1_u64..3_000, a in any::<u64>(), b in any::<u64>()) {
        let leaves = leaves(usize::try_from(size).unwrap());
        let (from, to) = ((a % size).min(b % size), (a % size).max(b % size));
        let nodes = nodes(&leaves, from..=to);
        let root = nodes.tree().root();
        for index in [from, (from + to) / 2, to] {
            let leaf = &leaves[usize::try_from(index).unwrap()];
            let proof = nodes.inclusion(index).unwrap();
            prop_assert_eq!(verify_inclusion(index, size, leaf, &proof, &root), Ok(()));
        }
        let old_root = tree(&leaves[..=usize::try_from(to).unwrap()]).root();
        let proof = nodes.consistency(to + 1).unwrap();
        prop_assert_eq!(verify_consistency(to + 1, size, &proof, &old_root, &root), Ok(()));
    }

    #[test]
    fn a_proof_with_anything_changed_proves_nothing(size in 2_u64..200, a in any::<u64>(), bit in any::<u16>()) {
        let leaves = leaves(usize::try_from(size).unwrap());
        let index = a % size;
        let nodes = nodes(&leaves, index..=index);
        let (root, leaf) = (nodes.tree().root(), leaves[usize::try_from(index).unwrap()]);
        let proof = nodes.inclusion(index).unwrap();
        let mut flipped = proof.clone();
        let at = usize::from(bit) % (proof.len() * 256);
        flipped[at / 256][at % 256 / 8] ^= 1 << (at % 8);
        prop_assert_eq!(verify_inclusion(index, size, &leaf, &flipped, &root), Err(ProofError::Root));
        prop_assert!(verify_inclusion(index, size, &leaf, &proof[1..], &root).is_err());
        let longer = [proof.as_slice(), &[root]].concat();
        prop_assert!(verify_inclusion(index, size, &leaf, &longer, &root).is_err());
        prop_assert!(verify_inclusion((index + 1) % size, size, &leaf, &proof, &root).is_err());
        prop_assert!(verify_inclusion(index, size, &leaf_hash(b"other"), &proof, &root).is_err());
    }
}

/// Test data that is not part of this project: see `BURSAR_CORPUS`.
fn corpus() -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let root = std::env::var_os("BURSAR_CORPUS").map_or_else(default, PathBuf::from);
    let folder = root.join("corpus/merkle");
    if !folder.is_dir() {
        println!("SKIPPED: {} (set BURSAR_CORPUS): corpus not found", folder.display());
        return None;
    }
    Some(folder)
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

/// Hashes of other lengths stand in some files: they cannot even be written in our types. `None` stands for "refused".
fn hash(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

fn verdict(case: &serde_json::Value) -> Option<()> {
    let text = |name: &str| case[name].as_str().unwrap_or_default();
    let number = |name: &str| case[name].as_u64();
    let proof = case["proof"].as_array().cloned().unwrap_or_default();
    let proof: Vec<Hash> = proof.iter().map(|node| hash(node.as_str()?)).collect::<Option<_>>()?;
    if let Some(size) = number("treeSize") {
        let (leaf, root) = (hash(text("leafHash"))?, hash(text("root"))?);
        return verify_inclusion(number("leafIdx")?, size, &leaf, &proof, &root).ok();
    }
    let (old, new) = (hash(text("root1"))?, hash(text("root2"))?);
    verify_consistency(number("size1")?, number("size2")?, &proof, &old, &new).ok()
}

#[test]
fn the_proofs_of_other_implementations_are_judged_as_they_judge_them() {
    let Some(folder) = corpus() else { return };
    let mut files = Vec::new();
    files_below(&folder, &mut files);
    assert_eq!(files.len(), 196);
    // Two equal roots that are no SHA-256 hashes: accepted elsewhere, not expressible here.
    let not_expressible = "sizes-are-equal-one-and-proof-is-empty.json";
    for file in files {
        let case: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let is_refused = verdict(&case).is_none();
        let expected = case["wantErr"].as_bool().unwrap() || file.ends_with(not_expressible);
        assert_eq!(is_refused, expected, "{}", file.display());
    }
}
