//! Reads the archives that a survey brings: what GNU tar writes of plain files, folders and links. Trusts nothing in them.

use serde::Serialize;
use std::collections::BTreeMap;

/// Something at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// What it is.
    pub item: Item,
    /// Its mode: `0o644`.
    pub mode: u32,
    /// Whose it is, by name where it has one: `root`.
    pub owner: String,
    /// Its group.
    pub group: String,
    /// When it was last changed, in seconds since 1970.
    pub modified: i64,
}

/// What something at a path is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Item {
    /// A folder.
    Folder,
    /// A link, and where it points.
    Link(String),
    /// A file, and what is in it.
    File(Vec<u8>),
}

impl Entry {
    /// The content of a file as text; none for others, and for what is no UTF-8.
    pub fn text(&self) -> Option<&str> {
        match &self.item {
            Item::File(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }
}

const BLOCK: usize = 512;

/// Reads an archive: what it holds by whole path, and an error where it is cut off or no archive.
pub(super) fn read(bytes: &[u8]) -> Result<BTreeMap<String, Entry>, String> {
    let mut found = BTreeMap::new();
    let (mut rest, mut long_name, mut long_link) = (bytes, None, None);
    while let Some((header, after)) = rest.split_first_chunk::<BLOCK>() {
        if header.iter().all(|byte| *byte == 0) {
            return Ok(found);
        }
        let field = |at: usize, length: usize| header.get(at..at + length).unwrap_or_default();
        let size = usize::try_from(number(field(124, 12))?).map_err(|_| "a size is too large")?;
        let padded = size.div_ceil(BLOCK).checked_mul(BLOCK).ok_or("a size is too large")?;
        let (content, next) = after.split_at_checked(padded).ok_or("it is cut off")?;
        let content = content.get(..size).unwrap_or_default();
        rest = next;
        let item = match field(156, 1) {
            b"L" => {
                long_name = Some(text(content));
                continue;
            }
            b"K" => {
                long_link = Some(text(content));
                continue;
            }
            b"5" => Item::Folder,
            b"2" => Item::Link(long_link.take().unwrap_or_else(|| text(field(157, 100)))),
            b"0" | b"\0" => Item::File(content.to_vec()),
            // A second name of a file that came before, and whatever else there is: nothing that is asked for.
            _ => {
                (long_name, long_link) = (None, None);
                continue;
            }
        };
        let name = long_name.take().unwrap_or_else(|| name(field(345, 155), field(0, 100), field(257, 6)));
        let path = format!("/{}", name.trim_matches('/'));
        let mode = u32::try_from(number(field(100, 8))? & 0o7777).unwrap_or_default();
        let modified = i64::try_from(number(field(136, 12))?).unwrap_or_default();
        let (owner, group) = (text(field(265, 32)), text(field(297, 32)));
        found.insert(path, Entry { item, mode, owner, group, modified });
    }
    Err("it is cut off".to_owned())
}

/// Only ustar has a prefix there; GNU tar keeps other things in its place.
fn name(prefix: &[u8], name: &[u8], magic: &[u8]) -> String {
    let prefix = if magic == b"ustar\0" { text(prefix) } else { String::new() };
    if prefix.is_empty() { text(name) } else { format!("{prefix}/{}", text(name)) }
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// A number in octal digits. Numbers that need more room stand in binary, and nothing here is that large.
fn number(bytes: &[u8]) -> Result<u64, String> {
    let text = text(bytes);
    let text = text.trim();
    if text.is_empty() {
        return Ok(0);
    }
    u64::from_str_radix(text, 8).map_err(|_| "it is no archive".to_owned())
}
