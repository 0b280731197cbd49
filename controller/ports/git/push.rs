//! Writing to the remote: commits on another branch, and refs by compare-and-swap.
//!
//! Owns what git push says and what it means. Never forces a ref away from a value that
//! was not expected.

use git2::Oid;

use super::commit::{self, CommitId, Edits, Person};
use super::error::GitError;
use super::mirror::{Mirror, tip, tip_ref};
use super::program::{Answer, Program};
use super::remote::{check_branch, check_ref};
use super::sayings::{NO_SUCH_REF, classify};

/// What came of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// It is on the remote.
    Commit(CommitId),
    /// The branch said all of it already; nothing was written.
    Unchanged(Option<CommitId>),
}

const LARGEST_VALUE: usize = 64 * 1024;

/// How the remote took a ref update.
enum Verdict {
    Taken,
    /// The ref was not where it was expected to be.
    Moved,
}

impl Mirror {
    /// Writes a commit on a branch's tip, as the caller has read it (none: no such branch, which is then created without a
    /// history), and pushes it; none, and nothing written, where the branch stands elsewhere by now.
    ///
    /// Only the given files change (`None` deletes one); all others on that branch stay. Interrupted, or after an error
    /// that [`GitError::is_unclear`], calling again with the same files on the tip as it then is makes no second commit.
    pub async fn commit_and_push_onto(
        &self,
        branch: &str,
        tip: Option<&CommitId>,
        edits: &Edits,
        message: &str,
        author: &Person,
    ) -> Result<Option<Pushed>, GitError> {
        check_branch(branch)?;
        let tip = tip.map(CommitId::oid).transpose()?;
        let _turn = self.turn.lock().await;
        let outcome = self.write_and_push(&format!("refs/heads/{branch}"), tip, (edits, message, author)).await;
        if outcome.is_ok() {
            self.compact().await;
        }
        self.noticed(outcome)
    }

    async fn write_and_push(
        &self,
        name: &str,
        tip: Option<Oid>,
        (edits, message, author): (&Edits, &str, &Person),
    ) -> Result<Option<Pushed>, GitError> {
        let program = self.program()?;
        if self.fetch_tip(&program, name).await? != tip {
            return Ok(None);
        }
        let repo = self.repository()?;
        let written = commit::write(&repo, tip, edits, message, author)?;
        drop(repo);
        let Some(new) = written else { return Ok(Some(Pushed::Unchanged(tip.map(CommitId::of)))) };
        match self.push(&program, name, tip, Some(new)).await? {
            Verdict::Taken => {
                self.note_tip(name, new)?;
                Ok(Some(Pushed::Commit(CommitId::of(new))))
            }
            Verdict::Moved => Ok(None),
        }
    }

    /// Reads which commit (or object) a ref of the remote names; `None` where there is none.
    pub async fn read_ref(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        check_ref(name)?;
        let program = self.program()?;
        let refs = self.remote_refs(&program, &[name]).await?;
        let found = refs.into_iter().find(|(found, _)| found == name);
        found.map(|(_, id)| id.parse()).transpose()
    }

    /// Reads a ref of the remote with the value that its commit carries.
    ///
    /// The value is empty where the commit carries none, or one of over 64 KiB.
    pub async fn read_value(&self, name: &str) -> Result<Option<(CommitId, Vec<u8>)>, GitError> {
        check_ref(name)?;
        let _turn = self.turn.lock().await;
        let program = self.program()?;
        let Some(oid) = self.fetch_tip(&program, name).await? else {
            return Ok(None);
        };
        let value = self.reading("reading a value", |repo| {
            let tree = repo.find_commit(oid)?.tree()?;
            let Some(entry) = tree.get_name(commit::VALUE) else {
                return Ok(Vec::new());
            };
            let odb = repo.odb()?;
            match odb.read_header(entry.id())?.0 {
                size if size > LARGEST_VALUE => Ok(Vec::new()),
                _ => Ok(odb.read(entry.id())?.data().to_vec()),
            }
        })?;
        self.compact().await;
        Ok(Some((CommitId::of(oid), value)))
    }

    /// Writes a commit without parents that carries a small value, into the mirror only.
    ///
    /// It stays there until the next value is written, or it has been pushed and read.
    /// Equal values by the same author in the same second are the same commit: put
    /// something of the holder's own into the value when it must be told apart.
    pub async fn write_value(&self, value: &[u8], message: &str, author: &Person) -> Result<CommitId, GitError> {
        let _turn = self.turn.lock().await;
        let repo = self.repository()?;
        let oid = commit::write_value(&repo, value, message, author)?;
        self.note_tip("value", oid)?;
        Ok(CommitId::of(oid))
    }

