//! What is to be done so that an SSH key is as its document says. Pure.

use super::SshKey;
use super::spec::Want;
use crate::model::{
    Cause, Change, ChangeKey, Diff, Diffed, Finding, Observed, OnRemove, ProviderId, Shown, Step as Work, Verb,
    finding::Weight,
};
use serde::{Deserialize, Serialize};

/// A key as it is at DigitalOcean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// DigitalOcean's id.
    pub id: u64,
    /// The name.
    pub name: String,
    /// The MD5 fingerprint.
    pub fingerprint: String,
    /// The line that was given, trimmed.
    pub public_key: String,
}

/// One change's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub enum Step {
    /// Adds the key.
    #[serde(rename_all = "camelCase")]
    Create {
        /// The name.
        name: String,
        /// The line.
        public_key: String,
        /// By which it is found again.
        fingerprint: String,
    },
    /// Gives it another name.
    Rename {
        /// The name.
        name: String,
    },
    /// Takes it out of the account.
    Delete,
    /// Lets go of it; nothing is sent.
    Release,
}

pub(super) fn diff(input: &Diff<'_, SshKey>) -> Diffed<Step> {
    let mut out = Diffed::default();
    match (input.want, &input.have) {
        (_, Observed::Changing(_) | Observed::Unknown { .. }) => return out,
        (Some(want), Observed::Absent) => out.changes.push(create(input, want)),
        (Some(want), Observed::Present(state)) => settle(input, want, state, &mut out),
        (None, Observed::Present(state)) => remove(input, state, &mut out),
        (None, Observed::Absent) => {}
    }
    retire(input, &mut out);
    out
}

fn step(want: &Want) -> Work<Step> {
    Work::Ready(Step::Create {
        name: want.name.clone(),
        public_key: want.line(),
        fingerprint: want.fingerprint.clone(),
    })
}

fn create(input: &Diff<'_, SshKey>, want: &Want) -> Change<Step> {
    Change::new(ChangeKey::whole(input.id, Verb::Create), "create", step(want))
        .generation(input.generation.saturating_add(1))
        .field("name", Shown::Nothing, Shown::text(&want.name))
        .field("publicKey", Shown::Nothing, Shown::text(&want.fingerprint))
}

fn settle(input: &Diff<'_, SshKey>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    if state.fingerprint != want.fingerprint {
        replace(input, want, state, out);
    } else if state.name != want.name {
        out.changes.push(
            Change::new(
                ChangeKey::part(input.id, "name", Verb::Update),
                "rename",
                Work::Ready(Step::Rename { name: want.name.clone() }),
            )
            .on(input.provider_id)
            .generation(input.generation.max(1))
            .field("name", Shown::text(&state.name), Shown::text(&want.name)),
        );
    }
}

/// A key's material cannot be changed: the new one is added before the old one goes, so that no droplet is made without.
fn replace(input: &Diff<'_, SshKey>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    let key = ChangeKey::whole(input.id, Verb::Replace);
    let mut change = Change::new(key.clone(), "replace", step(want))
        .on(input.provider_id)
        .generation(input.generation.saturating_add(1))
        .field("publicKey", Shown::text(&state.fingerprint), Shown::text(&want.fingerprint));
    if state.name != want.name {
        change = change.field("name", Shown::text(&state.name), Shown::text(&want.name));
    }
    out.changes.push(change);
    if let Some(old) = input.provider_id {
        out.changes.push(retirement(input, old, input.generation).after(key).field(
            "publicKey",
            Shown::text(&state.fingerprint),
            Shown::Nothing,
        ));
    }
}

fn retire(input: &Diff<'_, SshKey>, out: &mut Diffed<Step>) {
    let former = |id: &ProviderId| {
        input.owned.and_then(|o| o.retiring.iter().find(|r| &r.provider_id == id)).map_or(0, |r| r.generation)
    };
    for old in &input.retiring {
        out.changes.push(retirement(input, old, former(old)));
    }
}

fn retirement(input: &Diff<'_, SshKey>, old: &ProviderId, generation: u32) -> Change<Step> {
    Change::new(
        ChangeKey::part(input.id, old.to_string(), Verb::Retire),
        format!("remove the former key {old}"),
        Work::Ready(Step::Delete),
    )
    .on(Some(old))
    .generation(generation)
}

fn remove(input: &Diff<'_, SshKey>, state: &State, out: &mut Diffed<Step>) {
    let change = |verb, title, step| {
        Change::new(ChangeKey::whole(input.id, verb), title, Work::Ready(step))
            .on(input.provider_id)
            .generation(input.generation.max(1))
            .cause(Cause::Removal)
            .field("name", Shown::text(&state.name), Shown::Nothing)
    };
    match input.policy.on_remove {
        OnRemove::Destroy => out.changes.push(change(Verb::Delete, "delete", Step::Delete)),
        OnRemove::Keep => out.changes.push(change(Verb::Release, "let go; the key stays", Step::Release)),
        OnRemove::Stop => {
            out.changes.push(change(Verb::Release, "let go; the key stays", Step::Release));
            out.findings.push(
                Finding::about(
                    input.id,
                    Weight::Note,
                    "cannot-stop",
                    "an SSH key cannot be stopped, so it stays as it is",
                )
                .hint("Write onRemove: keep or destroy for SSH keys."),
            );
        }
    }
}
