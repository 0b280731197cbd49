//! `driftless demo --hosts containers`: the whole story on real parts without a registry, where the images come from, and what
//! it says where something is missing.

use super::Machines;
use super::machines::IMAGE;
use crate::cli::Desk;
use crate::stacks::engine::Engine;
use driftless::sandbox::{ContainersConfig, ImageSource, WantedImage, provide_images};
use std::process::Output;
use std::sync::Mutex;

fn demo(docker: &str, more: &[&str]) -> Output {
    let desk = Desk::new();
    let mut command = desk.command(&[&["demo", "--hosts", "containers"], more].concat());
    command.env("DOCKER_HOST", docker).output().expect("the program")
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_demo_plays_its_story_on_containers_and_leaves_nothing_behind() {
    let Some(machines) = Machines::start() else { return };
    let output = demo(&machines.engine.address(), &["--once", "--stand-ins"]);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    for line in [
        "postgres:16                                stand-in (nothing was pulled)",
        "odoo:17.0                                  stand-in (as postgres:16 is one, which it needs)",
        "registry.example.com/ocr/adapter:1.4.0     stand-in (registry.example.com is an example's name)",
        "Sites are served by plain http",
        "start odoo",
        "(drift put back)",
        "changed by hand, put back",
        "Git and reality agree.",
    ] {
        assert!(told.contains(line), "no {line:?} in\n{told}");
    }
    let tagged = machines.engine.say(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
    assert!(tagged.contains("driftless-stand-in:odoo-17.0") && !tagged.contains("\nodoo:"), "{tagged}");
    let label = machines.engine.say(&["ps", "-aq", "--filter", "label=driftless.sandbox", "--filter", "name=odoo"]);
    assert_eq!(label, "", "its droplets went with it");
}

#[test]
fn without_an_engine_or_the_image_the_demo_says_what_it_tried_and_what_to_do() {
    let output = demo("unix:///nowhere/docker.sock", &["--once"]);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("need a Docker Engine on this machine") && told.contains("docker version"), "{told}");
    let Some(engine) = Engine::start() else { return };
    let output = demo(&engine.address(), &["--once"]);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(&format!("sudo deploy/droplet-image/build {IMAGE}")), "{told}");
    assert!(!told.contains("stand-in ("), "nothing is begun: {told}");
}

#[tokio::test]
async fn an_image_is_taken_where_it_is_pulled_where_it_can_be_and_stood_in_for_else() {
    let Some(machines) = Machines::start() else { return };
    let config = ContainersConfig { docker: Some(machines.engine.address()), ..ContainersConfig::default() };
    let wanted = |image: &str| WantedImage {
        image: image.to_owned(),
        droplets: Vec::new(),
        needs: Vec::new(),
        ports: vec![8000],
    };
    // Nobody listens there.
    let mut all = ["web:1", "localhost:1/made/up:1", "localhost:1/made/up:2", "web:2"].map(wanted);
    all[3].needs.push("localhost:1/made/up:1".to_owned());
    let told = Mutex::new(Vec::new());
    let tell = |wanted: &WantedImage, source: &ImageSource| {
        told.lock().expect("told").push((wanted.image.clone(), source.clone()));
    };
    let given = provide_images(&config, &all, true, &tell).await.expect("all of them");
    let names: Vec<&str> = given.iter().map(|one| one.image.trim_start_matches("driftless-stand-in:")).collect();
    assert_eq!(names, ["web:1", "localhost-1-made-up-1", "localhost-1-made-up-2", "web-2"]);
    let images = || machines.engine.say(&["image", "inspect", "-f", "{{.Id}}", &given[1].image, &given[3].image]);
    let before = images();
    assert_eq!(provide_images(&config, &all, false, &|_, _| {}).await.expect("all of them"), given);
    assert_eq!(images(), before, "a stand-in is made once");
    let told = told.into_inner().expect("told");
    let of = |number: usize| (told[number].0.as_str(), &told[number].1);
    assert_eq!((of(0), of(1)), (("web:1", &ImageSource::Here), ("localhost:1/made/up:1", &ImageSource::Pulling)));
    assert!(
        matches!(of(2).1, ImageSource::StandIn(why) if why.contains("not pulled") && why.contains("refused")),
        "{told:?}"
    );
    assert_eq!(of(3).1, &ImageSource::StandIn("localhost:1 gave nothing before".to_owned()));
    // What a real one needs is not there.
    assert_eq!(of(4).1, &ImageSource::StandIn("as localhost:1/made/up:1 is one, which it needs".to_owned()));
    let says = machines.engine.say(&[
        "run",
        "--rm",
        "--network",
        "none",
        "--entrypoint",
        "cat",
        given[1].image.as_str(),
        "/www/index.html",
    ]);
    assert_eq!(says, "This stands in for localhost:1/made/up:1.");
}
