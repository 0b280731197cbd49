//! `driftless plan`: what it says, to whom, and that it leaves nothing behind.

use std::time::Duration;

use super::rig::{ENFORCE, Rig, VPC, files, ran};

const QUICK: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_a_folder_exits_with_2_where_there_is_something_to_do_and_0_where_there_is_not() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    let plan = rig.run(&["plan", "."]).await.ended(2);
    assert!(plan.out.contains("+ Vpc/main"), "{}", plan.out);
    assert_eq!(plan.err, "");
    rig.run(&["apply", ".", "--yes"]).await.ended(0);
    rig.run(&["plan", "."]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_as_json_is_data_and_nothing_else() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    let plan = rig.run(&["plan", "-o", "json"]).await.ended(2);
    assert_eq!(plan.json()["schema"], "driftless.plan/v1");
    assert_eq!(plan.err, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_needs_no_more_than_a_token_that_reads_and_leaves_nothing_behind() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    let mut command = rig.stranger(&["plan", "."]);
    command.env("DIGITALOCEAN_ACCESS_TOKEN", "reader");
    ran(command).await.ended(2);
    assert_eq!(files(&rig.home()), Vec::<std::path::PathBuf>::new());
    assert_eq!(rig.hand().calls().mutations.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_a_commit_reads_the_repo_and_not_the_folder() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    let first = rig.push(&[]);
    std::fs::remove_file(rig.repo().join("vpc.yaml")).expect("a file");
    let second = rig.push(&[]);
    rig.run(&["plan", "--repo", ".", &first]).await.ended(2).says(&first[..7]).says("+ Vpc/main");
    rig.run(&["plan", "--repo", ".", &second[..8]]).await.ended(0).says(&second[..7]);
    rig.run(&["plan", "--repo", ".", "nothing"]).await.ended(1).says("neither a folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_mistakes_of_a_new_user_are_told_with_the_way_out() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    ran(rig.stranger(&["plan"])).await.ended(1).says("no DigitalOcean token is set").says("DIGITALOCEAN_ACCESS_TOKEN");

    let mut wrong = rig.stranger(&["plan"]);
    wrong.env("DIGITALOCEAN_ACCESS_TOKEN", "mistyped");
    let wrong = ran(wrong).await.ended(1).says("401");
    assert!(!wrong.err.contains("mistyped") && wrong.out.is_empty(), "{wrong:?}");

    let mut refused = rig.stranger(&["plan"]);
    refused.env("DIGITALOCEAN_ACCESS_TOKEN", "sandbox").env("DIGITALOCEAN_API_URL", "http://127.0.0.1:9");
    ran(refused).await.ended(1).says("127.0.0.1:9");

    rig.run(&["plan", "--repo", "/nowhere", "main"]).await.ended(1).says("/nowhere");
    std::fs::write(rig.repo().join("vpc.yaml"), VPC.replace("region", "regoin")).expect("a file");
    let flawed = rig.run(&["plan", "-o", "json"]).await.ended(1).says("regoin");
    assert_eq!(flawed.out, "");
}
