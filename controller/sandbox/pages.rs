//! Pages of a list: `per_page` (20, at most 200), `page`, `links.pages` and `meta.total`.
//! Serialises the page asked for and nothing else of the list.

use axum::http::StatusCode;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq};

use super::call::{Answer, Call, Reply};
use super::faults::Shift;

const DEFAULT_PER_PAGE: usize = 20;
const MAX_PER_PAGE: usize = 200;

/// Answers the page of `items` that the call asks for, each item shown by `view`.
pub(super) fn list<I, V, F>(call: &Call<'_>, key: &'static str, items: I, view: F) -> Answer
where
    I: Iterator + Clone,
    V: Serialize,
    F: Fn(I::Item) -> V,
{
    let window = Window::of(call, items.clone().count());
    let rows = Rows { items: items.skip(window.offset()).take(window.per_page), view };
    window.answer(call, key, &rows)
}

/// As [`list`], for the endpoints whose page is an object keyed by id.
pub(super) fn map<I, V, F>(call: &Call<'_>, key: &'static str, items: I, view: F) -> Answer
where
    I: Iterator + Clone,
    V: Serialize,
    F: Fn(I::Item) -> (String, V),
{
    let window = Window::of(call, items.clone().count());
    let rows = Entries { items: items.skip(window.offset()).take(window.per_page), view };
    window.answer(call, key, &rows)
}

struct Window {
    page: usize,
    per_page: usize,
    total: usize,
    total_off: i64,
    shift: Option<Shift>,
}

impl Window {
    fn of(call: &Call<'_>, total: usize) -> Self {
        let number = |name| call.param(name).and_then(|value| value.parse::<usize>().ok()).filter(|value| *value > 0);
        let page = number("page").unwrap_or(1);
        let shift = call.shift.filter(|_| page > 1);
        Self {
            page,
            per_page: number("per_page").unwrap_or(DEFAULT_PER_PAGE).min(MAX_PER_PAGE),
            total: match shift {
                Some(Shift::Insert) => total + 1,
                Some(Shift::Remove) => total.saturating_sub(1),
                None => total,
            },
            total_off: call.total_off,
            shift,
        }
    }

    fn offset(&self) -> usize {
        let offset = (self.page - 1).saturating_mul(self.per_page);
        match self.shift {
            Some(Shift::Insert) => offset.saturating_sub(1),
            Some(Shift::Remove) => offset.saturating_add(1),
            None => offset,
        }
    }

    /// What `meta.total` says; a fault can make it wrong.
    fn told(&self) -> u64 {
        (self.total as u64).saturating_add_signed(self.total_off)
    }

    fn answer(&self, call: &Call<'_>, key: &'static str, rows: &impl Serialize) -> Answer {
        let body = Body { key, rows, links: Links { pages: self.pages(call) }, meta: Meta { total: self.told() } };
        Reply::json(StatusCode::OK, &body)
    }

    fn pages(&self, call: &Call<'_>) -> Option<Pages> {
        let last = self.total.div_ceil(self.per_page).max(1);
        if last == 1 && self.page == 1 {
            return None;
        }
        let link = |page: usize| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in call.query.iter().filter(|(name, _)| name != "page") {
                query.append_pair(name, value);
            }
            query.append_pair("page", &page.to_string());
            format!("{}{}?{}", call.base, call.path, query.finish())
        };
        let (back, on) = (self.page > 1, self.page < last);
        Some(Pages {
            first: back.then(|| link(1)),
            prev: back.then(|| link(self.page - 1)),
            next: on.then(|| link(self.page + 1)),
            last: on.then(|| link(last)),
        })
    }
}

#[derive(Serialize)]
struct Meta {
    total: u64,
}

#[derive(Serialize)]
struct Links {
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<Pages>,
}

#[derive(Serialize)]
struct Pages {
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
}

struct Body<'a, T> {
    key: &'static str,
    rows: &'a T,
    links: Links,
    meta: Meta,
}

impl<T: Serialize> Serialize for Body<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry(self.key, self.rows)?;
        map.serialize_entry("links", &self.links)?;
        map.serialize_entry("meta", &self.meta)?;
        map.end()
    }
}

struct Rows<I, F> {
    items: I,
    view: F,
}

impl<I, V, F> Serialize for Rows<I, F>
where
    I: Iterator + Clone,
    V: Serialize,
    F: Fn(I::Item) -> V,
{
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for item in self.items.clone() {
            seq.serialize_element(&(self.view)(item))?;
        }
        seq.end()
    }
}

struct Entries<I, F> {
    items: I,
    view: F,
}

impl<I, V, F> Serialize for Entries<I, F>
where
    I: Iterator + Clone,
    V: Serialize,
    F: Fn(I::Item) -> (String, V),
{
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for item in self.items.clone() {
            let (key, value) = (self.view)(item);
            map.serialize_entry(&key, &value)?;
        }
        map.end()
    }
}
