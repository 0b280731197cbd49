//! The sandbox before judges that nobody here wrote: DigitalOcean's own Python client, and its OpenAPI description.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use driftless::sandbox::{Config, Limits, Token, serve};
use tokio::process::Command;

use crate::openapi::{Description, lacks};
use crate::recorder::{Exchange, Recorder};

const PYDO: &str = "pydo==0.44.0";
/// Fields that the API answers and its description forgets, or misspells (`imgages`).
const REAL: [&str; 4] =
    [".account.reserved_ip_limit", ".account.volume_limit", ".tag.resources.images", ".tags[].resources.images"];
const TOKEN: &str = "dop_v1_judge";

#[tokio::test(flavor = "multi_thread")]
async fn pydo_gets_from_the_sandbox_what_it_expects_and_the_description_agrees() {
    let Some(python) = python_with_pydo().await else {
        return;
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let running = serve(Config {
        tokens: vec![Token::full(TOKEN)],
        limits: Limits::off(),
        action_time: Duration::from_millis(150),
        ..Config::default()
    })
    .await
    .expect("a sandbox");
    let recorder = Recorder::before(running.url()).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/pydo_calls.py");
    let output = Command::new(python)
        .arg(script)
        .arg(format!("http://{}", recorder.addr))
        .arg(TOKEN)
        .output()
        .await
        .expect("python runs");
    let exchanges = recorder.finish();
    running.stop().await.expect("a clean stop");
    assert!(output.status.success(), "{}", said(&output));
    assert!(exchanges.len() > 150, "only {} calls", exchanges.len());
    agree(&exchanges);
}

fn agree(exchanges: &[Exchange]) {
    let Some(mut description) = Description::load() else {
        return;
    };
    let mut wrong: Vec<String> = Vec::new();
    for one in exchanges {
        wrong.extend(description.check_answer(&one.method, &one.path, one.status, &one.answered));
        if one.status < 300 {
            wrong.extend(description.check_request(&one.method, &one.path, &one.sent));
        }
    }
    for one in exchanges.iter().filter(|one| one.status < 300) {
        let fields = description.undescribed(&one.method, &one.path, one.status, &one.answered);
        wrong.extend(
            fields
                .into_iter()
                .filter(|field| !REAL.contains(&field.as_str()))
                .map(|field| format!("{} {} answers {field}, which is not described", one.method, one.path)),
        );
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns the interpreter of a virtual environment outside of the checkout that has pydo, made on the first run.
async fn python_with_pydo() -> Option<PathBuf> {
    let cache = match (std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME")) {
        (Some(cache), _) => PathBuf::from(cache),
        (None, Some(home)) => PathBuf::from(home).join(".cache"),
        (None, None) => std::env::temp_dir(),
    };
    let home = cache.join("driftless-test").join("pydo-venv");
    let python = home.join("bin/python");
    let has = |python: PathBuf| async move {
        let found = Command::new(python).args(["-c", "import pydo"]).output().await;
        found.is_ok_and(|output| output.status.success())
    };
    if has(python.clone()).await {
        return Some(python);
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(&home).output().await;
    match made {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            lacks(&format!("python3 -m venv failed: {}", said(&output)));
            return None;
        }
        Err(err) => {
            lacks(&format!("python3 does not run: {err}"));
            return None;
        }
    }
    let installed = Command::new(&python).args(["-m", "pip", "install", "--quiet", PYDO]).output().await;
    if has(python.clone()).await {
        return Some(python);
    }
    lacks(&match installed {
        Ok(output) => format!("pip could not install {PYDO}: {}", said(&output)),
        Err(err) => format!("pip does not run: {err}"),
    });
    None
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
