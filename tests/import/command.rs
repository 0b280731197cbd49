//! `driftless import` as people run it.

use crate::cli::{Desk, Said};
use driftless::sandbox::{self, Running, Scopes, Seed, Token};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// A desk, and an account that it looks at.
struct Office {
    desk: Desk,
    running: Running,
}

impl Office {
    async fn new() -> Self {
        let lacking =
            "account:read,sizes:read,regions:read,image:read,droplet:read,vpc:read,ssh_key:read,firewall:read";
        let running = sandbox::serve(sandbox::Config {
            tokens: vec![
                Token::full("sandbox"),
                Token::read_only("reader"),
                Token::full("lacking").with_scopes(Scopes::parse(lacking)),
            ],
            ..crate::house::sandbox_settings()
        })
        .await
        .expect("a simulator");
        Self { desk: Desk::new(), running }
    }

    async fn say(&self, token: &str, arguments: &[&str]) -> Said {
        let mut command = self.desk.command(arguments);
        command.env("DIGITALOCEAN_API_URL", self.running.url()).env("DIGITALOCEAN_ACCESS_TOKEN", token);
        command.env("DRIFTLESS_DIGITALOCEAN_PER_MINUTE", "100000").env("DRIFTLESS_DIGITALOCEAN_PER_HOUR", "1000000");
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).expect("UTF-8").replace(&self.desk.work().display().to_string(), "[work]")
        };
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    async fn post(&self, path: &str, body: Value) {
        super::account::post(&self.running.url(), path, body).await;
    }

    /// An account as a small team has it.
    async fn fill(&self) {
        self.post("vpcs", json!({"name": "main", "region": "sgp1", "ip_range": "10.114.0.0/20"})).await;
        let droplet = json!({"name": "erp", "region": "sgp1", "size": "s-2vcpu-4gb", "image": "ubuntu-22-04-x64",
            "tags": ["production"], "monitoring": true});
        self.post("droplets", droplet).await;
        while !self.running.handle().read(|w| w.droplets.values().all(|d| d.event.is_none())) {
            super::account::look(&self.running.url(), "droplets").await;
        }
        let (id, address) = self
            .running
            .handle()
            .read(|w| w.droplets.values().map(|d| (d.id, d.public_v4.expect("an address"))).next().expect("a droplet"));
        let rule = json!({"protocol": "tcp", "ports": "22", "sources": {"addresses": ["10.114.0.0/20", "192.0.2.7"]}});
        let firewall = json!({"name": "production", "inbound_rules": [rule], "droplet_ids": [id]});
        self.post("firewalls", firewall).await;
        self.post("domains", json!({"name": "example.com"})).await;
        for (name, kind, data) in
            [("erp", "A", address.to_string()), ("@", "TXT", "no".to_owned()), ("q", "TXT", "a \"b\"".to_owned())]
        {
            let body = json!({"type": kind, "name": name, "data": data, "ttl": 300});
            self.post("domains/example.com/records", body).await;
        }
    }

    fn written(&self) -> Vec<String> {
        let mut files: Vec<String> = crate::process::rig::files(&self.desk.work())
            .iter()
            .map(|path| path.strip_prefix(self.desk.work()).expect("below").display().to_string())
            .collect();
        files.sort();
        files
    }
}

fn refused(said: &Said) -> &str {
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{}", said.err);
    &said.err
}

