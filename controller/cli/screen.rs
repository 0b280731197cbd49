//! What goes to stdout and stderr, and how it is drawn there. The only place that writes to either.

use super::{Global, Output};
use crate::render::{Paint, safe};
use std::io::{self, IsTerminal, Write};

/// The two streams, and what they can show.
pub struct Screen {
    /// How stdout is drawn.
    pub out: Paint,
    /// How stderr is drawn.
    pub err: Paint,
    /// The form that was asked for.
    pub output: Output,
    /// Whether somebody can be asked.
    pub asks: bool,
}

impl Screen {
    /// Looks at the terminal and the environment.
    pub fn new(global: &Global) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let colour = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let ascii = !["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|v| !v.is_empty())
            .is_none_or(|v| v.to_ascii_lowercase().contains("utf"));
        let width = columns().unwrap_or(80).clamp(40, 120);
        let paint = |terminal: bool| Paint {
            colour: colour && terminal,
            width: if terminal { width } else { 80 },
            ascii: ascii && terminal,
        };
        Self {
            out: paint(out.is_terminal()),
            err: paint(err.is_terminal()),
            output: global.output.unwrap_or(Output::Text),
            asks: io::stdin().is_terminal() && err.is_terminal(),
        }
    }

    /// Writes to stdout: what the command was asked for. A closed pipe is no error.
    pub fn print(&self, text: &str) {
        let _ = write(io::stdout().lock(), text);
    }

    /// Writes data to stdout, with nothing in it that would steer the terminal.
    pub fn json<T: serde::Serialize>(&self, data: &T) {
        self.print(&crate::render::json(data));
    }

    /// Writes to stderr: progress and notes.
    pub fn note(&self, text: &str) {
        let _ = write(io::stderr().lock(), text);
    }

    /// Writes an error and what is behind it to stderr.
    pub fn error(&self, error: &anyhow::Error) {
        let mut text = format!("error: {}", safe::lines(&error.to_string()));
        let mut said = error.to_string();
        for source in error.chain().skip(1) {
            let source = source.to_string();
            if !said.contains(&source) {
                text.push_str(&format!("\n  because: {}", safe::lines(&source)));
            }
            said = source;
        }
        self.note(&text);
    }
}

fn write(mut to: impl Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        to.write_all(b"\n")?;
    }
    to.flush()
}

fn columns() -> Option<usize> {
    let size =
        rustix::termios::tcgetwinsize(io::stdout()).or_else(|_| rustix::termios::tcgetwinsize(io::stderr())).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}
