//! How text is drawn: colours, width and signs as a value. Whether there is a terminal is decided in `cli`.

use super::safe;
use anstyle::{AnsiColor, Style};

/// How text is drawn. Every text says the same without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    /// Whether colours are written.
    pub colour: bool,
    /// The columns of the terminal; nothing but an unbreakable word goes beyond.
    pub width: usize,
    /// Whether only ASCII is written, for terminals that know nothing else.
    pub ascii: bool,
}

impl Default for Paint {
    fn default() -> Self {
        Self::plain(80)
    }
}

/// What a run of text is meant as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// The name of what a block is about.
    Name,
    /// Of less weight: labels, places, counts of what stays.
    Dim,
    /// What comes, or went well.
    Add,
    /// What is changed in place.
    Edit,
    /// What goes.
    Remove,
    /// What waits for a person.
    Held,
    /// What is wrong.
    Bad,
    /// What can be typed.
    Command,
}

impl Tone {
    fn style(self) -> Style {
        let ink = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Self::Plain => Style::new(),
            Self::Name => Style::new().bold(),
            Self::Dim => Style::new().dimmed(),
            Self::Add => ink(AnsiColor::Green),
            Self::Edit => ink(AnsiColor::Yellow),
            Self::Remove => ink(AnsiColor::Red),
            Self::Held => ink(AnsiColor::Magenta).bold(),
            Self::Bad => ink(AnsiColor::Red).bold(),
            Self::Command => ink(AnsiColor::Cyan),
        }
    }
}

impl Paint {
    /// Draws without colour, for files, comments and tests.
    pub fn plain(width: usize) -> Self {
        Self { colour: false, width, ascii: false }
    }
    /// Writes one run of text.
    pub(crate) fn run(&self, tone: Tone, text: &str) -> String {
        // An unbreakable space holds words together only until they stand on their line.
        let text = text.replace('\u{a0}', " ");
        if !self.colour || tone == Tone::Plain || text.is_empty() {
            return text;
        }
        let style = tone.style();
        format!("{}{text}{}", style.render(), style.render_reset())
    }
    /// Makes text from outside harmless and, where asked, ASCII.
    pub(crate) fn clean(&self, text: &str) -> String {
        let text = safe::line(text);
        if self.ascii { safe::ascii(&text) } else { text }
    }
    /// Chooses between a sign and its ASCII stand-in.
    pub(crate) fn sign(&self, sign: &'static str, ascii: &'static str) -> &'static str {
        if self.ascii { ascii } else { sign }
    }
    pub(crate) fn arrow(&self) -> &'static str {
        self.sign("→", "->")
    }
    pub(crate) fn dot(&self) -> &'static str {
        self.sign("·", "-")
    }
    pub(crate) fn more(&self) -> &'static str {
        self.sign("…", "...")
    }
}
