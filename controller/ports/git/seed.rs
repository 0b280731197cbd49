//! Repositories made and changed the way a user does it: `init`, the demo, and tests.
//!
//! Owns work trees on this machine, and only those it is told to write. The controller
//! itself never uses one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::commit::{CommitId, Edits, Person};
use super::error::{Attempt, GitError};
use super::program::Program;
use super::remote::check_branch;
use super::sayings::classify;

const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a repository with a work tree and a first commit of the given files.
///
/// The author is the one that the user's own git settings name, unless given. A directory
/// that is a repository already, or holds one of the files, is left as it is: an error.
pub async fn init_repo(
    dir: &Path,
    files: &BTreeMap<String, Vec<u8>>,
    message: &str,
    branch: &str,
    author: Option<&Person>,
) -> Result<CommitId, GitError> {
    check_branch(branch)?;
    let taken = files.keys().map(String::as_str).chain([".git"]);
    for path in taken.map(|name| dir.join(name)) {
        if fs::symlink_metadata(&path).is_ok() {
            let exists = std::io::ErrorKind::AlreadyExists.into();
            return Err(GitError::disk("creating", path)(exists));
        }
    }
    fs::create_dir_all(dir).map_err(GitError::disk("creating", dir))?;
    let branch = format!("--initial-branch={branch}");
    git(dir, "making a repository", &["init", "--quiet", "--template=", &branch]).await?;
    let edits = files.iter().map(|(path, bytes)| (path.clone(), Some(bytes.clone())));
    let author = author.cloned().unwrap_or_else(own_identity);
    commit_in(dir, &edits.collect(), message, &author).await
}

/// Writes (or, with `None`, deletes) files in a work tree and commits just those.
pub async fn commit_in(dir: &Path, edits: &Edits, message: &str, author: &Person) -> Result<CommitId, GitError> {
    for (name, content) in edits {
        super::commit::check_path(name)?;
        write(&dir.join(name), content.as_deref())?;
    }
    let mut add = vec!["add", "--all", "--force", "--"];
    add.extend(edits.keys().map(String::as_str));
    git(dir, "adding files", &add).await?;
    let name = format!("user.name={}", author.name);
    let email = format!("user.email={}", author.email);
    let args = ["-c", &name, "-c", &email, "commit", "--quiet", "--no-verify", "-m", message];
    git(dir, "committing", &args).await?;
    git(dir, "reading the new commit", &["rev-parse", "HEAD"]).await?.trim().parse()
}

/// Makes a bare repository beside a work tree, the way a server holds it, and makes it the work tree's `origin`.
pub async fn publish(dir: &Path, bare: &Path, branch: &str) -> Result<(), GitError> {
    check_branch(branch)?;
    let (from, to) = (dir.display().to_string(), bare.display().to_string());
    git(dir, "publishing", &["clone", "--quiet", "--bare", "--template=", "--", &from, &to]).await?;
    git(dir, "naming the origin", &["remote", "add", "origin", &to]).await?;
    git(dir, "fetching", &["fetch", "--quiet", "origin"]).await?;
    git(dir, "following the origin", &["branch", "--quiet", "--set-upstream-to", &format!("origin/{branch}")])
        .await
        .map(drop)
}

/// Pushes a work tree's branch to its `origin`.
pub async fn push(dir: &Path, branch: &str) -> Result<(), GitError> {
    check_branch(branch)?;
    git(dir, "pushing", &["push", "--quiet", "origin", branch]).await.map(drop)
}

fn write(path: &Path, content: Option<&[u8]>) -> Result<(), GitError> {
    let Some(bytes) = content else {
        return fs::remove_file(path).map_err(GitError::disk("deleting", path));
    };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(GitError::disk("creating", parent))?;
    }
    fs::write(path, bytes).map_err(GitError::disk("writing", path))
}

async fn git(dir: &Path, doing: &str, args: &[&str]) -> Result<String, GitError> {
    let program = Program::local(&dir.display().to_string(), PATIENCE);
    let answer = program.run(dir, doing, args).await?;
    if answer.ok {
        return Ok(answer.stdout);
    }
    // Some of git's refusals, such as "nothing to commit", are on the other channel.
    let printed = format!("{}\n{}", answer.attempt.printed, answer.stdout.trim());
    Err(classify(Attempt { printed: printed.trim().to_owned(), ..answer.attempt }))
}

/// Reads the name and address that the user's own git settings name.
fn own_identity() -> Person {
    let setting = |name: &str| {
        let config = git2::Config::open_default().and_then(|mut config| config.snapshot());
        config.ok()?.get_string(name).ok().filter(|text| !text.trim().is_empty())
    };
    Person {
        name: setting("user.name").unwrap_or_else(|| "driftless".into()),
        email: setting("user.email").unwrap_or_else(|| "driftless@localhost".into()),
    }
}
