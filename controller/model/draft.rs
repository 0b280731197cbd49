//! What an import says of a live object: a document in the making, with comments, and what it cannot say.
//! Owns the names by which documents know each other; decides no file and writes no text.

use super::Output;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A document in the making: the `spec` that leaves a live object as it is, with what a reader should know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// `spec`, in the order in which a person would write it, defaults left out.
    pub spec: Map<String, Value>,
    /// Comments above the document: what the provider does not tell, what is taken for granted.
    pub notes: Vec<String>,
    /// Parts of the object that a document cannot say, each with why; they stay as they are and are none of ours.
    pub left_out: Vec<String>,
    /// Why no document can leave the object as it is; `spec` then is as near as it gets.
    pub refused: Option<String>,
    /// What to do where its document would change it; empty where nothing is known.
    pub until: &'static str,
    /// How many parts it lists, and the word for one: `(41, "record set")`.
    pub parts: Option<(usize, &'static str)>,
    /// Files that the document names, by their paths from the repo's root.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Secrets that it names, which go into no file of the repo.
    pub secrets: BTreeMap<String, Hidden>,
    /// Rules of findings that are the object's own and not its document's fault: it ails now already.
    pub ails: BTreeSet<String>,
}

/// A secret that was found. Prints as redacted.
#[derive(Clone, Debug)]
pub struct Hidden(pub SecretString);

impl PartialEq for Hidden {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Draft {
    /// Adds a field.
    pub fn field(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        self.spec.insert(name.to_owned(), value.into());
        self
    }
    /// Adds a field where its value is not the default.
    pub fn unless<T: Into<Value> + PartialEq>(&mut self, name: &str, value: T, default: T) -> &mut Self {
        if value != default {
            self.field(name, value);
        }
        self
    }
    /// Adds a comment.
    pub fn note(&mut self, text: impl Into<String>) -> &mut Self {
        self.notes.push(text.into());
        self
    }
    /// Says that no document can leave the object as it is; the first reason stays.
    pub fn refuse(&mut self, why: impl Into<String>) -> &mut Self {
        self.refused.get_or_insert_with(|| why.into());
        self
    }
}

/// Which documents the values that live objects name belong to: the droplet of an address, the network of a uuid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// By kind, output and value; none where several documents have it.
    known: BTreeMap<(String, Output, String), Option<String>>,
}

impl Names {
    /// Takes in what one document supplies.
    pub fn learn(&mut self, kind: &str, name: &str, outputs: BTreeMap<Output, String>) {
        for (output, value) in outputs {
            let key = (kind.to_owned(), output, value);
            self.known.entry(key).and_modify(|known| *known = None).or_insert_with(|| Some(name.to_owned()));
        }
    }
    /// The name of the one document of a kind that supplies this value.
    pub fn of(&self, kind: &str, output: Output, value: &str) -> Option<&str> {
        self.known.get(&(kind.to_owned(), output, value.to_owned()))?.as_deref()
    }
}
