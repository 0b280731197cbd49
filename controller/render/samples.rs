//! Plans, diagnostics and outcomes for the goldens. Owns no assertion.

use crate::model::change::{Cost, Hold, HoldReason};
use crate::model::finding::Weight;
use crate::model::plan::{Looked, Monthly, SCHEMA, Unowned};
use crate::model::{
    Attempt, Cause, Cents, ChangeKey, Diagnostic, Digest, Fault, Finding, Outcome, Output, Place, Plan, Planned,
    ProviderId, ResourceId, Risk, Scope, SettingsMode, Severity, Shown, Standing, Step, Verb,
};
use jiff::Timestamp;

pub fn id(text: &str) -> ResourceId {
    text.parse().unwrap()
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn noon() -> Timestamp {
    at("2026-11-22T12:00:00Z")
}

pub fn shown(text: &str) -> Shown {
    Shown::text(text)
}

pub fn set(values: &[&str]) -> Shown {
    Shown::set(values.iter().map(|v| (*v).to_owned()))
}

/// A change that goes, of a document.
pub fn change(text: &str, part: Option<&str>, verb: Verb, title: &str) -> Planned {
    let id = id(text);
    let key = ChangeKey { id: id.clone(), part: part.map(str::to_owned), verb };
    Planned {
        provider_id: None,
        generation: 1,
        scope: Scope::of(&id.kind),
        title: title.to_owned(),
        risk: Risk::None,
        fields: Vec::new(),
        cost: None,
        cause: Cause::Document,
        after: Vec::new(),
        step: Step::Ready(serde_json::Value::Null),
        standing: Standing::Go,
        place: None,
        wrote: Vec::new(),
        settles: None,
        ways: Vec::new(),
        undo: None,
        leads: None,
        digest: Digest::of(&key.to_string()),
        key,
    }
}

pub trait With: Sized {
    fn price(self, before: i64, after: i64) -> Self;
    fn object(self, id: &str) -> Self;
    fn place(self, file: &str, line: u32) -> Self;
    fn held(self, rule: &str, why: &str) -> Self;
    fn standing(self, standing: Standing) -> Self;
    fn waits(self, on: &str, why: &str) -> Self;
}

impl With for Planned {
    fn price(mut self, before: i64, after: i64) -> Self {
        self.cost = Some(Cost { before: Cents(before), after: Cents(after) });
        self
    }
    fn object(mut self, id: &str) -> Self {
        self.provider_id = Some(ProviderId(id.to_owned()));
        self
    }
    fn place(mut self, file: &str, line: u32) -> Self {
        self.place = Some(Place { file: file.to_owned(), line, column: 3 });
        self
    }
    fn held(self, rule: &str, why: &str) -> Self {
        let digest = self.digest.clone();
        let reasons = vec![HoldReason { rule: rule.to_owned(), text: why.to_owned() }];
        self.standing(Standing::Held(Hold { reasons, digest }))
    }
    fn standing(mut self, standing: Standing) -> Self {
        self.standing = standing;
        self
    }
    fn waits(mut self, on: &str, why: &str) -> Self {
        self.step = Step::Waits { on: vec![id(on)], why: why.to_owned() };
        self
    }
}

pub fn address(of: &str) -> Shown {
    Shown::Pending { of: id(of), output: Output::Address }
}

/// Nothing to do.
pub fn in_sync() -> Plan {
    Plan {
        schema: SCHEMA.to_owned(),
        estate: "production".to_owned(),
        estate_id: uuid::Uuid::from_u128(0x9f2c_6a1e_0000_4000_8000_0000_0000_0001),
        commit: Some("4f2c9d1be0a7c3d2e1f00112233445566778899a".to_owned()),
        as_of: noon(),
        mode: SettingsMode::Enforce,
        changes: Vec::new(),
        findings: Vec::new(),
        resources: 23,
        in_sync: 23,
        paused: 0,
        unknown: 0,
        unowned: Vec::new(),
        monthly: Monthly { before: Cents(7200), after: Cents(7200) },
        looked: Looked { calls: 9, hosts: 2, took_ms: 843 },
        frozen: None,
        next_due: None,
        remember: Vec::new(),
    }
}

pub fn replace_ocr() -> [Planned; 2] {
    let why = "replaceOn: [image]; replacing a droplet destroys its disk";
    let replace = change("Droplet/ocr", None, Verb::Replace, "replace")
        .object("3164499")
        .field("image", shown("ubuntu-20-04-x64"), shown("ubuntu-22-04-x64"))
        .risk(Risk::Destroys(why.to_owned()))
        .place("droplets/ocr.yaml", 9)
        .held("destroys-data", why);
    let mut retire = change("Droplet/ocr", Some("3164499"), Verb::Retire, "destroy the former droplet 3164499")
        .object("3164499")
        .held("destroys-data", why);
    if let (Standing::Held(a), Standing::Held(b)) = (&replace.standing, &mut retire.standing) {
        b.digest = a.digest.clone();
    }
    [replace, retire]
}

pub fn resize_erp() -> Planned {
    change("Droplet/erp", Some("size"), Verb::Update, "resize, 1–2 min off")
        .object("3164494")
        .field("size", shown("s-2vcpu-4gb"), shown("s-4vcpu-8gb"))
        .risk(Risk::Downtime("1–2 min".to_owned()))
        .price(2400, 4800)
}

/// The day that FACES tells of.
pub fn ordinary() -> Plan {
    let mut plan = in_sync();
    plan.changes.extend(replace_ocr());
    plan.changes.push(resize_erp());
    plan.changes.push(
        change("Firewall/production", None, Verb::Update, "update")
            .field(
                "inbound",
                set(&["icmp from any", "tcp 22 from any", "tcp 80 from any", "tcp 8069 from any"]),
                set(&["icmp from any", "tcp 22 from any", "tcp 80 from any", "tcp 443 from any"]),
            )
            .risk(Risk::None),
    );
    plan.changes.push(
        change("Domain/example.com", Some("ipa A"), Verb::Create, "create")
            .field("value", Shown::Nothing, address("Droplet/erp"))
            .field("ttl", Shown::Nothing, shown("300"))
            .waits("Droplet/erp", "address of Droplet/erp"),
    );
    plan.changes.push(change("Droplet/mail", Some("tags"), Verb::Update, "update").cause(Cause::Drift).field(
        "tags",
        set(&["mail", "test"]),
        set(&["mail", "production"]),
    ));
    plan.in_sync = 18;
    plan.monthly.after = Cents(9600);
    plan
}

/// Every sort of change and finding at once.
pub fn everything() -> Plan {
    let mut plan = ordinary();
    let domain = |part: &str, verb: Verb| change("Domain/example.com", Some(part), verb, verb.word());
    plan.changes.extend([
        domain("@ TXT", Verb::Update).field(
            "values",
            set(&["v=spf1 -all"]),
            set(&["v=spf1 mx -all", "google-site-verification=1A2b3C4d5E6f7G8h9I0j"]),
        ),
        domain("erp A", Verb::Update).field("value", shown("203.0.113.10"), shown("203.0.113.11")),
        domain("old CNAME", Verb::Delete).field("value", shown("legacy.example.net"), Shown::Nothing),
        change("Droplet/new", None, Verb::Create, "create")
            .field("region", Shown::Nothing, shown("sgp1"))
            .field("size", Shown::Nothing, shown("s-1vcpu-2gb"))
            .field("image", Shown::Nothing, shown("ubuntu-22-04-x64"))
            .field("tags", Shown::Nothing, set(&["production", "web"]))
            .field("userData", Shown::Nothing, Shown::Secret("cloud.init".to_owned()))
            .price(0, 1200),
        change("Firewall/bastion", None, Verb::Update, "update")
            .field("inbound", set(&["tcp 22 from 10.0.0.0/8"]), set(&["tcp 22 from any"]))
            .risk(Risk::Exposes("opens tcp 22 to the whole internet".to_owned()))
            .place("firewalls/bastion.yaml", 11)
            .held("opens-port", "opens tcp 22 to the whole internet"),
        change("Droplet/legacy", None, Verb::Delete, "destroy")
            .cause(Cause::Removal)
            .object("3164400")
            .risk(Risk::Destroys("destroys its disk and its address".to_owned()))
            .price(600, 0),
        change("Vpc/old", None, Verb::Release, "let go; it stays, its marker goes")
            .cause(Cause::Removal)
            .object("5a4981aa-9653-4bd1-bef5-d6bff52042e4"),
        change("Droplet/git", None, Verb::Adopt, "adopt").cause(Cause::Adoption).object("3164494"),
        change("SshKey/ops", None, Verb::Create, "create")
            .standing(Standing::Backoff(at("2026-11-22T12:00:40Z")))
            .field("publicKey", Shown::Nothing, shown("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx2 ops@example.com")),
        change("Firewall/ocr", None, Verb::Update, "update")
            .field(
                "droplets",
                set(&["ocr (3164499)"]),
                Shown::Mixed(vec![Shown::Pending { of: id("Droplet/ocr"), output: Output::Id }]),
            )
            .standing(Standing::Blocked("it comes after Droplet/ocr replace, which is held".to_owned())),
        change("Droplet/lab", Some("monitoring"), Verb::Update, "update")
            .cause(Cause::Drift)
            .field("monitoring", shown("off"), shown("on"))
            .standing(Standing::Observed),
        change("Droplet/conf", Some("userData"), Verb::Update, "update").field(
            "userData",
            shown("#cloud-config\npackages:\n  - nginx\n  - htop\n"),
            shown("#cloud-config\npackages:\n  - nginx\n  - curl\n"),
        ),
    ]);
    plan.findings = vec![
        Finding::about(
            &id("Vpc/main"),
            Weight::Problem,
            "cannot-change-in-place",
            "region is sgp1 and cannot become fra1 in place",
        )
        .hint("Write region: sgp1, or make a new Vpc under another name and move the droplets there."),
        Finding::about(
            &id("Domain/example.org"),
            Weight::Unknown,
            "not-seen",
            "DigitalOcean answered 503 to GET /v2/domains/example.org/records after 4 tries",
        ),
        Finding::about(
            &id("Droplet/erp"),
            Weight::Note,
            "acts-at-creation",
            "image is ubuntu-20-04-x64 and the document says ubuntu-22-04-x64; it acts at creation only",
        )
        .hint("To replace the droplet, add replaceOn: [image]; that is held until approved."),
    ];
    plan.unowned = vec![
        Unowned { kind: "Droplet".into(), provider_id: ProviderId("99".into()), name: "scratch".into() },
        Unowned { kind: "Droplet".into(), provider_id: ProviderId("98".into()), name: "jan's box".into() },
        Unowned { kind: "Domain".into(), provider_id: ProviderId("example.net".into()), name: "example.net".into() },
    ];
    plan.unknown = 1;
    plan.paused = 2;
    plan
}

/// A zone that is new: many parts of one verb.
pub fn big(n: usize) -> Plan {
    let mut plan = in_sync();
    plan.changes = (0..n)
        .map(|i| {
            change("Domain/example.com", Some(&format!("host-{i} A")), Verb::Create, "create")
                .field("value", Shown::Nothing, shown(&format!("10.0.{}.{}", i / 250, i % 250)))
                .field("ttl", Shown::Nothing, shown("300"))
        })
        .collect();
    plan
}

/// Names and values that somebody chose to do harm.
pub fn hostile() -> Plan {
    let mut plan = in_sync();
    plan.estate = "prod\u{1b}]0;owned\u{7}".to_owned();
    let mut bad = change(
        "Droplet/x",
        Some("@channel | <img src=x onerror=alert(1)>"),
        Verb::Update,
        "rename\u{1b}[2J to `@here`",
    )
    .field("name", shown("a\u{202e}b\r\nc"), shown("</details>| **@octocat** #12 [x](http://evil.example)"));
    bad.key.id.name = "@channel|<img>".to_owned();
    plan.changes.push(bad.held("rule", "because\u{9b}31m @team ```\n# not a heading"));
    plan.findings.push(Finding::about(
        &id("Vpc/main"),
        Weight::Problem,
        "r",
        "said\u{0}: <script>@all</script>\n| a | b |",
    ));
    plan.unowned.push(Unowned {
        kind: "Droplet".into(),
        provider_id: ProviderId("1".into()),
        name: "@everyone\t\u{200b}".into(),
    });
    plan
}

pub fn diagnostics() -> Vec<Diagnostic> {
    let one = |file: &str, line, column, message: &str, source: &str, width, label: &str, hint: &str| Diagnostic {
        place: Place { file: file.to_owned(), line, column },
        severity: Severity::Error,
        message: message.to_owned(),
        path: "spec".to_owned(),
        source_line: source.to_owned(),
        width,
        label: label.to_owned(),
        hint: hint.to_owned(),
    };
    let mut old = one(
        "vpcs/main.yaml",
        12,
        3,
        "policy.onDelete is now policy.onRemove",
        "  onDelete: keep",
        8,
        "write onRemove",
        "",
    );
    old.severity = Severity::Warning;
    vec![
        one(
            "firewalls/production.yaml",
            14,
            47,
            "Firewall/production lets in from Vpc/mian, which no document declares",
            "    - {protocol: tcp, ports: all, from: [{vpc: mian}]}",
            4,
            "did you mean \"main\"? (vpcs/main.yaml:4)",
            "",
        ),
        one(
            "droplets/erp.yaml",
            9,
            3,
            "unknown field \"ram\" in Droplet.spec",
            "  ram: 4gb",
            3,
            "expected one of: name, region, size, image, vpc, sshKeys, backups, monitoring, ipv6, tags, userData, resizeDisk, replaceOn",
            "driftless explain Droplet.spec says what each is",
        ),
        one(
            "zones/big.yaml",
            0,
            0,
            "the file has 52,428,800 bytes; at most 4 MiB are read",
            "",
            1,
            "",
            "Split it, or list it in .driftlessignore.",
        ),
        old,
    ]
}

pub fn outcome(change: Planned, attempt: Attempt) -> Outcome {
    Outcome { key: change.key.clone(), change, attempt, took_ms: 3214 }
}

pub fn locked() -> Fault {
    Fault::transient(
        "DigitalOcean answered 422 to POST /v2/droplets/3164494/actions (request 4d9d8375): \"Droplet already has a pending event.\"",
        "The droplet is locked by a backup that began at 14:01. Nothing was changed.",
    )
}

pub fn failing(change: Planned) -> Outcome {
    outcome(change, Attempt::Failed { fault: locked(), attempts: 3, next: Some(at("2026-11-22T12:00:40Z")) })
}

/// An ordinary plan whose windows are shut.
pub fn shut() -> Plan {
    let mut plan = ordinary();
    for change in plan.changes.iter_mut().filter(|c| c.goes()) {
        change.standing = Standing::Closed("until Mon 08:00 Asia/Manila".to_owned());
    }
    plan.changes.retain(|c| c.hold().is_none());
    plan
}

/// An ordinary plan of which nothing is done.
pub fn frozen() -> Plan {
    let why = "git says so in the file FREEZE: the data centre moves tonight, ask Ana; to go on, remove the file";
    Plan { frozen: Some(why.to_owned()), ..ordinary() }
}
