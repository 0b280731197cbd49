//! A live stack as a document says it: its folder has to come into the repository first, since that is what is sent. Pure.

use super::live::State;
use crate::model::{Draft, ResourceId};

/// The document that would leave the stack as it is, once its folder is in the repository.
pub(super) fn draft(id: &ResourceId, state: &State) -> Draft {
    let mut draft = Draft::default();
    let path = format!("stacks/{}", id.name);
    let folder = state.containers.iter().map(|container| container.folder.as_str()).find(|folder| !folder.is_empty());
    let folder = folder.unwrap_or("its folder there");
    draft.field("host", state.host.as_str()).field("path", path.as_str());
    draft.unless("directory", folder.to_owned(), format!("/opt/stacks/{}", id.name));
    draft.unless("project", state.project.as_str(), id.name.as_str());
    draft.refuse(format!(
        "its files are not in git: copy {folder} of the host to {path}/ here, what is secret in its .env into env, and take \
         the marks of a comment away below; its containers stay as they are, or the plan says which would not"
    ));
    draft
}
