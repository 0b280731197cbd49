//! Words and what ends them, by the rules of nginx's `ngx_conf_read_token`. Owns quotes, escapes, comments, positions.

use super::NotNginx;
use std::iter::Peekable;
use std::str::Chars;

/// What ended a run of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A semicolon.
    Semicolon,
    /// An opening brace.
    Open,
    /// A closing brace; it stands where a word would begin.
    Close,
    /// The end of the text.
    End,
}

/// A text and how far it has been read.
pub(super) struct Lexer<'a> {
    chars: Peekable<Chars<'a>>,
    /// Where the character read last stands.
    line: u32,
    column: u32,
    newline: bool,
    pub comments: usize,
}

/// Where in a word the lexer is.
enum Inside {
    /// Between words.
    Space,
    /// After a closing quote: something must end the word.
    Closed,
    /// In a word without quotes.
    Plain,
    /// In a word that began with this quote.
    Quoted(char),
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { chars: text.chars().peekable(), line: 1, column: 0, newline: false, comments: 0 }
    }

    /// An error where the lexer is now.
    pub fn wrong(&self, what: String) -> NotNginx {
        NotNginx { line: self.line, column: self.column.max(1), what }
    }

    fn advance(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if self.newline {
            self.line = self.line.saturating_add(1);
            self.column = 0;
        }
        self.newline = c == '\n';
        self.column = self.column.saturating_add(1);
        Some(c)
    }

    fn comment(&mut self) {
        self.comments += 1;
        while self.chars.peek().is_some_and(|c| *c != '\n') {
            self.advance();
        }
    }

    /// The next words with what ended them.
    pub fn next(&mut self) -> Result<(Token, Vec<String>), NotNginx> {
        let mut words = Vec::new();
        let mut word = String::new();
        let mut inside = Inside::Space;
        // The character before was a `$`: then a brace belongs to the name of a variable.
        let mut variable = false;
        while let Some(c) = self.advance() {
            if let Inside::Closed = inside {
                match c {
                    ' ' | '\t' | '\r' | '\n' => {
                        inside = Inside::Space;
                        continue;
                    }
                    ';' => return Ok((Token::Semicolon, words)),
                    '{' => return Ok((Token::Open, words)),
                    // `if ("$a" = "b")`: the bracket is a word of its own.
                    ')' => inside = Inside::Space,
                    c => return Err(self.wrong(format!("unexpected \"{c}\" after a quoted word"))),
                }
            }
            if let Inside::Space = inside {
                inside = match c {
                    ' ' | '\t' | '\r' | '\n' => Inside::Space,
                    ';' => return Ok((Token::Semicolon, words)),
                    '{' => return Ok((Token::Open, words)),
                    '}' => return Ok((Token::Close, words)),
                    '#' => {
                        self.comment();
                        Inside::Space
                    }
                    '"' | '\'' => Inside::Quoted(c),
                    c => {
                        variable = c == '$';
                        self.take(c, &mut word)?;
                        Inside::Plain
                    }
                };
                continue;
            }
            if c == '{' && variable {
                word.push(c);
                continue;
            }
            variable = c == '$';
            match inside {
                Inside::Quoted(quote) if c == quote => {
                    words.push(unescape(&std::mem::take(&mut word)));
                    inside = Inside::Closed;
                }
                Inside::Plain if matches!(c, ' ' | '\t' | '\r' | '\n' | ';' | '{') => {
                    words.push(unescape(&std::mem::take(&mut word)));
                    match c {
                        ';' => return Ok((Token::Semicolon, words)),
                        '{' => return Ok((Token::Open, words)),
                        _ => inside = Inside::Space,
                    }
                }
                _ => self.take(c, &mut word)?,
            }
        }
        match inside {
            Inside::Space | Inside::Closed => Ok((Token::End, words)),
            Inside::Plain => Err(self.wrong("unexpected end of file, expecting \";\" or \"}\"".to_owned())),
            Inside::Quoted(quote) => {
                Err(self.wrong(format!("unexpected end of file in a word in {quote}quotes{quote}")))
            }
        }
    }

    /// Takes one character into a word, with the one that a backslash protects.
    fn take(&mut self, c: char, word: &mut String) -> Result<(), NotNginx> {
        if c == '\0' {
            return Err(self.wrong("a zero byte".to_owned()));
        }
        word.push(c);
        if c == '\\' {
            word.extend(self.advance());
        }
        Ok(())
    }
}

/// Resolves the escapes that nginx resolves; a backslash before anything else stays, as regular expressions need it.
fn unescape(raw: &str) -> String {
    let mut word = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = match (c, chars.peek()) {
            ('\\', Some(next @ ('"' | '\'' | '\\'))) => Some(*next),
            ('\\', Some('t')) => Some('\t'),
            ('\\', Some('r')) => Some('\r'),
            ('\\', Some('n')) => Some('\n'),
            _ => None,
        };
        match escaped {
            Some(escaped) => {
                word.push(escaped);
                chars.next();
            }
            None => word.push(c),
        }
    }
    word
}
