//! What a request asks for, as far as money hangs on it.

use std::borrow::Cow;

use types::Reason;

use super::tools::Tools;
use crate::json::{Document, Kind, Value};
use crate::meters::fields::{self, OUTPUT_TOKENS_MAX, unbounded, wrong};

/// The fields that are read; a key that looks like one of them but is spelt otherwise is refused.
const KNOWN: [&str; 13] = [
    "cache_control",
    "context_management",
    "fallbacks",
    "inference_geo",
    "max_tokens",
    "mcp_servers",
    "messages",
    "model",
    "speed",
    "stream",
    "system",
    "thinking",
    "tools",
];

/// How deep content may stand inside content: a tool result in a message, a document in a tool result.
const CONTENT_DEPTH_MAX: u32 = 4;

/// What stands in the content beside text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// Images.
    pub(super) images: u64,
    /// Bytes of those that stand in the body itself.
    pub(super) image_bytes: u64,
    /// Something whose size the body does not tell: files, URLs, PDF documents, blocks of unknown type.
    pub(super) elsewhere: bool,
    /// Something is to be cached.
    pub(super) cache: bool,
    /// Something is to be cached for an hour.
    pub(super) cache_1h: bool,
}

/// A request, as far as money hangs on it.
#[derive(Clone, Debug)]
pub(super) struct Request<'d> {
    /// The model.
    pub(super) model: Cow<'d, str>,
    /// Models that take over where the first one declines.
    pub(super) fallbacks: Vec<Cow<'d, str>>,
    /// The bound on the output that the client named.
    pub(super) max_tokens: u64,
    /// The budget for thinking: a part of the output, and never above its bound.
    pub(super) thinking: u64,
    /// Thinking that comes on top of the bound.
    pub(super) thinking_beside: u64,
    /// Whether it asks for a stream.
    pub(super) streaming: bool,
    /// It asks for the dearer, faster service.
    pub(super) fast: bool,
    /// It may be served in the United States only: where it does not say, the workspace decides.
    pub(super) us: bool,
    /// The context may be summed up first, by a run of its own.
    pub(super) compacts: bool,
    /// What stands in the content beside text.
    pub(super) content: Content,
    /// What tools may add.
    pub(super) tools: Tools<'d>,
}

impl<'d> Request<'d> {
    /// Reads a request strictly.
    ///
    /// # Errors
    /// [`Reason::AmbiguousBody`] with the place of a field that is wrong or missing, [`Reason::Unbounded`] for what
    /// nothing bounds.
    pub(super) fn read(document: &'d Document<'d>) -> Result<Self, Reason> {
        let body = document.root();
        fields::unambiguous(&body, &KNOWN)?;
        let Some(max_tokens) = fields::whole(&body, "max_tokens", 0, OUTPUT_TOKENS_MAX)? else {
            return Err(wrong(body.span().start, "the field \"max_tokens\" is required"));
        };
        let thinking = match body.field("thinking") {
            Some(thinking) => fields::whole(&thinking, "budget_tokens", 0, OUTPUT_TOKENS_MAX)?.unwrap_or_default(),
            None => 0,
        };
        let compaction = body.at(&["context_management", "edits"]);
        Ok(Self {
            model: fields::model(&body, "model")?,
            fallbacks: fallbacks(&body)?,
            max_tokens,
            thinking,
            // Interleaved with tools, the budget may exceed the bound; then it is that of all the thinking in the turn.
            thinking_beside: if thinking >= max_tokens { thinking } else { 0 },
            streaming: body.boolean_at(&["stream"])?.unwrap_or(false),
            fast: body.text_at(&["speed"])?.is_some_and(|speed| speed != "standard"),
            us: body.text_at(&["inference_geo"])?.as_deref() != Some("global"),
            compacts: compaction.iter().flat_map(Value::items).any(|edit| is_compaction(&edit)),
            content: content(&body)?,
            tools: Tools::read(&body)?,
        })
    }
}

fn is_compaction(edit: &Value<'_>) -> bool {
    let kind = edit.field("type").and_then(|kind| kind.text());
    kind.is_some_and(|kind| kind.starts_with("compact"))
}

/// The models of `fallbacks`. Which one `"default"` means is the vendor's choice, and other settings of a fallback
/// would need a bound of their own.
fn fallbacks<'d>(body: &Value<'d>) -> Result<Vec<Cow<'d, str>>, Reason> {
    let Some(field) = body.field("fallbacks").filter(|field| !field.is_null()) else { return Ok(Vec::new()) };
    if field.kind() != Kind::Array {
        return Err(unbounded("\"fallbacks\" leaves the choice of model to the vendor; name the models"));
    }
    let read = |fallback: Value<'d>| {
        if fallback.fields().any(|own| own.name() != "model") {
            return Err(unbounded("a fallback with settings of its own; name its model only"));
        }
        fields::model(&fallback, "model")
    };
    field.items().map(read).collect()
}

fn content(body: &Value<'_>) -> Result<Content, Reason> {
    let mut content = Content::default();
    content.mark(body);
    for tool in fields::list(body, "tools")?.iter().flat_map(Value::items) {
        content.mark(&tool);
    }
    content.add(body.field("system"), 0);
    for message in fields::list(body, "messages")?.iter().flat_map(Value::items) {
        content.add(message.field("content"), 0);
    }
    Ok(content)
}

impl Content {
    /// Notes that an object, or the whole request, is to be cached.
    fn mark(&mut self, object: &Value<'_>) {
        if let Some(cache) = object.field("cache_control").filter(|cache| !cache.is_null()) {
            self.cache = true;
            self.cache_1h |= cache.field("ttl").and_then(|ttl| ttl.text()).as_deref() == Some("1h");
        }
    }

    fn add(&mut self, content: Option<Value<'_>>, depth: u32) {
        // Content is a text or a list; whatever else it may be, its size is not known.
        self.elsewhere |= content.is_some_and(|content| content.kind() == Kind::Object);
        for block in content.iter().flat_map(Value::items) {
            self.mark(&block);
            self.add_block(&block, depth);
        }
    }

    fn add_block(&mut self, block: &Value<'_>, depth: u32) {
        let kind = block.field("type").and_then(|kind| kind.text()).unwrap_or_default();
        match &*kind {
            "text" | "thinking" | "redacted_thinking" | "tool_use" | "server_tool_use" | "mcp_tool_use" => {}
            "search_result" | "compaction" | "fallback" | "tool_reference" => {}
            "image" => self.add_image(block),
            "document" => self.add_document(block, depth),
            "tool_result" | "mcp_tool_result" if depth < CONTENT_DEPTH_MAX => {
                self.add(block.field("content"), depth + 1)
            }
            // What server tools found earlier stands in the body, sealed; it is longer than what it holds.
            _ if kind.ends_with("_tool_result") => {}
            _ => self.elsewhere = true,
        }
    }

    fn add_image(&mut self, block: &Value<'_>) {
        self.images = self.images.saturating_add(1);
        let data = block.at(&["source", "data"]).map_or(0, |data| data.span().len());
        self.image_bytes = self.image_bytes.saturating_add(u64::try_from(data).unwrap_or_default());
    }

    /// Documents of text are text; a PDF is billed by its pages, which its bytes do not bound.
    fn add_document(&mut self, block: &Value<'_>, depth: u32) {
        let kind = block.at(&["source", "type"]).and_then(|kind| kind.text());
        match kind.as_deref() {
            Some("text") => {}
            Some("content") if depth < CONTENT_DEPTH_MAX => self.add(block.at(&["source", "content"]), depth + 1),
            _ => self.elsewhere = true,
        }
    }
}
