//! Directives as text that nginx reads back as the same directives. Equal directives give equal bytes.

use super::Directive;

/// Writes directives, four spaces a level, an empty line between blocks.
pub fn print(directives: &[Directive]) -> String {
    let mut out = String::new();
    block(directives, 0, &mut out);
    out
}

fn block(directives: &[Directive], depth: usize, out: &mut String) {
    for (i, directive) in directives.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| directives.get(i));
        if before.is_some_and(|before| before.block.is_some() || directive.block.is_some()) {
            out.push('\n');
        }
        indent(depth, out);
        word(&directive.name, out);
        for arg in &directive.args {
            out.push(' ');
            word(arg, out);
        }
        match &directive.block {
            None => out.push_str(";\n"),
            Some(inner) => {
                out.push_str(" {\n");
                block(inner, depth + 1, out);
                indent(depth, out);
                out.push_str("}\n");
            }
        }
    }
}

fn indent(depth: usize, out: &mut String) {
    (0..depth).for_each(|_| out.push_str("    "));
}

/// Writes a word, in quotes where it would not stay itself without.
fn word(text: &str, out: &mut String) {
    if stands_alone(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' if chars.peek().is_none_or(|next| resolved(*next)) => out.push_str("\\\\"),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Whether a backslash before this is resolved away.
fn resolved(next: char) -> bool {
    matches!(next, '"' | '\'' | '\\' | 't' | 'r' | 'n')
}

/// Whether nginx reads a word back as it is, without quotes.
fn stands_alone(text: &str) -> bool {
    if text.is_empty() || text.starts_with(['"', '\'', '#', '}']) {
        return false;
    }
    let mut variable = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '{' if variable => continue,
            ' ' | '\t' | '\r' | '\n' | ';' | '{' => return false,
            '\\' => match chars.next() {
                Some(next) if !resolved(next) && !next.is_whitespace() && !matches!(next, ';' | '{' | '$') => {}
                _ => return false,
            },
            _ => {}
        }
        variable = c == '$';
    }
    true
}
