//! Tags, and which droplets carry them: `/v2/tags`. It compares no spellings.

use serde::Deserialize;
use serde_json::json;

use super::call::{Aim, Call, Need};
use super::list::{Id, Listed};
use super::{Client, Result};

const NEED: Need = Need::of("tag", "Droplet (its tags and marker)");

/// A tag. The first spelling ever used is the one that addresses it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tag {
    /// The tag in its canonical spelling.
    pub name: String,
}

impl Listed for Tag {
    const KEY: &'static str = "tags";

    fn id(&self) -> Id<'_> {
        Id::Name(&self.name)
    }
}

#[derive(Deserialize)]
struct Answer {
    tag: Tag,
}

impl Client {
    /// Lists all tags in their canonical spellings.
    pub async fn tags(&self) -> Result<Vec<Tag>> {
        self.list(Call::get(&["tags"], NEED)).await
    }

    /// Makes sure that a tag exists, and returns its canonical spelling.
    ///
    /// The name is the tag's identity, so this POST cannot make a second one and may be repeated.
    pub async fn create_tag(&self, name: &str) -> Result<Tag> {
        let call = Call::create(&["tags"], NEED).repeatable().body(&json!({"name": name}));
        let answer: Answer = self.ask(&call).await?;
        Ok(answer.tag)
    }

    /// Puts a tag, which must exist, on droplets; those that have it keep it.
    pub async fn tag_droplets(&self, tag: &str, droplets: &[u64]) -> Result<()> {
        let call = Call::act(&["tags", tag, "resources"], NEED.to("create")).repeatable().body(&resources(droplets));
        self.tell(&call).await
    }

    /// Takes a tag off droplets. A 404 is an error here: it may mean the tag's spelling.
    pub async fn untag_droplets(&self, tag: &str, droplets: &[u64]) -> Result<()> {
        let call =
            Call::delete(&["tags", tag, "resources"], NEED.to("delete")).aim(Aim::Update).body(&resources(droplets));
        self.tell(&call).await
    }
}

fn resources(droplets: &[u64]) -> serde_json::Value {
    let one = |id: &u64| json!({"resource_id": id.to_string(), "resource_type": "droplet"});
    json!({"resources": droplets.iter().map(one).collect::<Vec<_>>()})
}
