//! What is to be done so that a private network is as its document says. Pure.

use super::Vpc;
use super::spec::Want;
use crate::model::{
    Cause, Change, ChangeKey, Diff, Diffed, Finding, Observed, OnRemove, Shown, Step as Work, Verb, finding::Weight,
};
use serde::{Deserialize, Serialize};

/// A network as it is at DigitalOcean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// DigitalOcean's id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region's slug.
    pub region: String,
    /// The range in CIDR notation.
    pub ip_range: String,
    /// What it is for.
    pub description: String,
    /// Whether droplets of the region that name no network land here; such a one cannot be deleted.
    pub default: bool,
}

/// One change's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub enum Step {
    /// Makes it.
    #[serde(rename_all = "camelCase")]
    Create {
        /// The name.
        name: String,
        /// The region's slug.
        region: String,
        /// The range; none where DigitalOcean picks.
        ip_range: Option<String>,
        /// What it is for.
        description: String,
    },
    /// Sets what can change.
    Update {
        /// The name.
        name: String,
        /// What it is for.
        description: String,
    },
    /// Deletes it.
    Delete,
    /// Lets go of it; nothing is sent.
    Release,
}

pub(super) fn diff(input: &Diff<'_, Vpc>) -> Diffed<Step> {
    let mut out = Diffed::default();
    match (input.want, &input.have) {
        (_, Observed::Changing(_) | Observed::Unknown { .. }) | (None, Observed::Absent) => {}
        (Some(want), Observed::Absent) => out.changes.push(create(input, want)),
        (Some(want), Observed::Present(state)) => {
            update(input, want, state, &mut out);
            fixed(input, want, state, &mut out);
        }
        (None, Observed::Present(state)) => remove(input, state, &mut out),
    }
    out
}

fn shown(text: &str) -> Shown {
    if text.is_empty() { Shown::Nothing } else { Shown::text(text) }
}

fn create(input: &Diff<'_, Vpc>, want: &Want) -> Change<Step> {
    let range = want.ip_range.map(|range| range.to_string());
    let step = Step::Create {
        name: want.name.clone(),
        region: want.region.clone(),
        ip_range: range.clone(),
        description: want.description.clone(),
    };
    let mut change = Change::new(ChangeKey::whole(input.id, Verb::Create), "create", Work::Ready(step))
        .generation(input.generation.saturating_add(1))
        .field("name", Shown::Nothing, Shown::text(&want.name))
        .field("region", Shown::Nothing, Shown::text(&want.region))
        .field("ipRange", Shown::Nothing, Shown::text(range.as_deref().unwrap_or("(a /20 that DigitalOcean picks)")));
    if !want.description.is_empty() {
        change = change.field("description", Shown::Nothing, shown(&want.description));
    }
    change
}

fn update(input: &Diff<'_, Vpc>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    let renamed = state.name != want.name;
    let described = state.description != want.description;
    if !renamed && !described {
        return;
    }
    let title = if renamed { "rename" } else { "update" };
    let step = Step::Update { name: want.name.clone(), description: want.description.clone() };
    let mut change = Change::new(ChangeKey::whole(input.id, Verb::Update), title, Work::Ready(step))
        .on(input.provider_id)
        .generation(input.generation.max(1));
    if renamed {
        change = change.field("name", Shown::text(&state.name), Shown::text(&want.name));
    }
    if described {
        change = change.field("description", shown(&state.description), shown(&want.description));
    }
    out.changes.push(change);
}

/// Region and range are fixed for good, and a network is never replaced: everything in it would have to move.
fn fixed(input: &Diff<'_, Vpc>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    let range = want.ip_range.map(|range| range.to_string());
    let pairs = [("region", &state.region, Some(want.region.clone())), ("ipRange", &state.ip_range, range)];
    for (field, have, want) in pairs {
        if let Some(want) = want.filter(|want| want != have) {
            let text = format!("{field} is {have} and cannot change to {want}");
            out.findings.push(Finding::about(input.id, Weight::Problem, "cannot-change-in-place", text).hint(format!(
                "Write {field}: {have}; or declare another Vpc, move what is in this one, and then remove this document."
            )));
        }
    }
}

fn remove(input: &Diff<'_, Vpc>, state: &State, out: &mut Diffed<Step>) {
    let change = |verb, title, step| {
        Change::new(ChangeKey::whole(input.id, verb), title, Work::Ready(step))
            .on(input.provider_id)
            .generation(input.generation.max(1))
            .cause(Cause::Removal)
            .field("name", Shown::text(&state.name), Shown::Nothing)
    };
    let finding = |weight, rule, text: String| Finding::about(input.id, weight, rule, text);
    match input.policy.on_remove {
        OnRemove::Destroy if state.default => out.findings.push(
            finding(
                Weight::Problem,
                "cannot-delete-default",
                format!("{} is the default network of {}, which DigitalOcean does not delete", state.name, state.region),
            )
            .hint("Make another network the default in the control panel; or put the document back and write onRemove: keep."),
        ),
        OnRemove::Destroy => out.changes.push(
            change(Verb::Delete, "delete", Step::Delete).field("ipRange", Shown::text(&state.ip_range), Shown::Nothing),
        ),
        OnRemove::Keep => out.changes.push(change(Verb::Release, "let go; the network stays", Step::Release)),
        OnRemove::Stop => {
            out.changes.push(change(Verb::Release, "let go; the network stays", Step::Release));
            out.findings.push(
                finding(Weight::Note, "cannot-stop", "a network cannot be stopped, so it stays as it is".to_owned())
                    .hint("Write onRemove: keep or destroy for networks."),
            );
        }
    }
}
