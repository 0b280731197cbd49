//! Whose work a change is: the files of the repo that say it, as they were and as they are, and who wrote them since.
//! Nobody approves their own; that somebody works on something else at the same time keeps nobody from approving.

use super::act::{Desk, Refusal, Why};
use super::desired::Desired;
use super::person::Who;
use super::source;
use crate::model::{Estate, ResourceId};
use crate::plan::limits;
use crate::ports::git::{CommitId, GitError};
use std::collections::BTreeSet;

impl Desk<'_> {
    /// Refuses whoever may not approve changes of these, or wrote what they come from since the last commit after which
    /// nothing was left to do.
    pub(super) async fn check_approver(
        &self,
        who: &Who,
        commit: Option<&str>,
        ids: &BTreeSet<&ResourceId>,
    ) -> Result<(), Refusal> {
        let unseen = |why: String| {
            let what = format!("who wrote {} could not be found out: {why}", commit.unwrap_or("it"));
            let hint = "Nothing is approved before it is known who wrote it. Name the repo with --repo, and see that it can be fetched.";
            Refusal::new(Why::Unable, what, hint)
        };
        let Some(estate) = self.estate else { return Err(unseen("its Settings could not be read".to_owned())) };
        let limits = limits::binding(&self.keeper.memory(), &estate.settings);
        // A plan of a folder has no commit, and its author is whoever applies it.
        let Some(commit) = commit else { return who.may_approve(&limits, None) };
        let Some(mirror) = self.mirror else { return Err(unseen("no repo is named".to_owned())) };
        let newest: CommitId = commit.parse().map_err(|e: GitError| unseen(e.to_string()))?;
        let applied = Desired::last_applied(mirror);
        let read = |commit: &CommitId| source::commit(mirror, commit, self.path).ok().and_then(|read| read.estate);
        // Without what was before, or where it cannot be read, whoever wrote anything since wrote it.
        let estates = applied.as_ref().and_then(read).zip(read(&newest));
        for &id in ids {
            let files = estates.as_ref().and_then(|(before, now)| files(id, &[before, now]));
            let authors = mirror.authors(applied.as_ref(), &newest, files.as_ref()).await;
            let authors = authors.map_err(|e| unseen(e.to_string()))?;
            who.may_approve(&limits, Some((id, &authors)))?;
        }
        Ok(())
    }
}

/// The files and folders that say what something is to be: its document's, those that the document names, the same of
/// everything that it refers to, and the sealed secrets; in any of these estates. None where no estate has its document:
/// then any file may have been its.
fn files(id: &ResourceId, estates: &[&Estate]) -> Option<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    let mut found = false;
    for estate in estates {
        let mut seen = BTreeSet::new();
        let mut next = vec![id];
        while let Some(id) = next.pop() {
            let Some(document) = estate.documents.get(id).filter(|_| seen.insert(id)) else { continue };
            found = true;
            files.insert(document.place.file.clone());
            files.extend(document.files.iter().cloned());
            next.extend(document.needs.iter().map(|need| &need.on));
        }
        files.extend(estate.sealed.keys().cloned());
    }
    found.then_some(files)
}
