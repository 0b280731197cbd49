//! nginx's configuration language: directives, words, blocks. Owns reading it as nginx reads it and writing it back;
//! knows no directive by name.
//!
//! Own work instead of a crate: `nginx-config` refuses directives that it does not know, `nginx-lint-parser` splits
//! words by rules of its own and has no bound on depth. nginx's lexer is small, and only its rules say what a file means.

mod lex;
mod print;

pub use print::print;

use lex::{Lexer, Token};
use serde::{Deserialize, Serialize};

/// So deep may blocks be nested; nginx's own contexts need six.
const DEEPEST: usize = 32;

/// One directive: its name, its arguments as nginx sees them (quotes and escapes resolved), its block where it has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Directive {
    /// The first word.
    pub name: String,
    /// The other words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// What stands between its braces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<Vec<Directive>>,
}

impl Directive {
    /// A directive that ends with a semicolon.
    pub fn simple<S: Into<String>>(name: &str, args: impl IntoIterator<Item = S>) -> Self {
        Self { name: name.to_owned(), args: args.into_iter().map(Into::into).collect(), block: None }
    }
    /// A directive with a block.
    pub fn with_block<S: Into<String>>(name: &str, args: impl IntoIterator<Item = S>, block: Vec<Self>) -> Self {
        Self { block: Some(block), ..Self::simple(name, args) }
    }
    /// Says whether it has this name and these arguments, and no block.
    pub fn says(&self, name: &str, args: &[&str]) -> bool {
        self.block.is_none() && self.name == name && self.args.iter().map(String::as_str).eq(args.iter().copied())
    }
}

/// A whole text, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Its directives.
    pub directives: Vec<Directive>,
    /// How many comments it has: they are no part of what it means, and are lost where it is written anew.
    pub comments: usize,
}

/// Why a text is no nginx configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct NotNginx {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// What is wrong.
    pub what: String,
}

/// Reads a text as nginx would. Includes are directives like any other; no file is opened.
pub fn parse(text: &str) -> Result<Parsed, NotNginx> {
    let mut lexer = Lexer::new(text);
    let mut open: Vec<(Directive, Vec<Directive>)> = Vec::new();
    let mut here: Vec<Directive> = Vec::new();
    loop {
        let (token, words) = lexer.next()?;
        let mut words = words.into_iter();
        let named = words.next().map(|name| Directive { name, args: words.collect(), block: None });
        match (token, named) {
            (Token::Semicolon, Some(directive)) => here.push(directive),
            (Token::Open, Some(directive)) => {
                if directive.name.ends_with("_by_lua_block") {
                    return Err(lexer.wrong(format!("{} holds Lua, which is not read here", directive.name)));
                }
                if open.len() >= DEEPEST {
                    return Err(lexer.wrong(format!("blocks are nested deeper than {DEEPEST}")));
                }
                open.push((directive, std::mem::take(&mut here)));
            }
            (Token::Close, None) => match open.pop() {
                Some((mut directive, around)) => {
                    directive.block = Some(std::mem::replace(&mut here, around));
                    here.push(directive);
                }
                None => return Err(lexer.wrong("unexpected \"}\"".to_owned())),
            },
            (Token::End, None) if open.is_empty() => break,
            (Token::End, None) => return Err(lexer.wrong("unexpected end of file, expecting \"}\"".to_owned())),
            (Token::End, Some(_)) => {
                return Err(lexer.wrong("unexpected end of file, expecting \";\" or \"}\"".to_owned()));
            }
            (Token::Semicolon, None) => return Err(lexer.wrong("unexpected \";\"".to_owned())),
            (Token::Open, None) => return Err(lexer.wrong("unexpected \"{\"".to_owned())),
            (Token::Close, Some(_)) => return Err(lexer.wrong("unexpected \"}\"".to_owned())),
        }
    }
    Ok(Parsed { directives: here, comments: lexer.comments })
}

#[cfg(test)]
mod tests;
