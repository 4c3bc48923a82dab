//! Our certificate authority: leaves on demand, trust bundles.
