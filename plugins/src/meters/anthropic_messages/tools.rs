//! Tools that Anthropic runs itself: what bounds them.
//!
//! Such a tool makes the vendor call the model again with what the tool found, several times within one request, and
//! each of these rounds bills its input anew. The loop pauses by itself after ten rounds (Claude API, "Handling stop
//! reasons", `pause_turn`).

use std::borrow::Cow;

use types::Reason;

use crate::json::Value;
use crate::meters::fields::{self, OUTPUT_TOKENS_MAX, unbounded};

/// After so many rounds of server tools the vendor pauses the turn.
const ROUNDS_MAX: u64 = 10;
/// More uses than anybody asks for; ten rounds end the turn long before.
const USES_MAX: u64 = 1_000;
/// What a client tool of Anthropic's own adds to the prompt without standing in the body: 245 tokens for bash, 700 for
/// the text editor, 735 and up to 499 of a system prompt for computer use (Claude API, pages of these tools).
const CLIENT_TOOL_TOKENS: u64 = 2_048;

/// What tools may add to a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tools<'d> {
    /// Rounds beside the first.
    pub(super) rounds: u64,
    /// Something of unknown size comes in from outside.
    pub(super) outside: bool,
    /// Web searches at most.
    pub(super) searches: u64,
    /// Tokens that tools add to the prompt without standing in the body.
    pub(super) hidden_tokens: u64,
    /// Other models that may be asked for advice.
    pub(super) advisors: Vec<Advisor<'d>>,
}

/// A model that may be asked for advice, each time with the whole conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Advisor<'d> {
    /// The model.
    pub(super) model: Cow<'d, str>,
    /// How often at most.
    pub(super) uses: u64,
    /// The output bound of each time; the model's own where there is none.
    pub(super) output: Option<u64>,
}

impl<'d> Tools<'d> {
    /// Reads the tools of a request.
    ///
    /// # Errors
    /// [`Reason::Unbounded`] for a tool whose cost nothing bounds, with what would bound it.
    pub(super) fn read(body: &Value<'d>) -> Result<Self, Reason> {
        let mut tools = Self::default();
        for tool in fields::list(body, "tools")?.iter().flat_map(Value::items) {
            let kind = tool.text_at(&["type"])?.unwrap_or(Cow::Borrowed("custom"));
            tools.add(&kind, &tool)?;
        }
        if fields::list(body, "mcp_servers")?.is_some_and(|servers| servers.items().next().is_some()) {
            tools.look_outside(None);
        }
        tools.rounds = tools.rounds.min(ROUNDS_MAX);
        Ok(tools)
    }

    fn add(&mut self, kind: &str, tool: &Value<'d>) -> Result<(), Reason> {
        const CLIENT: [&str; 4] = ["bash_", "text_editor_", "computer_", "memory_"];
        let is = |prefix: &str| kind.starts_with(prefix);
        if kind == "custom" {
            return Ok(());
        }
        if CLIENT.iter().any(|prefix| is(prefix)) {
            self.hidden_tokens = self.hidden_tokens.saturating_add(CLIENT_TOOL_TOKENS);
            return Ok(());
        }
        if kind == "mcp_toolset" {
            self.look_outside(None);
            return Ok(());
        }
        if is("tool_search_tool_") {
            // Finds only tools that stand in the request.
            self.rounds = ROUNDS_MAX;
            return Ok(());
        }
        if is("web_search_") {
            let uses = uses(kind, tool)?;
            self.searches = self.searches.saturating_add(uses);
            self.look_outside(Some(uses).filter(|_| kind == "web_search_20250305"));
            return Ok(());
        }
        if is("web_fetch_") {
            let uses = fields::whole(tool, "max_uses", 0, USES_MAX)?;
            self.look_outside(uses.filter(|_| kind == "web_fetch_20250910"));
            return Ok(());
        }
        if is("advisor_") {
            let (model, uses) = (fields::model(tool, "model")?, uses(kind, tool)?);
            let output = fields::whole(tool, "max_tokens", 1, OUTPUT_TOKENS_MAX)?;
            self.rounds = self.rounds.saturating_add(uses);
            self.advisors.push(Advisor { model, uses, output });
            return Ok(());
        }
        if is("code_execution_") {
            return Err(unbounded(
                "code execution is billed by container time, which no answer tells; leave the tool out",
            ));
        }
        Err(unbounded(format!("a tool {kind:?} runs at the vendor, and nothing bounds its cost; leave it out")))
    }

    /// A tool that brings something in from outside. The first versions take a round for each use; later ones run code
    /// between, as many rounds as they like.
    fn look_outside(&mut self, rounds: Option<u64>) {
        self.outside = true;
        self.rounds = rounds.map_or(ROUNDS_MAX, |rounds| self.rounds.saturating_add(rounds));
    }
}

fn uses(kind: &str, tool: &Value<'_>) -> Result<u64, Reason> {
    let uses = fields::whole(tool, "max_uses", 0, USES_MAX)?;
    uses.ok_or_else(|| unbounded(format!("the tool {kind:?} may be used without end; give it \"max_uses\"")))
}
