//! Who wrote what lies between two commits, or some of its files. Nothing vouches for what a commit says of its author: whoever compares it
//! with a person keeps honest people from approving their own work by mistake, and no forger.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use git2::{Oid, Repository};

use super::commit::{self, CommitId, Person};
use super::error::GitError;
use super::fetch::DEPTHS;
use super::mirror::{Mirror, mirror_error, open};

/// No more commits than this are read; more than one wrote so many since the last commit that was applied.
const MOST: usize = 10_000;
/// Under this name a commit's message says who else wrote it.
const CO_AUTHOR: &str = "co-authored-by:";

impl Mirror {
    /// Names who wrote the commits that lead to `newer` and not to `older`, co-authors among them; without an `older`,
    /// who wrote `newer`. With `files`, only of commits that change one of these files or folders.
    ///
    /// Fetches history as needed; what the remote cannot give is left out, and a commit that cannot be compared with
    /// what was before it counts as changing everything.
    pub async fn authors(
        &self,
        older: Option<&CommitId>,
        newer: &CommitId,
        files: Option<&BTreeSet<String>>,
    ) -> Result<Vec<Person>, GitError> {
        let newer = self.require(newer)?;
        let older = older.map(CommitId::oid).transpose()?;
        let read = || -> Result<(BTreeSet<(String, String)>, bool), GitError> {
            let repo = open(&self.dir)?;
            between(&repo, older, newer, files).map_err(mirror_error("reading who wrote commits", &self.dir))
        };
        let (mut people, mut cut) = read()?;
        if cut && older.is_some() {
            let _turn = self.turn.lock().await;
            let program = self.program()?;
            for depth in DEPTHS {
                self.fetch_ref(&program, &self.dir, &self.incoming(), depth).await?;
                (people, cut) = read()?;
                if !cut {
                    break;
                }
            }
        }
        Ok(people.into_iter().map(|(name, email)| Person::new(name, email)).collect())
    }
}

/// The authors, and whether the history at hand ends too early.
fn between(
    repo: &Repository,
    older: Option<Oid>,
    newer: Oid,
    files: Option<&BTreeSet<String>>,
) -> Result<(BTreeSet<(String, String)>, bool), git2::Error> {
    let mut people = BTreeSet::new();
    let Some(older) = older else {
        wrote(repo, newer, &mut people)?;
        return Ok((people, false));
    };
    let known = reachable(repo, older, &HashSet::new())?.0;
    let (fresh, cut) = reachable(repo, newer, &known)?;
    for oid in fresh {
        let concerns = match files {
            Some(files) => changes(repo, oid, files)?,
            None => true,
        };
        if concerns {
            wrote(repo, oid, &mut people)?;
        }
    }
    Ok((people, cut))
}

/// Says whether a commit has one of these files or folders as none of its parents has it: a merge that only brings
/// together what others wrote changes nothing.
fn changes(repo: &Repository, oid: Oid, files: &BTreeSet<String>) -> Result<bool, git2::Error> {
    let odb = repo.odb()?;
    let entries = |oid: Oid| -> Result<Vec<Option<(Oid, i32)>>, git2::Error> {
        let tree = repo.find_commit(oid)?.tree()?;
        let entry = |file: &String| tree.get_path(Path::new(file)).ok().map(|entry| (entry.id(), entry.filemode()));
        Ok(files.iter().map(entry).collect())
    };
    let parents = commit::parents(repo, oid)?;
    if parents.iter().any(|parent| !odb.exists(*parent)) {
        return Ok(true);
    }
    let before = parents.into_iter().map(&entries).collect::<Result<Vec<_>, _>>()?;
    let now = entries(oid)?;
    Ok(now.iter().enumerate().any(|(i, entry)| {
        before.iter().all(|parent| parent.get(i) != Some(entry)) && (!before.is_empty() || entry.is_some())
    }))
}

/// A commit and its ancestors but for some, as far as they are at hand, and whether more of them are not.
fn reachable(repo: &Repository, from: Oid, but: &HashSet<Oid>) -> Result<(HashSet<Oid>, bool), git2::Error> {
    let odb = repo.odb()?;
    let mut found = HashSet::new();
    let mut cut = false;
    let mut next = vec![from];
    while let Some(oid) = next.pop() {
        if but.contains(&oid) || found.len() >= MOST {
            continue;
        }
        if !odb.exists(oid) {
            cut = true;
        } else if found.insert(oid) {
            next.extend(commit::parents(repo, oid)?);
        }
    }
    Ok((found, cut))
}

fn wrote(repo: &Repository, oid: Oid, people: &mut BTreeSet<(String, String)>) -> Result<(), git2::Error> {
    let commit = repo.find_commit(oid)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let author = commit.author();
    people.insert((text(author.name_bytes()), text(author.email_bytes())));
    let message = text(commit.message_bytes());
    for line in message.lines() {
        let Some((head, rest)) = line.split_at_checked(CO_AUTHOR.len()) else { continue };
        if let (true, Some((name, email))) = (head.eq_ignore_ascii_case(CO_AUTHOR), rest.split_once('<')) {
            people.insert((name.trim().to_owned(), email.trim_end().trim_end_matches('>').to_owned()));
        }
    }
    Ok(())
}
