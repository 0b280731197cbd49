//! Lists that are known to be whole: 200 a page, pages in parallel, counted against `meta.total`.
//! It never returns a part of a list.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Client;
use super::call::Call;
use super::error::{ApiError, ErrorKind, Result};

/// The most that DigitalOcean gives in one page.
const PER_PAGE: u64 = 200;
/// How often a list is read before it is said to be moving: once, and three times more.
const READINGS: usize = 4;
/// More pages than any account has: a mad `meta.total` must not become a million calls.
const MOST_PAGES: u64 = 2_000;

/// Something that DigitalOcean lists.
pub(super) trait Listed: DeserializeOwned + Send {
    /// The field of the answer that holds the rows.
    const KEY: &'static str;

    /// What makes a row distinct from the others of its list.
    fn id(&self) -> Id<'_>;
}

/// What tells one row of a list from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Id<'a> {
    Number(u64),
    Name(&'a str),
}

impl Client {
    /// Reads the whole list that `call` names, or fails.
    ///
    /// Flow: page 1 says how many there are, the other pages follow in parallel. The list counts
    /// when every page says the same total and the pages hold as many distinct ids; else
    /// something was added or removed meanwhile, which may have hidden a row, and it is read anew.
    pub(super) async fn list<T: Listed>(&self, call: Call) -> Result<Vec<T>> {
        let call = call.whole_list(PER_PAGE);
        let mut last = String::new();
        for reading in 0..READINGS {
            if reading > 0 {
                tracing::debug!(path = call.path(), "{last}; reading the list again");
                tokio::time::sleep(self.config().pace.list_pause).await;
            }
            match whole(self.pages(&call).await?) {
                Ok(rows) => return Ok(rows),
                Err(moved) => last = moved,
            }
        }
        let message = format!("the list moved while it was read, {READINGS} times over ({last})");
        Err(ApiError::new(&call, ErrorKind::ListMoved).with_message(message))
    }

    async fn pages<T: Listed>(&self, call: &Call) -> Result<Vec<Page<T>>> {
        let page = |number: u64| {
            let call = call.clone().query("page", number.to_string());
            async move { self.ask::<Page<T>>(&call).await }
        };
        let first = page(1).await?;
        let count = first.total.div_ceil(PER_PAGE);
        if count > MOST_PAGES {
            let message = format!("its meta.total, {}, is not believable", first.total);
            return Err(ApiError::new(call, ErrorKind::NotJson).with_message(message));
        }
        let mut pages = vec![first];
        let rest: Vec<Page<T>> =
            stream::iter(2..=count).map(page).buffered(self.config().pages_at_once.max(1)).try_collect().await?;
        pages.extend(rest);
        Ok(pages)
    }
}

/// Joins the pages of one reading, or says why they are not the whole list.
fn whole<T: Listed>(pages: Vec<Page<T>>) -> Result<Vec<T>, String> {
    let total = pages.first().map_or(0, |page| page.total);
    if let Some(other) = pages.iter().find(|page| page.total != total) {
        return Err(format!("meta.total went from {total} to {}", other.total));
    }
    let rows: Vec<T> = pages.into_iter().flat_map(|page| page.rows).collect();
    let distinct = rows.iter().map(T::id).collect::<BTreeSet<_>>().len();
    if distinct as u64 != total || rows.len() != distinct {
        return Err(format!("{} rows with {distinct} distinct ids where meta.total is {total}", rows.len()));
    }
    Ok(rows)
}

/// One page: its rows and the total it speaks of.
struct Page<T> {
    rows: Vec<T>,
    total: u64,
}

#[derive(Deserialize)]
struct Meta {
    total: u64,
}

impl<'de, T: Listed> Deserialize<'de> for Page<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(PageVisitor(PhantomData))
    }
}

struct PageVisitor<T>(PhantomData<T>);

impl<'de, T: Listed> Visitor<'de> for PageVisitor<T> {
    type Value = Page<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a page with {} and meta.total", T::KEY)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut rows: Option<Rows<T>> = None;
        let mut meta: Option<Meta> = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == T::KEY {
                rows = Some(map.next_value()?);
            } else if key == "meta" {
                meta = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        // A page that lacks either says nothing about what exists.
        let missing = serde::de::Error::missing_field;
        Ok(Page { rows: rows.ok_or_else(|| missing(T::KEY))?.0, total: meta.ok_or_else(|| missing("meta"))?.total })
    }
}

/// Rows as an array, as a map by id (backup policies), or as null for none.
struct Rows<T>(Vec<T>);

impl<'de, T: Listed> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(RowsVisitor(PhantomData))
    }
}

struct RowsVisitor<T>(PhantomData<T>);

impl<'de, T: Listed> Visitor<'de> for RowsVisitor<T> {
    type Value = Rows<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "an array of {}", T::KEY)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = seq.next_element()? {
            rows.push(row);
        }
        Ok(Rows(rows))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while let Some((_, row)) = map.next_entry::<IgnoredAny, T>()? {
            rows.push(row);
        }
        Ok(Rows(rows))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Rows(Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Row {
        id: u64,
    }

    impl Listed for Row {
        const KEY: &'static str = "rows";
        fn id(&self) -> Id<'_> {
            Id::Number(self.id)
        }
    }

    fn page(text: &str) -> serde_json::Result<Page<Row>> {
        serde_json::from_str(text)
    }

    #[test]
    fn rows_come_as_an_array_or_a_map_or_null() {
        for (text, count) in [
            (r#"{"rows":[{"id":1,"new":[]},{"id":2}],"links":{},"meta":{"total":2}}"#, 2),
            (r#"{"meta":{"total":1},"rows":{"7":{"id":7}}}"#, 1),
            (r#"{"rows":null,"meta":{"total":0}}"#, 0),
        ] {
            let rows = whole(vec![page(text).expect(text)]).expect(text);
            assert_eq!(rows.len(), count, "{text}");
        }
    }

    #[test]
    fn a_page_without_rows_or_total_is_no_page() {
        assert!(page(r#"{"meta":{"total":0}}"#).is_err());
        assert!(page(r#"{"rows":[]}"#).is_err());
        assert!(page(r#"{"rows":[],"meta":{}}"#).is_err());
    }

    #[test]
    fn pages_that_disagree_or_repeat_are_not_a_list() {
        let one = || page(r#"{"rows":[{"id":1}],"meta":{"total":2}}"#).expect("a page");
        let two = page(r#"{"rows":[{"id":2}],"meta":{"total":3}}"#).expect("a page");
        assert!(whole(vec![one()]).is_err());
        assert!(whole(vec![one(), one()]).is_err());
        assert!(whole(vec![one(), two]).is_err());
    }
}
