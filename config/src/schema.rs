//! The published JSON Schema, and the file that `bursar init` writes.

use schemars::schema_for;

use crate::agents_file::key_line;
use crate::keys::KeptKey;
use crate::written::File;

/// The JSON Schema (2020-12) of `bursar.yaml`, for editors: `# yaml-language-server: $schema=...`.
#[must_use]
pub fn schema() -> String {
    let mut text = format!("{:#}", schema_for!(File).as_value());
    text.push('\n');
    text
}

/// What `bursar init` fills in.
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    /// The organisation.
    pub org: &'a str,
    /// The first agent.
    pub agent: &'a str,
    /// Its key.
    pub key: &'a KeptKey,
}

/// A `bursar.yaml` that runs: OpenAI and Anthropic, one agent, five dollars a day.
#[must_use]
pub fn init_template(template: &Template<'_>) -> String {
    let Template { org, agent, key } = template;
    let key = key_line(key);
    format!(
        r#"# Bursar: what each agent may spend, and where. Unknown keys are refused; `bursar config check` tells what is wrong.
# A running gateway reads this file again when it changes, and keeps the old rules where the new ones are wrong.
version: 1
org: "{org}"
# contact: owner@example.com        # whom a refused agent's person may ask
timezone: UTC                       # where days begin, such as Europe/Madrid

listeners:
  proxy: ["127.0.0.1:4000"]         # agents: HTTPS_PROXY, or a base URL such as http://127.0.0.1:4000/openai/v1
  operator: "127.0.0.1:4001"        # you: the page, probes, metrics

agents:
  - name: "{agent}"
    keys:
      - {key}

limits:
  - {{scope: agent, window: day, usd: 5.00}}   # each agent by itself; 0 refuses all

routes:
  # The keys come from the environment, and agents never see them. While one is missing, its route answers 503.
  - preset: openai
    credentials: {{value: "${{env:OPENAI_API_KEY}}"}}
  - preset: anthropic
    credentials: {{value: "${{env:ANTHROPIC_API_KEY}}"}}
"#
    )
}

/// The configuration of `bursar run` where there is none: the vendors that ship are governed with the user's own keys
/// passed through, everything else is tunnelled unread and counted as ungoverned.
#[must_use]
pub fn laptop_template() -> String {
    let mut text = String::from(
        "# Written by `bursar run`, and yours to change: add limits, models, guards. See `bursar config schema`.\n\
         version: 1\n\
         org: laptop\n\
         data: data\n\
         unlisted: tunnel\n\
         listeners:\n  proxy: [\"127.0.0.1:0\"]\n\
         routes:\n",
    );
    for preset in &crate::presets::PRESETS {
        text.push_str(&format!("  - preset: {}\n    credentials: passthrough\n", preset.name));
    }
    text
}
