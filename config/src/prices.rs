//! The prices that ship, built into the program.

macro_rules! shipped {
    ($($vendor:literal),* $(,)?) => {
        /// Every file of `prices/`, by name.
        pub(crate) const SHIPPED: &[(&str, &[u8])] =
            &[$((concat!($vendor, ".json"), include_bytes!(concat!("../prices/", $vendor, ".json")))),*];
    };
}

shipped!(
    "anthropic",
    "cerebras",
    "deepinfra",
    "deepseek",
    "fireworks",
    "groq",
    "mistral",
    "moonshot",
    "openai",
    "openrouter",
    "perplexity",
    "together",
    "xai",
    "zai",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_price_file_is_built_in_and_named_after_its_vendor() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("prices");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".json"))
            .collect();
        names.sort();
        assert_eq!(names, SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
        for (name, bytes) in SHIPPED {
            let file: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            assert_eq!(format!("{}.json", file["provider"].as_str().unwrap()), *name);
        }
    }
}
