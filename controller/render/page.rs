//! Lines of toned text, and their flow into a width. Owns wrapping; knows nothing of plans.

use super::paint::{Paint, Tone};
use unicode_width::UnicodeWidthStr;

/// A line of text in runs of one tone each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line(Vec<(Tone, String)>);

impl Line {
    pub fn new() -> Self {
        Self::default()
    }
    pub fn of(tone: Tone, text: impl Into<String>) -> Self {
        Self(vec![(tone, text.into())])
    }
    pub fn put(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.0.push((tone, text.into()));
        self
    }
    pub fn plain(self, text: impl Into<String>) -> Self {
        self.put(Tone::Plain, text)
    }
    pub fn join(mut self, other: Line) -> Self {
        self.0.extend(other.0);
        self
    }
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, text)| text.is_empty())
    }
    pub fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| text.width()).sum()
    }
    fn pad_to(self, column: usize) -> Self {
        let gap = column.saturating_sub(self.width());
        self.plain(" ".repeat(gap))
    }
    /// Splits at spaces; runs that touch without a space stay one word.
    fn words(self) -> Vec<Line> {
        let mut words = vec![Line::new()];
        for (tone, text) in self.0 {
            for (i, piece) in text.split(' ').enumerate() {
                if i > 0 {
                    words.push(Line::new());
                }
                if let Some(word) = words.last_mut().filter(|_| !piece.is_empty()) {
                    word.0.push((tone, piece.to_owned()));
                }
            }
        }
        words
    }
}

/// Text under construction.
pub(crate) struct Page<'a> {
    pub paint: &'a Paint,
    out: String,
}

impl<'a> Page<'a> {
    pub fn new(paint: &'a Paint) -> Self {
        Self { paint, out: String::new() }
    }
    pub fn finish(self) -> String {
        self.out
    }
    pub fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }
    /// Writes a line as it is.
    pub fn line(&mut self, line: Line) {
        let mut text = String::new();
        let mut runs = line.0;
        while let Some((_, last)) = runs.last_mut() {
            last.truncate(last.trim_end_matches(' ').len());
            if !last.is_empty() {
                break;
            }
            runs.pop();
        }
        for (tone, run) in &runs {
            text.push_str(&self.paint.run(*tone, run));
        }
        self.out.push_str(&text);
        self.out.push('\n');
    }
    /// Writes a paragraph that begins at `indent` and goes on there.
    pub fn para(&mut self, indent: usize, body: Line) {
        self.flow(Line::new(), indent, body, Line::new());
    }
    /// Writes `lead`, then `body` from column `hang` on, wrapped; `tail` stands at the right edge of the last line.
    pub fn flow(&mut self, lead: Line, hang: usize, body: Line, tail: Line) {
        let width = self.paint.width.max(hang + 8);
        let crowded = lead.width() > 0 && lead.width() > hang;
        let mut line = if crowded && !body.is_empty() { lead.plain("  ") } else { lead.pad_to(hang) };
        let mut fresh = true;
        for word in body.words() {
            let space = usize::from(!fresh);
            if line.width() + space + word.width() > width && (!fresh || line.width() > hang) {
                self.line(std::mem::take(&mut line));
                line = Line::new().pad_to(hang);
            } else if !fresh {
                line = line.plain(" ");
            }
            fresh = false;
            line = line.join(word);
        }
        if tail.is_empty() {
            return self.line(line);
        }
        if line.width() + 2 + tail.width() > width {
            self.line(std::mem::take(&mut line));
        }
        let column = width.saturating_sub(tail.width());
        self.line(line.pad_to(column).join(tail));
    }
}
