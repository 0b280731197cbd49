//! Makes text from outside harmless: for terminals, for Markdown, for tables. Owns every escape; nothing else may write
//! a name, a value or a message that somebody else chose.

/// Shows what would steer a terminal or hide from a reader: control characters, escapes, direction marks, invisible letters.
/// The result is one line.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_shown(&mut out, c);
    }
    out
}

/// The same, line by line: line ends stay.
pub fn lines(text: &str) -> String {
    text.split('\n').map(|l| line(l.strip_suffix('\r').unwrap_or(l))).collect::<Vec<_>>().join("\n")
}

pub(crate) fn push_shown(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if hides(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        c => out.push(c),
    }
}

/// Says whether a character turns the direction of text around, breaks lines unseen, or has no width.
pub(crate) fn hides(c: char) -> bool {
    matches!(u32::from(c),
        0xAD | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180E | 0x3164 | 0xFEFF | 0xFFA0
        | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFFF0..=0xFFFB | 0xE0000..=0xE0FFF)
}

/// Replaces what has no place in ASCII: signs by their stand-ins, letters by their code.
pub(crate) fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() => out.push(c),
            '\u{a0}' => out.push(c),
            '→' => out.push_str("->"),
            '–' | '—' | '·' => out.push('-'),
            '…' => out.push_str("..."),
            '‘' | '’' => out.push('\''),
            '“' | '”' => out.push('"'),
            c => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        }
    }
    out
}

/// Writes text into Markdown so that it is read as text: no tags, links, tables, mentions or references come of it.
pub fn markdown(text: &str) -> String {
    let text = line(text);
    let mut out = String::with_capacity(text.len() + 16);
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Mentions and references are found in the text after Markdown, so that an escape does not stop them: a space
            // without width does.
            '@' => out.push_str("@&#8203;"),
            '#' => out.push_str("\\#&#8203;"),
            '-' if matches!(before, 'H' | 'h') && rest.peek().is_some_and(char::is_ascii_digit) => {
                out.push_str("-&#8203;");
            }
            ':' if rest.peek() == Some(&'/') => out.push_str(":&#8203;"),
            '.' if matches!(before, 'w' | 'W') => out.push_str(".&#8203;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// Writes text into HTML, where Markdown's escapes would be read as they stand.
pub fn html(text: &str) -> String {
    let mut out = String::new();
    for c in line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '@' => out.push_str("@&#8203;"),
            '#' => out.push_str("#&#8203;"),
            c => out.push(c),
        }
    }
    out
}

/// Writes text as a code span, outside of tables.
pub fn code(text: &str) -> String {
    let text = line(text);
    if text.is_empty() {
        return "`\"\"`".to_owned();
    }
    let ticks = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.trim() != text { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Writes a value into a table's cell: cut to a length that a reader bears, as code. A bar would end the cell, and an
/// escape before it is read differently inside and outside of code, so that both are written by their number.
pub fn cell(text: &str) -> String {
    let text = super::words::clip(text, 160);
    if !text.contains('|') {
        return code(&text);
    }
    let mut out = String::from("<code>");
    for c in line(&text).chars() {
        match c {
            c if c.is_ascii_alphanumeric() || c == ' ' || !c.is_ascii() => out.push(c),
            c => out.push_str(&format!("&#{};", u32::from(c))),
        }
    }
    out + "</code>"
}

/// Writes lines as a fenced block that nothing inside can close.
pub fn fenced(language: &str, text: &str) -> String {
    let ticks = "`".repeat((longest_run(text) + 1).max(3));
    format!("{ticks}{language}\n{}\n{ticks}\n", text.trim_end_matches('\n'))
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}
