//! Who wrote what lies between two commits, over a mirror that holds next to nothing of the history.

use super::Room;

fn named(authors: &[driftless::ports::git::Person]) -> Vec<&str> {
    authors.iter().map(|person| person.name.as_str()).collect()
}

#[tokio::test]
async fn everybody_who_wrote_since_a_commit_is_named_and_nobody_before_it() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let applied = mirror.fetch().await.expect("fetched").commit;
    mirror.keep("applied", &applied).expect("kept");
    let by = |who: &str, message: &str| {
        let (name, email) = (format!("user.name={who}"), format!("user.email={who}@example.com"));
        let author = format!("--author={who} <{who}@example.com>");
        room.git(&["-c", &name, "-c", &email, "commit", "-q", "--allow-empty", &author, "-m", message]);
    };
    room.git(&["reset", "-q", "--hard"]);
    by("Cy", "On the branch, and between two fetches");
    room.git(&["checkout", "-q", "-b", "side", "HEAD~1"]);
    by("Dan", "Beside it");
    room.git(&["checkout", "-q", "main"]);
    room.git(&["merge", "-q", "--no-ff", "-m", "Merge", "side"]);
    by("Eva", "Squash\n\nco-authored-BY: Finn <finn@example.com>");
    // As after the mirror was made anew: it holds the newest commit and what is kept, and nothing between them.
    std::fs::remove_file(room.mirror_dir().join("driftless-last")).expect("it was there");
    let newest = mirror.fetch().await.expect("fetched").commit;
    let authors = mirror.authors(Some(&applied), &newest, None).await.expect("authors");
    assert_eq!(named(&authors), ["Bo", "Cy", "Dan", "Eva", "Finn"], "Ana wrote what was applied");
    assert_eq!(authors[4].email, "finn@example.com");
    assert!(mirror.authors(Some(&newest), &newest, None).await.expect("none").is_empty());
    assert_eq!(named(&mirror.authors(None, &newest, None).await.expect("the newest's")), ["Eva", "Finn"]);
}

#[tokio::test]
async fn a_branch_that_was_rewritten_names_who_wrote_what_is_new_on_it() {
    let room = Room::new().await;
    let mirror = room.mirror();
    mirror.fetch().await.expect("fetched");
    room.commit("a.yaml", "a: 1\n").await;
    let applied = mirror.fetch().await.expect("fetched").commit;
    mirror.keep("applied", &applied).expect("kept");
    room.git(&["reset", "-q", "--hard", "HEAD~1"]);
    room.git(&["commit", "-q", "--allow-empty", "-m", "Instead"]);
    let newest = mirror.fetch().await.expect("fetched").commit;
    let authors = mirror.authors(Some(&applied), &newest, None).await.expect("authors");
    assert!(named(&authors).contains(&"Bo"), "{authors:?}");
}

#[tokio::test]
async fn of_some_files_only_those_who_changed_them_are_named() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let applied = mirror.fetch().await.expect("fetched").commit;
    let write = |who: &str, path: &str, text: &str| {
        room.git(&["reset", "-q", "--hard"]);
        let file = room.repo().join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(file, text).expect("written");
        let (name, email) = (format!("user.name={who}"), format!("user.email={who}@example.com"));
        let author = format!("--author={who} <{who}@example.com>");
        room.git(&["add", "-A"]);
        room.git(&["-c", &name, "-c", &email, "commit", "-q", &author, "-m", "Change"]);
    };
    write("Cy", "stacks/odoo/compose.yaml", "services: {}\n");
    write("Dan", "zone.yaml", "a: 1\n");
    room.git(&["checkout", "-q", "-b", "side", "HEAD~1"]);
    write("Eva", "stacks/odoo/odoo.conf", "[options]\n");
    room.git(&["checkout", "-q", "main"]);
    room.git(&["merge", "-q", "--no-ff", "-m", "Merge", "side"]);
    let newest = mirror.fetch().await.expect("fetched").commit;
    let of = async |files: &[&str]| {
        let files = files.iter().map(|&file| file.to_owned()).collect();
        let authors = mirror.authors(Some(&applied), &newest, Some(&files)).await.expect("authors");
        authors.iter().map(|person| person.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of(&["stacks/odoo"]).await, ["Cy", "Eva"], "a folder with what is in it, and no merge");
    assert_eq!(of(&["zone.yaml", "gone.yaml"]).await, ["Dan"]);
    assert!(of(&["gone.yaml"]).await.is_empty());
}
