//! One call of each sort that the client has, with every optional field set somewhere.

use std::pin::Pin;

use driftless::ports::digitalocean::{
    ApiError, BackupPolicy, Client, DropletAction, DropletCreate, FirewallBody, ImageRef, InboundRule, KeyRef,
    OutboundRule, RecordBody, Targets, VpcCreate, VpcUpdate,
};

const UUID: &str = "5a4981aa-9653-4bd1-bef5-d6bff52042e4";

type Calling = Pin<Box<dyn Future<Output = Result<(), ApiError>> + Send>>;

/// Names a call and makes it, forgetting what it answers.
macro_rules! calls {
    ($client:expr, $($name:literal => |$c:ident| $call:expr),+ $(,)?) => {
        vec![$(($name, {
            let $c = $client.clone();
            Box::pin(async move { $call.await.map(|_| ()) }) as Calling
        })),+]
    };
}

/// Returns all calls, none of them begun.
pub fn every_call(client: &Client) -> Vec<(&'static str, Calling)> {
    let mut all = reads(client);
    all.extend(writes(client));
    all.extend(droplet_work(client));
    all.extend(records(client));
    all
}

fn reads(client: &Client) -> Vec<(&'static str, Calling)> {
    calls! { client,
        "account" => |c| c.account(),
        "ssh_keys" => |c| c.ssh_keys(),
        "ssh_key" => |c| c.ssh_key(512189),
        "droplets" => |c| c.droplets(),
        "droplet" => |c| c.droplet(3164444),
        "backup_policies" => |c| c.backup_policies(),
        "action" => |c| c.action(36804636),
        "droplet_action" => |c| c.droplet_action(3164444, 36804636),
        "tags" => |c| c.tags(),
        "vpcs" => |c| c.vpcs(),
        "vpc" => |c| c.vpc(UUID),
        "vpc_members" => |c| c.vpc_members(UUID),
        "firewalls" => |c| c.firewalls(),
        "firewall" => |c| c.firewall(UUID),
        "domains" => |c| c.domains(),
        "domain" => |c| c.domain("example.com"),
        "records" => |c| c.records("example.com"),
        "record" => |c| c.record("example.com", 3352896),
        "regions" => |c| c.regions(),
        "sizes" => |c| c.sizes(),
        "image" => |c| c.image("ubuntu-24-04-x64"),
    }
}

fn writes(client: &Client) -> Vec<(&'static str, Calling)> {
    calls! { client,
        "create_ssh_key" => |c| c.create_ssh_key("ops", "ssh-ed25519 AAAA ops"),
        "rename_ssh_key" => |c| c.rename_ssh_key(512189, "ops"),
        "delete_ssh_key" => |c| c.delete_ssh_key(512189),
        "create_tag" => |c| c.create_tag("driftless:1a2b3c4d:0f:g1"),
        "tag_droplets" => |c| c.tag_droplets("web", &[3164444, 3164445]),
        "untag_droplets" => |c| c.untag_droplets("web", &[3164444]),
        "create_vpc" => |c| c.create_vpc(&VpcCreate {
            name: "main".to_owned(),
            region: "fra1".to_owned(),
            ip_range: Some("10.10.0.0/20".to_owned()),
            description: Some("driftless".to_owned()),
        }),
        "update_vpc" => |c| c.update_vpc(UUID, &VpcUpdate {
            name: "main".to_owned(),
            description: Some("driftless".to_owned()),
            default: Some(true),
        }),
        "delete_vpc" => |c| c.delete_vpc(UUID),
        "create_firewall" => |c| c.create_firewall(&firewall()),
        "replace_firewall" => |c| c.replace_firewall(UUID, &firewall()),
        "delete_firewall" => |c| c.delete_firewall(UUID),
        "create_domain" => |c| c.create_domain("example.com"),
        "delete_domain" => |c| c.delete_domain("example.com"),
        "create_droplet" => |c| c.create_droplet(&droplet()),
        "create_droplet with little" => |c| c.create_droplet(&DropletCreate {
            image: ImageRef::Id(7555620),
            ssh_keys: Vec::new(),
            vpc_uuid: None,
            tags: Vec::new(),
            backup_policy: None,
            user_data: None,
            volumes: Vec::new(),
            public_networking: None,
            with_droplet_agent: None,
            ..droplet()
        }),
        "delete_droplet" => |c| c.delete_droplet(3164444),
    }
}

