//! Plans, outcomes, diagnostics and reports as terminal text, Markdown and JSON. Pure: no file, no clock, no decision;
//! `cli`, `server` and `engine` say where the text goes.

mod blocks;
pub mod diagnostic;
pub mod document;
mod fields;
mod findings;
pub mod history;
mod inventory;
pub mod json;
pub mod markdown;
pub mod outcome;
mod page;
pub mod paint;
pub mod plan;
pub mod report;
pub mod safe;
mod words;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use diagnostic::{diagnostic, diagnostics};
pub use document::{commented, document};
pub use inventory::{inventory, inventory_page};
pub use json::{Checked, json};
pub use markdown::{Applied, CommentContext, comment, invalid_comment};
pub use outcome::{Tries, ended, started, sum};
pub use paint::Paint;
pub use plan::{PlanContext, plan};

/// Writes text that somebody else chose as a paragraph from a column on, within the width.
pub fn paragraph(indent: usize, text: &str, paint: &Paint) -> String {
    let mut page = page::Page::new(paint);
    page.para(indent, page::Line::new().plain(paint.clean(text)));
    page.finish()
}
