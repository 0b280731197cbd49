//! The DigitalOcean client against the project's simulator, which shares no type with it.

use std::time::Duration;

use driftless::ports::digitalocean::{
    ActionStatus, BackupPolicy, Client, Config, DropletAction, DropletCreate, DropletStatus, ErrorKind, FirewallBody,
    ImageRef, InboundRule, KeyRef, Limits, RecordBody, Targets, Token, VpcCreate, VpcUpdate,
};
use driftless::sandbox;

use crate::client::script;

const MINUTE: Duration = Duration::from_secs(60);
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ops@example.com";

async fn start(limits: sandbox::Limits) -> (sandbox::Running, Client) {
    let settings = sandbox::Config { action_time: Duration::from_millis(5), limits, ..sandbox::Config::default() };
    let running = sandbox::serve(settings).await.expect("a simulator");
    let config = Config { limits: Limits::OFF, ..script::config(&running.url(), Token::inline("sandbox")) };
    let client = Client::new(config).expect("a client");
    (running, client)
}

fn droplet(name: &str) -> DropletCreate {
    DropletCreate {
        name: name.to_owned(),
        region: "fra1".to_owned(),
        size: "s-1vcpu-1gb".to_owned(),
        image: ImageRef::Slug("ubuntu-24-04-x64".to_owned()),
        ssh_keys: Vec::new(),
        vpc_uuid: None,
        tags: vec!["web".to_owned()],
        backups: false,
        backup_policy: None,
        ipv6: false,
        monitoring: false,
        user_data: Some("#cloud-config".into()),
        volumes: Vec::new(),
        public_networking: None,
        with_droplet_agent: None,
    }
}

fn record(kind: &str, name: &str, data: &str) -> RecordBody {
    RecordBody {
        kind: kind.to_owned(),
        name: name.to_owned(),
        data: data.to_owned(),
        ttl: Some(300),
        ..RecordBody::default()
    }
}

#[tokio::test]
async fn a_droplet_lives_through_every_change_that_the_client_can_make() {
    let (_running, client) = start(sandbox::Limits::off()).await;
    let key = client.create_ssh_key("ops", KEY).await.expect("a key");
    // The first network of a region becomes its default, which cannot be deleted.
    let network = |name: &str, ip_range: &str| VpcCreate {
        name: name.to_owned(),
        region: "fra1".to_owned(),
        ip_range: Some(ip_range.to_owned()),
        description: None,
    };
    let first = client.create_vpc(&network("first", "10.9.0.0/20")).await.expect("a network");
    let kept = client.delete_vpc(&first.id).await.expect_err("the default stays");
    assert_eq!(kept.kind(), ErrorKind::Invalid, "{kept}");
    let vpc = client.create_vpc(&network("main", "10.10.0.0/20")).await.expect("a network");
    let wanted = DropletCreate { ssh_keys: vec![KeyRef::Id(key.id)], vpc_uuid: Some(vpc.id.clone()), ..droplet("erp") };
    let made = client.create_droplet(&wanted).await.expect("a droplet");
    let id = made.droplet.id;
    client.wait_action(id, made.action.expect("an action"), MINUTE).await.expect("made");

    let weekly = BackupPolicy { plan: "weekly".to_owned(), weekday: Some("MON".to_owned()), hour: Some(8) };
    let daily = BackupPolicy { plan: "daily".to_owned(), weekday: None, hour: Some(4) };
    for work in [
        DropletAction::Rename { name: "erp-2".to_owned() },
        DropletAction::EnableIpv6,
        DropletAction::EnableBackups { backup_policy: Some(weekly) },
        DropletAction::ChangeBackupPolicy { backup_policy: daily.clone() },
        DropletAction::PowerOff,
        DropletAction::Resize { size: "s-2vcpu-4gb".to_owned(), disk: false },
        DropletAction::PowerOn,
        DropletAction::Snapshot { name: "before".to_owned() },
    ] {
        let action = client.act(id, &work).await.unwrap_or_else(|why| panic!("{work:?}: {why}"));
        let done = client.wait_action(id, action.id, MINUTE).await.unwrap_or_else(|why| panic!("{work:?}: {why}"));
        assert_eq!(done.status, ActionStatus::Completed, "{work:?}");
    }
    client.create_tag("db").await.expect("a tag");
    client.tag_droplets("db", &[id]).await.expect("tagged");
    client.untag_droplets("web", &[id]).await.expect("untagged");

    let seen = client.droplet(id).await.expect("an answer").expect("there");
    assert_eq!((seen.name.as_str(), seen.size_slug.as_str()), ("erp-2", "s-2vcpu-4gb"));
    assert_eq!((seen.status, seen.locked), (DropletStatus::Active, false));
    assert_eq!((seen.tags.as_slice(), seen.vpc_uuid.as_deref()), (["db".to_owned()].as_slice(), Some(vpc.id.as_str())));
    assert!(seen.features.iter().any(|feature| feature == "ipv6"), "{:?}", seen.features);
    assert!(!seen.networks.v6.is_empty() && seen.networks.v4.iter().any(|address| address.kind == "public"));
    assert_eq!(seen.image.slug.as_deref(), Some("ubuntu-24-04-x64"));
    let policies = client.backup_policies().await.expect("policies");
    assert_eq!(policies.iter().find(|one| one.droplet_id == id).and_then(|one| one.backup_policy.clone()), Some(daily));

    let busy = client.delete_vpc(&vpc.id).await.expect_err("it has a member");
    assert_eq!(busy.kind(), ErrorKind::Busy, "{busy}");
    assert_eq!(client.vpc_members(&vpc.id).await.expect("members").len(), 1);
    client.delete_droplet(id).await.expect("deleted");
    client.wait_droplet_gone(id, MINUTE).await.expect("gone");
    client.delete_droplet(id).await.expect("gone already");
    assert_eq!(client.droplet(id).await.expect("an answer"), None);
    client.delete_vpc(&vpc.id).await.expect("empty now");
}