#[tokio::test]
async fn an_account_becomes_a_repo_whose_plan_is_empty() {
    let office = Office::new().await;
    office.fill().await;
    office.running.handle().forget_calls();
    let said = office.say("reader", &["import", "infra"]).await;
    assert_eq!((said.code, said.err.as_str()), (Some(3), ""), "{}", said.out);
    assert_snapshot!(said.out);
    assert_snapshot!(office.desk.read("infra/domains/example.com.yaml"), @r#"
    # The zone's own SOA and NS records are DigitalOcean's and not listed.
    apiVersion: driftless/v1
    kind: Domain
    metadata: {name: example.com}
    spec:
      defaultTtl: 300
      records:
        - {name: "@", type: TXT, value: "no"}
        - {name: erp, type: A, droplet: erp}
      # Left out; it stays as it is:
      #   q TXT: has the TXT record "q" with "a \"b\"", which has a double quote inside
    "#);
    assert_snapshot!(office.desk.read("infra/firewalls/production.yaml"), @"
    apiVersion: driftless/v1
    kind: Firewall
    metadata: {name: production}
    spec:
      applyTo: {droplets: [erp]}
      inbound:
        - {protocol: tcp, ports: 22, from: [{vpc: main}, 192.0.2.7]}
    ");
    assert!(office.running.handle().calls().mutations.is_empty());
    assert_eq!(office.say("reader", &["validate", "infra"]).await.code, Some(0));
    let plan = office.say("reader", &["plan", "infra"]).await;
    assert_eq!(plan.code, Some(0), "{}{}", plan.out, plan.err);
    assert!(plan.out.contains("Nothing to do: 4 resources in sync"), "{}", plan.out);

    // A second import writes over nothing.
    let before = office.desk.read("infra/settings.yaml");
    let again = office.say("reader", &["import", "infra"]).await;
    assert!(
        refused(&again).contains("infra is not empty: it holds") && again.err.contains("settings.yaml"),
        "{}",
        again.err
    );
    assert_eq!(office.desk.read("infra/settings.yaml"), before);
}

#[tokio::test]
async fn what_it_did_is_told_as_data_too() {
    let office = Office::new().await;
    office.fill().await;
    let said = office.say("reader", &["import", "infra", "--only", "droplets,SshKey", "-o", "json"]).await;
    let told: Value = serde_json::from_str(&said.out).unwrap_or_else(|why| panic!("{why}: {} {}", said.out, said.err));
    assert_eq!((said.code, &told["schema"]), (Some(3), &json!("driftless.import/v1")), "{}", said.err);
    assert_eq!(told["documents"][0]["id"], "Droplet/erp");
    assert_eq!(told["documents"][0]["file"], "droplets/erp.yaml");
    // Its network is no document here, and that is said.
    assert!(told["leftOut"][0]["why"].as_str().is_some_and(|why| why.starts_with("vpc: ")), "{told}");
    assert_eq!(office.say("reader", &["plan", "infra"]).await.code, Some(0));
}

#[tokio::test]
async fn what_cannot_be_read_stops_it_and_is_named() {
    let office = Office::new().await;
    office.fill().await;
    let said = office.say("lacking", &["import", "infra"]).await;
    let told = refused(&said);
    assert!(told.contains("the account could not be read whole, so nothing was written"), "{told}");
    assert!(told.contains("\n  Domain: ") && told.contains("403"), "{told}");
    assert!(told.contains("--only Vpc,SshKey,Droplet,Firewall"), "{told}");
    assert_eq!(office.written(), Vec::<String>::new());
    let rest = office.say("lacking", &["import", "infra", "--only", "Vpc,SshKey,Droplet,Firewall"]).await;
    assert_eq!(rest.code, Some(0), "{}{}", rest.out, rest.err);

    // One zone of several: a part of the zones would look like all of them.
    let office = Office::new().await;
    office.fill().await;
    office.post("domains", json!({"name": "other.example"})).await;
    office.running.handle().inject(
        "GET /v2/domains/other.example/records 404"
            .parse()
            .unwrap_or_else(|_| "GET /v2/domains/other.example/records 500".parse().expect("a fault")),
    );
    let said = office.say("reader", &["import", "infra"]).await;
    assert!(refused(&said).contains("\n  Domain:other.example: "), "{}", said.err);
    assert_eq!(office.written(), Vec::<String>::new());
}

#[tokio::test]
async fn a_token_a_kind_and_a_folder_that_will_not_do() {
    let office = Office::new().await;
    let without = office.desk.say(&["import", "infra"]);
    assert!(refused(&without).contains("no DigitalOcean token is set"), "{}", without.err);
    let wrong = office.say("nobodys", &["import", "infra"]).await;
    assert!(refused(&wrong).contains("401"), "{}", wrong.err);
    let kind = office.say("reader", &["import", "infra", "--only", "droplets,volumes"]).await;
    assert_snapshot!(refused(&kind), @r#"
    error: --only "volumes" is no kind
      Kinds are: Vpc, SshKey, Droplet, Firewall, Domain, Host, ComposeStack, NginxSite
    "#);
    office.desk.write("file", "");
    let file = office.say("reader", &["import", "file/infra"]).await;
    assert!(refused(&file).contains("file/infra could not be looked into"), "{}", file.err);
    assert_eq!(office.written(), ["file"]);
}

#[tokio::test]
async fn files_that_are_there_stay_and_have_to_go_together_with_the_new_ones() {
    let office = Office::new().await;
    office.fill().await;
    office.desk.write("infra/NOTES.md", "mine");
    office.desk.write("infra/other.yaml", "some: {other: tool}");
    let said = office.say("reader", &["import", "infra"]).await;
    assert_eq!(said.code, Some(3), "{}{}", said.out, said.err);
    assert_eq!(office.desk.read("infra/NOTES.md"), "mine");

    office.desk.write("second/droplets/erp.yaml", "mine");
    let said = office.say("reader", &["import", "second"]).await;
    assert!(refused(&said).contains("second is not empty: it holds droplets/erp.yaml"), "{}", said.err);

    let mine = "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: main}\nspec: {region: sgp1}\n";
    office.desk.write("third/mine.yaml", mine);
    let said = office.say("reader", &["import", "third"]).await;
    assert_eq!(said.code, Some(3), "{}{}", said.out, said.err);
    assert!(said.out.contains("Vpc/main is declared twice (first declared at mine.yaml:3:18)"), "{}", said.out);
    assert_eq!(office.desk.read("third/mine.yaml"), mine);
    assert_eq!(office.say("reader", &["plan", "third"]).await.code, Some(0));
}

#[tokio::test]
async fn a_thousand_records_cost_the_pages_that_hold_them() {
    let office = Office::new().await;
    office.running.handle().seed(Seed { zones: 1, records_per_zone: 1000, ..Seed::default() });
    let said = office.say("reader", &["import", "infra"]).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.contains("1 zone with 1000 record sets"), "{}", said.out);
    // A thousand, the SOA and three NS records: six pages of 200.
    assert_eq!(office.running.handle().calls().count("GET /v2/domains/*/records"), 6);
    assert_eq!(office.running.handle().calls().count("GET /v2/domains"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_for_an_estate_that_has_an_id_keeps_it() {
    let office = Office::new().await;
    office.fill().await;
    let id = "9f2c6a1e-0000-4000-8000-00000000000a";
    let said = office.say("reader", &["import", "more", "--estate-id", id, "-o", "json"]).await;
    let told: Value = serde_json::from_str(&said.out).unwrap_or_else(|why| panic!("{why}: {said:?}"));
    assert_eq!(told["estateId"], id);
    let settings = std::fs::read_to_string(office.desk.work().join("more/settings.yaml")).expect("settings");
    assert!(settings.contains(&format!("id: {id}")), "{settings}");
    let odd = office.say("reader", &["import", "other", "--estate-id", "production"]).await;
    assert_eq!(odd.code, Some(64), "{odd:?}");
    assert!(odd.err.contains("--estate-id") && !office.desk.work().join("other").exists(), "{odd:?}");
}