    /// Sets a ref of the remote to a commit (or deletes it) if it is where it is expected.
    ///
    /// Returns false, and changes nothing, where it is elsewhere. True also where it names
    /// the new commit already, as after a reply that was lost.
    pub async fn push_ref_cas(
        &self,
        name: &str,
        expected: Option<&CommitId>,
        new: Option<&CommitId>,
    ) -> Result<bool, GitError> {
        check_ref(name)?;
        let _turn = self.turn.lock().await;
        let program = self.program()?;
        let expected = expected.map(CommitId::oid).transpose()?;
        let new = new.map(|commit| self.require(commit)).transpose()?;
        match self.push(&program, name, expected, new).await? {
            Verdict::Taken => Ok(true),
            Verdict::Moved => Ok(false),
        }
    }

    /// Fetches another ref's tip; `None` where the remote has no such ref.
    async fn fetch_tip(&self, program: &Program, name: &str) -> Result<Option<Oid>, GitError> {
        let kept = tip_ref(name)?;
        let refspec = format!("+{name}:{kept}");
        match self.fetch_ref(program, &self.dir, &refspec, 1).await {
            Ok(()) => tip(&self.dir, &kept).map(Some),
            Err(GitError::Failed(attempt)) if attempt.printed.contains(NO_SUCH_REF) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn note_tip(&self, name: &str, oid: Oid) -> Result<(), GitError> {
        let kept = tip_ref(name)?;
        self.reading("noting what was pushed", |repo| repo.reference(&kept, oid, true, "pushed").map(drop))
    }

    async fn push(
        &self,
        program: &Program,
        name: &str,
        expected: Option<Oid>,
        new: Option<Oid>,
    ) -> Result<Verdict, GitError> {
        let text = |oid: Option<Oid>| oid.map(|o| o.to_string()).unwrap_or_default();
        let lease = format!("--force-with-lease={name}:{}", text(expected));
        let refspec = format!("{}:{name}", text(new));
        let git_dir = format!("--git-dir={}", self.dir.display());
        let args = [&git_dir, "push", "--porcelain", "--no-verify", &lease, "--", &self.remote.address, &refspec];
        let doing = format!("pushing to {}", name.trim_start_matches("refs/heads/"));
        verdict(program.run(&self.dir, &doing, &args).await?)
    }
}

/// What git and servers say when a ref was not where it was expected.
const MOVED: &[&str] = &[
    "stale info",
    "fetch first",
    "non-fast-forward",
    "needs force",
    "cannot lock ref",
    "incorrect old value",
    "reference already exists",
    "failed to update ref",
    "remote ref updated since checkout",
];

/// Reads `git push --porcelain`: a line `!<tab>from:to<tab>[rejected] (why)` for a refusal.
fn verdict(answer: Answer) -> Result<Verdict, GitError> {
    if answer.ok {
        return Ok(Verdict::Taken);
    }
    let refusal = answer.stdout.lines().find_map(|line| line.strip_prefix("!\t"));
    let Some(refusal) = refusal.and_then(|line| line.split_once('\t')) else {
        return Err(match classify(answer.attempt) {
            // Reading went well just before: what is refused is the writing.
            GitError::AuthRefused(attempt) => GitError::PushRefused(attempt),
            other => other,
        });
    };
    let why = refusal.1.trim();
    if MOVED.iter().any(|words| why.contains(words)) {
        return Ok(Verdict::Moved);
    }
    let mut attempt = answer.attempt;
    attempt.printed = format!("{}\n{why}", attempt.printed).trim().to_owned();
    Err(GitError::PushRefused(attempt))
}

#[cfg(test)]
mod tests {
    use super::super::error::Attempt;
    use super::*;

    fn said(stdout: &str) -> Result<Verdict, GitError> {
        verdict(Answer {
            ok: false,
            stdout: stdout.into(),
            attempt: Attempt {
                doing: "pushing to driftless/reports".into(),
                remote: "https://example.com/x".into(),
                printed: "error: failed to push some refs".into(),
            },
        })
    }

    #[test]
    fn a_push_that_came_second_is_told_from_one_that_is_forbidden() {
        for why in ["[rejected] (stale info)", "[rejected] (fetch first)"] {
            let out = format!("To x\n!\ta1:refs/heads/r\t{why}\nDone\n");
            assert!(matches!(said(&out), Ok(Verdict::Moved)), "{why}");
        }
        let lock = "!\ta:refs/heads/r\t[remote rejected] (cannot lock ref 'refs/heads/r': is at b but expected c)";
        assert!(matches!(said(lock), Ok(Verdict::Moved)));
        let forbidden = "!\ta:refs/heads/r\t[remote rejected] (protected branch hook declined)";
        let Err(error @ GitError::PushRefused(_)) = said(forbidden).map(|_| ()) else {
            panic!("it is refused");
        };
        assert!(error.to_string().contains("protected branch hook declined"), "{error}");
        assert!(error.hint().contains("contents: write"));
    }

    #[test]
    fn a_push_that_reached_nothing_is_named_after_what_git_printed() {
        assert!(matches!(said("").map(|_| ()), Err(GitError::Failed(_))));
    }
}