#[tokio::test]
async fn zones_records_firewalls_networks_and_keys_come_and_go() {
    let (_running, client) = start(sandbox::Limits::off()).await;
    client.create_domain("example.com").await.expect("a zone");
    let www = client.create_record("example.com", &record("A", "www", "203.0.113.7")).await.expect("a record");
    let mx = RecordBody { priority: Some(10), ..record("MX", "@", "mail.example.com.") };
    client.create_record("example.com", &mx).await.expect("a record");
    client.create_record("example.com", &record("TXT", "@", "v=spf1 -all")).await.expect("a record");
    let moved = client.update_record("example.com", www.id, &record("A", "www", "203.0.113.8")).await.expect("moved");
    assert_eq!((moved.data.as_str(), moved.ttl), ("203.0.113.8", 300));
    let records = client.records("example.com").await.expect("records");
    let mail = records.iter().find(|one| one.kind == "MX").expect("the MX");
    assert_eq!((mail.data.as_str(), mail.priority), ("mail.example.com", Some(10)));
    client.delete_record("example.com", www.id).await.expect("deleted");

    let any = Targets { addresses: vec!["0.0.0.0/0".to_owned()], ..Targets::default() };
    let rule = |ports: &str| InboundRule { protocol: "tcp".to_owned(), ports: ports.to_owned(), sources: any.clone() };
    let firewall = FirewallBody { name: "web".to_owned(), inbound_rules: vec![rule("443")], ..FirewallBody::default() };
    let made = client.create_firewall(&firewall).await.expect("a firewall");
    let twice = client.create_firewall(&firewall).await.expect_err("the name is taken");
    assert_eq!(twice.kind(), ErrorKind::Conflict, "{twice}");
    let wider = FirewallBody { inbound_rules: vec![rule("443"), rule("all")], ..firewall };
    client.replace_firewall(&made.id, &wider).await.expect("replaced");
    let seen = client.firewall(&made.id).await.expect("an answer").expect("there");
    assert_eq!(seen.inbound_rules.iter().map(|rule| rule.ports.as_str()).collect::<Vec<_>>(), ["443", "0"]);
    client.delete_firewall(&made.id).await.expect("deleted");
    assert_eq!(client.firewalls().await.expect("firewalls"), []);

    let vpc = VpcCreate { name: "a".to_owned(), region: "fra1".to_owned(), ip_range: None, description: None };
    let vpc = client.create_vpc(&vpc).await.expect("a network");
    let update = VpcUpdate { name: "b".to_owned(), description: Some("marked".to_owned()), default: None };
    let vpc = client.update_vpc(&vpc.id, &update).await.expect("renamed");
    assert_eq!((vpc.name.as_str(), vpc.description.as_str()), ("b", "marked"));
    let key = client.create_ssh_key("ops", KEY).await.expect("a key");
    let twice = client.create_ssh_key("again", KEY).await.expect_err("the key is there");
    assert_eq!(twice.kind(), ErrorKind::Conflict, "{twice}");
    assert_eq!(client.rename_ssh_key(key.id, "root").await.expect("renamed").name, "root");
    client.delete_ssh_key(key.id).await.expect("deleted");
    client.delete_domain("example.com").await.expect("deleted");
    assert_eq!(client.domain("example.com").await.expect("an answer"), None);
}

