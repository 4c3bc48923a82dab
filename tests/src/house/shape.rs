//! The shape of Rust code: how long files and functions are and how deep control flow nests.

use syn::visit::{self, Visit};

/// Most lines of a file.
pub const FILE_LINES_MAX: usize = 400;
/// Most lines of a function, from its signature to its closing brace.
pub const FUNCTION_LINES_MAX: usize = 70;
/// Most levels of control flow; the function's own body is the first.
pub const NESTING_MAX: usize = 4;

/// Something that is larger than the house allows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Excess {
    /// The file, below the root.
    pub path: String,
    /// `file`, `function` or `nesting`.
    pub kind: &'static str,
    /// The function; `-` for a file.
    pub name: String,
    /// How many lines or levels.
    pub size: usize,
}

/// Everything in one Rust file that is larger than the house allows.
///
/// # Errors
/// The file is not Rust.
pub fn excesses(path: &str, text: &str) -> syn::Result<Vec<Excess>> {
    let mut walk = Walk { path, scope: Vec::new(), depth: 0, deepest: 0, found: Vec::new() };
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        walk.found.push(Excess { path: path.to_owned(), kind: "file", name: "-".to_owned(), size: lines });
    }
    walk.visit_file(&syn::parse_file(text)?);
    walk.found.sort();
    Ok(walk.found)
}

struct Walk<'a> {
    path: &'a str,
    scope: Vec<String>,
    depth: usize,
    deepest: usize,
    found: Vec<Excess>,
}

impl Walk<'_> {
    fn function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let (depth, deepest) = (std::mem::replace(&mut self.depth, 1), std::mem::replace(&mut self.deepest, 1));
        self.scope.push(signature.ident.to_string());
        visit::visit_block(self, body);
        let name = self.scope.join("::");
        let lines = 1 + body.brace_token.span.close().end().line - signature.fn_token.span.start().line;
        for (kind, size, most) in [("function", lines, FUNCTION_LINES_MAX), ("nesting", self.deepest, NESTING_MAX)] {
            if size > most {
                self.found.push(Excess { path: self.path.to_owned(), kind, name: name.clone(), size });
            }
        }
        self.scope.pop();
        (self.depth, self.deepest) = (depth, deepest);
    }

    fn deeper(&mut self, inside: impl FnOnce(&mut Self)) {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        inside(self);
        self.depth -= 1;
    }

    fn named(&mut self, name: String, inside: impl FnOnce(&mut Self)) {
        self.scope.push(name);
        inside(self);
        self.scope.pop();
    }
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.sig, body);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.named(item.ident.to_string(), |walk| visit::visit_item_mod(walk, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let name = match &*item.self_ty {
            syn::Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        };
        self.named(name.unwrap_or_else(|| "impl".to_owned()), |walk| visit::visit_item_impl(walk, item));
    }

    fn visit_expr_if(&mut self, expression: &'ast syn::ExprIf) {
        self.visit_expr(&expression.cond);
        self.deeper(|walk| walk.visit_block(&expression.then_branch));
        // `else if` is the next rung of the same ladder, not a level deeper.
        match expression.else_branch.as_ref().map(|(_, branch)| &**branch) {
            Some(syn::Expr::If(next)) => self.visit_expr_if(next),
            Some(other) => self.deeper(|walk| walk.visit_expr(other)),
            None => {}
        }
    }

    fn visit_expr_block(&mut self, expression: &'ast syn::ExprBlock) {
        visit::visit_expr_block(self, expression);
    }

    fn visit_expr_match(&mut self, expression: &'ast syn::ExprMatch) {
        self.visit_expr(&expression.expr);
        self.deeper(|walk| expression.arms.iter().for_each(|arm| walk.visit_arm(arm)));
    }

    fn visit_expr_for_loop(&mut self, expression: &'ast syn::ExprForLoop) {
        self.visit_expr(&expression.expr);
        self.deeper(|walk| walk.visit_block(&expression.body));
    }

    fn visit_expr_while(&mut self, expression: &'ast syn::ExprWhile) {
        self.visit_expr(&expression.cond);
        self.deeper(|walk| walk.visit_block(&expression.body));
    }

    fn visit_expr_loop(&mut self, expression: &'ast syn::ExprLoop) {
        self.deeper(|walk| walk.visit_block(&expression.body));
    }

    fn visit_expr_closure(&mut self, expression: &'ast syn::ExprClosure) {
        match &*expression.body {
            syn::Expr::Block(block) => self.deeper(|walk| walk.visit_block(&block.block)),
            body => self.visit_expr(body),
        }
    }

    fn visit_expr_async(&mut self, expression: &'ast syn::ExprAsync) {
        self.deeper(|walk| walk.visit_block(&expression.block));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(text: &str) -> Vec<(&'static str, String, usize)> {
        let found = excesses("a.rs", text).unwrap();
        found.into_iter().map(|excess| (excess.kind, excess.name, excess.size)).collect()
    }

    #[test]
    fn a_function_of_seventy_lines_is_fine_and_one_more_is_not() {
        let function = |lines: usize| format!("fn long() {{\n{}}}\n", "    call();\n".repeat(lines - 2));
        assert!(sizes(&function(70)).is_empty());
        assert_eq!(sizes(&function(71)), [("function", "long".to_owned(), 71)]);
    }

    #[test]
    fn a_file_of_four_hundred_lines_is_fine_and_one_more_is_not() {
        assert!(sizes(&"// a comment\n".repeat(400)).is_empty());
        assert_eq!(sizes(&"// a comment\n".repeat(401)), [("file", "-".to_owned(), 401)]);
    }

    #[test]
    fn nesting_counts_control_flow_and_not_ladders_or_literals() {
        let fine = "impl A { fn f() { for a in b { if c { match d { E => g(), _ => h(S { x: vec![1] }) } } \
                    else if i { j() } else if k { l() } } } }";
        assert!(sizes(fine).is_empty());
        let deep = "impl A { fn f() { for a in b { if c { match d { E => { while x { y() } } } } } } }";
        assert_eq!(sizes(deep), [("nesting", "A::f".to_owned(), 5)]);
    }

    #[test]
    fn a_function_inside_a_function_counts_by_itself() {
        let inner = "fn f() { if a { if b { if c { fn g() { if d { if e { if f { x() } } } } } } } }";
        assert!(sizes(inner).is_empty());
    }
}
