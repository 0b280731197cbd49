//! What an import makes of a stack's folder: what goes into git, what is a secret, what stays and what it refuses.

use super::differing::container;
use super::*;
use crate::model::Draft;
use crate::ports::host::survey::Container;
use secrecy::ExposeSecret;

/// What is drafted of a running stack whose folder holds these files; a mode stands before a blank.
fn drafted(files: &[(&str, &str)], change: impl FnOnce(&mut State)) -> Draft {
    let mut web = container("web");
    (web.folder, web.files) = ("/srv/shop".to_owned(), "/srv/shop/compose.yaml".to_owned());
    let there = |text: &str| There {
        mode: "600".to_owned(),
        owner: "0:0".to_owned(),
        bytes: (text != "too long").then(|| text.as_bytes().to_vec()),
    };
    let folder = Folder {
        path: "/srv/shop".to_owned(),
        compose: vec!["compose.yaml".to_owned()],
        variables: ".env".to_owned(),
        files: files.iter().map(|(path, text)| ((*path).to_owned(), there(text))).collect(),
        ..Folder::default()
    };
    let (host, project) = ("erp".to_owned(), "shop".to_owned());
    let mut state = State { host, project, containers: vec![web], folder: Some(folder), ..State::default() };
    change(&mut state);
    let draft = ComposeStack::draft(&ResourceId::new("ComposeStack", "shop"), &state, &Names::default());
    assert!(!format!("{draft:?} {state:?}").contains("hunter"), "nothing prints a secret");
    draft
}

fn compose(service: &str) -> String {
    format!("services:\n  web:\n    image: tiny:1\n{service}")
}

fn is_kept(draft: &Draft, path: &str) -> bool {
    draft.files.contains_key(&format!("stacks/shop/{path}"))
}

#[test]
fn what_is_read_goes_into_git_and_what_containers_write_does_not() {
    let yaml = compose(
        "    env_file: [plain.env, private.env]\n    build: ./made\n    volumes: ['./conf:/conf:ro', './data:/data', './big.bin:/big:ro', './gone:/gone:ro']\n",
    );
    let files = [
        ("compose.yaml", yaml.as_str()),
        ("plain.env", "TZ=UTC\n"),
        ("private.env", "TOKEN=hunter2"),
        ("made/Dockerfile", "FROM tiny:1\n"),
        ("made/a.py", "password = ask()\n"),
        ("conf/a.ini", "workers = 2\n"),
        ("conf/b.ini", "password = hunter3\n"),
        ("big.bin", "too long"),
    ];
    let draft = drafted(&files, |_| {});
    assert_eq!(draft.refused, None);
    for path in ["compose.yaml", "plain.env", "made/Dockerfile", "made/a.py", "conf/a.ini"] {
        assert!(is_kept(&draft, path), "{path}: {:?}", draft.files.keys());
    }
    let secrets: Vec<(&str, &str)> =
        draft.secrets.iter().map(|(name, hidden)| (name.as_str(), hidden.0.expose_secret())).collect();
    // The end of the last line stands once more, since a secret is read without it.
    assert_eq!(secrets, [("shop.conf-b-ini", "password = hunter3\n\n"), ("shop.private-env", "TOKEN=hunter2")]);
    assert_eq!(
        draft.spec["secretFiles"],
        json!({"conf/b.ini": {"secret": "shop.conf-b-ini", "mode": "0600"}, "private.env": {"secret": "shop.private-env", "mode": "0600"}})
    );
    for said in ["data stays on the host", "big.bin has more than 256 KiB", "gone is named in its compose files"] {
        assert!(draft.notes.iter().any(|note| note.contains(said)), "{said}: {:?}", draft.notes);
    }
}

#[test]
fn variables_are_named_as_they_are_and_secret_ones_by_their_secrets() {
    let yaml = compose("    environment: {A: '${A}'}\n");
    let draft = drafted(&[("compose.yaml", &yaml), (".env", "A=1\nDB_PASSWORD='hunter2'\n")], |_| {});
    assert_eq!(draft.spec["env"], json!({"A": "1", "DB_PASSWORD": {"secret": "shop.db-password"}}));
    let other = drafted(&[("compose.yaml", &yaml), (".env", "B=2\nA=${B}\n")], |_| {});
    let why = other.refused.expect("refused");
    assert!(why.contains("its variable A is put together from another variable (/srv/shop/.env, line 2)"), "{why}");
}

#[test]
fn what_cannot_be_copied_is_refused_with_what_to_do() {
    type Files<'a> = &'a [(&'a str, &'a str)];
    let table: [(&str, &str, Files<'_>, &str); 4] = [
        ("    command: [serve, --token=hunter2]\n", "", &[], "services.web.command: move it into .env"),
        ("    build: .\n", ".", &[], "its folder, which an image is built from, cannot be copied"),
        (
            "    build: ./made\n",
            "",
            &[("made/app.ini", "token = hunter2\n")],
            "what looks like a secret stands in made/app.ini",
        ),
        (
            "    build: ./made\n",
            "made",
            &[],
            "made, which an image is built from, cannot be copied: it is more than 200 files or 2 MiB",
        ),
    ];
    for (service, large, files, expected) in table {
        let yaml = compose(service);
        let files: Vec<(&str, &str)> =
            [("compose.yaml", yaml.as_str())].into_iter().chain(files.iter().copied()).collect();
        let draft = drafted(&files, |state| {
            let folder = state.folder.as_mut().expect("a folder");
            folder.large.extend((!large.is_empty()).then(|| large.to_owned()));
        });
        let why = draft.refused.expect(service);
        assert!(why.contains(expected), "{why}");
    }
    let elsewhere = drafted(&[("compose.yaml", &compose(""))], |state| {
        state.containers[0].files = "/root/shop.yaml".to_owned();
        state.folder = Some(Folder::of(&state.containers));
    });
    assert!(elsewhere.refused.expect("refused").contains("/root/shop.yaml is not in its folder /srv/shop"));
}

#[test]
fn an_image_that_is_built_from_the_folder_itself_takes_along_what_is_nobodys_else() {
    let yaml = compose("    build: .\n    volumes: ['./data:/data']\n");
    let files = [
        ("compose.yaml", yaml.as_str()),
        (".env", "A=1\n"),
        ("Dockerfile", "FROM tiny:1\n"),
        ("src/a.py", "x\n"),
        ("data/b", "1\n"),
    ];
    let draft = drafted(&files, |_| {});
    assert_eq!(draft.refused, None);
    let kept: Vec<&str> = draft.files.keys().map(|path| path.trim_start_matches("stacks/shop/")).collect();
    assert_eq!(kept, ["Dockerfile", "compose.yaml", "src/a.py"]);
}

#[test]
fn how_it_runs_is_said_and_what_ails_is_no_fault_of_the_document() {
    let yaml = "services:\n  web: {image: 'tiny:1', profiles: [shop]}\n  job: {image: 'tiny:1'}\n";
    let draft = drafted(&[("compose.yaml", yaml)], |state| {
        state.containers[0].health = Some("unhealthy".to_owned());
        state.containers.push(Container { state: "exited".to_owned(), ..container("job") });
    });
    assert_eq!((&draft.spec["profiles"], &draft.spec["oneShot"]), (&json!(["shop"]), &json!(["job"])));
    assert!(draft.ails.contains("unhealthy") && draft.notes.iter().any(|note| note.contains("web is unhealthy there")));
    let idle = drafted(&[("compose.yaml", yaml)], |state| state.containers[0].state = "exited".to_owned());
    assert_eq!(idle.spec["state"], json!("stopped"));
}
