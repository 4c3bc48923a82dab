//! What the house rules are checked with: the files of the project, the shape of its code, its imports, its pages.

pub mod files;
pub mod imports;
pub mod pages;
pub mod ratchet;
pub mod shape;
