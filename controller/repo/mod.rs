//! Files at a commit become an `Estate`, or diagnostics with file, line and column. Pure: reads an in-memory tree.
//!
//! In the order of the work: `select` (which files), `yaml` (text → nodes with places), `documents` (`header` and
//! `check` against the schemas' `shape`), `named` (files that documents name), `read` (desire, side by side, `links`).

mod check;
mod documents;
mod explain;
mod flaw;
mod header;
mod links;
mod locate;
mod named;
mod nearest;
mod read;
mod schemas;
mod select;
mod settings;
mod shape;
#[cfg(test)]
mod tests;
mod tree;
mod yaml;

pub use explain::{Explained, ExplainedField, NotExplained, explain};
pub use header::API_VERSION;
pub use read::{Options, Read, failed, read};
pub use schemas::{file_name, schemas};
pub use tree::{Fetch, Tree, TreeFile};