#[tokio::test]
async fn the_catalog_and_the_account_can_be_read() {
    let (_running, client) = start(sandbox::Limits::off()).await;
    assert!(!client.account().await.expect("an account").owner().is_empty());
    assert!(client.regions().await.expect("regions").iter().any(|region| region.slug == "fra1" && region.available));
    let sizes = client.sizes().await.expect("sizes");
    assert!(sizes.iter().any(|size| size.slug == "s-1vcpu-1gb" && size.price_monthly > 0.0));
    assert!(client.image("ubuntu-24-04-x64").await.expect("an answer").is_some());
    assert_eq!(client.image("plan9-x64").await.expect("an answer"), None);
    assert_eq!(client.tags().await.expect("tags"), []);
}

#[tokio::test]
async fn a_reply_lost_after_the_work_was_done_makes_no_second_droplet() {
    for fault in ["POST /v2/droplets lost-reply", "POST /v2/droplets closed", "POST /v2/droplets 502"] {
        let (running, client) = start(sandbox::Limits::off()).await;
        running.handle().inject(fault.parse().expect("a fault"));
        let error = client.create_droplet(&droplet("erp")).await.expect_err("lost");
        assert_eq!(error.kind(), ErrorKind::Unclear, "{fault}: {error}");
        assert_eq!(running.handle().calls().count("POST /v2/droplets"), 1, "{fault}");
    }
}

#[tokio::test]
async fn a_list_whose_pages_shift_is_read_again_until_it_is_whole() {
    let (running, client) = start(sandbox::Limits::off()).await;
    client.create_domain("example.com").await.expect("a zone");
    for n in 0..250 {
        client.create_record("example.com", &record("A", &format!("h{n}"), "203.0.113.7")).await.expect("a record");
    }
    let whole = client.records("example.com").await.expect("records").len();
    assert!(whole >= 250);
    for shift in ["insert", "remove"] {
        let line = format!("GET /v2/domains/example.com/records shift={shift} count=2");
        let fault = running.handle().inject(line.parse().expect("a fault"));
        assert_eq!(client.records("example.com").await.expect("records").len(), whole, "{shift}");
        assert!(running.handle().fired(fault) > 0, "{shift}");
    }
    running.handle().inject("GET /v2/domains/example.com/records shift=insert".parse().expect("a fault"));
    let error = client.records("example.com").await.expect_err("it never rests");
    assert_eq!(error.kind(), ErrorKind::ListMoved, "{error}");
}

#[tokio::test]
async fn a_token_that_may_only_read_is_told_which_scope_it_lacks() {
    let settings = sandbox::Config { tokens: vec![sandbox::Token::read_only("reader")], ..sandbox::Config::default() };
    let running = sandbox::serve(settings).await.expect("a simulator");
    let client = script::client(&running.url(), Token::inline("reader"));
    assert_eq!(client.droplets().await.expect("droplets"), []);
    let error = client.create_droplet(&droplet("erp")).await.expect_err("refused");
    assert_eq!((error.kind(), error.missing_scope()), (ErrorKind::Forbidden, "droplet:create"), "{error}");
    let stranger = script::client(&running.url(), Token::inline("stranger"));
    assert_eq!(stranger.droplets().await.expect_err("refused").kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn what_the_server_says_is_left_is_obeyed_without_limits_of_our_own() {
    let (running, client) = start(sandbox::Limits::real()).await;
    running.handle().inject("GET /v2/account retry-after=0 count=2".parse().expect("a fault"));
    client.account().await.expect("at the third try");
    assert_eq!(client.calls(), 3);
}

/// Seeds 3905 and 9325 of the random schedules: it was waited for, for a quarter of an hour.
#[tokio::test]
async fn a_droplet_whose_destruction_fails_is_not_waited_for_until_the_end() {
    let (running, client) = start(sandbox::Limits::off()).await;
    let made = client.create_droplet(&droplet("erp")).await.expect("made");
    let there = |droplet: Option<&driftless::ports::digitalocean::Droplet>| droplet.is_some_and(|d| !d.locked);
    client.wait_droplet(made.droplet.id, "the appearance", MINUTE, there).await.expect("there");
    running.handle().inject("DELETE /v2/droplets/* errored".parse().expect("a fault"));
    client.delete_droplet(made.droplet.id).await.expect("taken on");
    let error = client.wait_droplet_gone(made.droplet.id, MINUTE).await.expect_err("it is still there");
    assert_eq!(error.kind(), ErrorKind::ActionErrored, "{error}");
    assert!(error.to_string().contains("is still there, and nothing is under way with it"), "{error}");
}