fn droplet_work(client: &Client) -> Vec<(&'static str, Calling)> {
    let name = || "erp-2".to_owned();
    calls! { client,
        "rename" => |c| c.act(1, &DropletAction::Rename { name: name() }),
        "resize" => |c| c.act(1, &DropletAction::Resize { size: "s-2vcpu-4gb".to_owned(), disk: false }),
        "power_off" => |c| c.act(1, &DropletAction::PowerOff),
        "shutdown" => |c| c.act(1, &DropletAction::Shutdown),
        "power_on" => |c| c.act(1, &DropletAction::PowerOn),
        "enable_backups" => |c| c.act(1, &DropletAction::EnableBackups { backup_policy: Some(weekly()) }),
        "enable_backups as it likes" => |c| c.act(1, &DropletAction::EnableBackups { backup_policy: None }),
        "change_backup_policy" => |c| c.act(1, &DropletAction::ChangeBackupPolicy { backup_policy: weekly() }),
        "disable_backups" => |c| c.act(1, &DropletAction::DisableBackups),
        "enable_ipv6" => |c| c.act(1, &DropletAction::EnableIpv6),
        "snapshot" => |c| c.act(1, &DropletAction::Snapshot { name: name() }),
    }
}

fn records(client: &Client) -> Vec<(&'static str, Calling)> {
    let mx = RecordBody { priority: Some(10), ..record("MX", "@", "mail.example.com.") };
    let srv = RecordBody {
        priority: Some(1),
        weight: Some(5),
        port: Some(5060),
        ..record("SRV", "_sip._tcp", "sip.example.com.")
    };
    let caa = RecordBody { flags: Some(0), tag: Some("issue".to_owned()), ..record("CAA", "@", "letsencrypt.org.") };
    calls! { client,
        "create A" => |c| c.create_record("example.com", &record("A", "www", "162.10.66.0")),
        "create TXT" => |c| c.create_record("example.com", &record("TXT", "@", "v=spf1 -all")),
        "create MX" => |c| c.create_record("example.com", &mx),
        "create SRV" => |c| c.create_record("example.com", &srv),
        "create CAA" => |c| c.create_record("example.com", &caa),
        "update A" => |c| c.update_record("example.com", 3352896, &record("A", "www", "162.10.66.1")),
        "delete_record" => |c| c.delete_record("example.com", 3352896),
    }
}

fn droplet() -> DropletCreate {
    DropletCreate {
        name: "erp.example.com".to_owned(),
        region: "fra1".to_owned(),
        size: "s-1vcpu-1gb".to_owned(),
        image: ImageRef::Slug("ubuntu-24-04-x64".to_owned()),
        ssh_keys: vec![KeyRef::Id(289794), KeyRef::Fingerprint("3b:16:e4:bf:8b:00".to_owned())],
        vpc_uuid: Some(UUID.to_owned()),
        tags: vec!["web".to_owned()],
        backups: true,
        backup_policy: Some(weekly()),
        ipv6: true,
        monitoring: true,
        user_data: Some("#cloud-config".into()),
        volumes: vec![UUID.to_owned()],
        public_networking: Some(true),
        with_droplet_agent: Some(false),
    }
}

fn weekly() -> BackupPolicy {
    BackupPolicy { plan: "weekly".to_owned(), weekday: Some("SUN".to_owned()), hour: Some(4) }
}

fn firewall() -> FirewallBody {
    let everything = Targets {
        addresses: vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()],
        droplet_ids: vec![3164444],
        load_balancer_uids: vec![UUID.to_owned()],
        kubernetes_ids: vec![UUID.to_owned()],
        tags: vec!["web".to_owned()],
    };
    let inbound = |protocol: &str, ports: &str| InboundRule {
        protocol: protocol.to_owned(),
        ports: ports.to_owned(),
        sources: everything.clone(),
    };
    let outbound = OutboundRule { protocol: "udp".to_owned(), ports: "0".to_owned(), destinations: everything.clone() };
    FirewallBody {
        name: "production".to_owned(),
        inbound_rules: vec![inbound("tcp", "8000-9000"), inbound("icmp", "0")],
        outbound_rules: vec![outbound],
        droplet_ids: vec![3164444],
        tags: vec!["web".to_owned()],
    }
}

fn record(kind: &str, name: &str, data: &str) -> RecordBody {
    RecordBody {
        kind: kind.to_owned(),
        name: name.to_owned(),
        data: data.to_owned(),
        ttl: Some(1800),
        ..RecordBody::default()
    }
}
