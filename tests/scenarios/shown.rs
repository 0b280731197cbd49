//! Plans, endings, requests and worlds as the lines that scenario files hold. Compact, and complete enough to judge by.

use driftless::engine::snapshot::Snapshot;
use driftless::model::finding::Weight;
use driftless::model::{Attempt, Cause, Finding, Outcome, Plan, Planned, Risk, Severity, Shown, Standing, Step};
use driftless::sandbox::{Droplet, Mutation, Record, Targets, World};
use std::collections::BTreeSet;

/// Everything that a look says: what is wrong with the commit, every change whole, every finding.
pub fn plan(snapshot: &Snapshot) -> String {
    let mut lines = said(snapshot);
    if let Some(plan) = &snapshot.plan {
        lines.extend(plan.frozen.as_ref().map(|why| format!("frozen: {why}")));
        plan.changes.iter().for_each(|change| whole(change, &mut lines));
        lines.extend(plan.findings.iter().map(finding));
    }
    or_nothing(lines)
}

/// What failed, and what still stands once nothing goes on any more. What `first` said in full is named only.
pub fn left(outcomes: &[Outcome], last: &Snapshot, first: &Plan) -> String {
    let mut lines: Vec<String> = outcomes.iter().filter_map(failure).collect();
    let Some(plan) = &last.plan else { return or_nothing(lines) };
    lines.extend(plan.frozen.as_ref().map(|_| "it is frozen".to_owned()));
    for change in &plan.changes {
        let known = first.changes.iter().any(|c| c.key == change.key && c.fields == change.fields);
        if known {
            lines.push(format!("{} {}", change.key, standing(&change.standing)));
        } else {
            whole(change, &mut lines);
        }
    }
    for f in &plan.findings {
        let known = first.findings.contains(f);
        lines.push(if known { format!("{} {}", about(f), f.rule) } else { finding(f) });
    }
    or_nothing(lines)
}

fn or_nothing(lines: Vec<String>) -> String {
    if lines.is_empty() { "nothing".to_owned() } else { lines.join("\n") }
}

fn said(snapshot: &Snapshot) -> Vec<String> {
    let errors = snapshot.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    let errors = errors.map(|d| format!("error in the commit: {}", d.message));
    errors.chain(snapshot.troubles.iter().map(|t| format!("trouble with {}: {}", t.with, t.what))).collect()
}

fn failure(outcome: &Outcome) -> Option<String> {
    match &outcome.attempt {
        Attempt::Done => None,
        Attempt::Failed { fault, .. } => Some(format!("failed: {}: {fault}", outcome.key)),
        Attempt::Left { why } => Some(format!("left: {}: {why}", outcome.key)),
    }
}

fn whole(change: &Planned, lines: &mut Vec<String>) {
    let verb = change.key.verb.word();
    let more = change.title.strip_prefix(verb).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&change.title);
    let title = if more == verb { String::new() } else { format!(": {more}") };
    let cause = match change.cause {
        Cause::Document => "",
        Cause::Drift => " (drift)",
        Cause::Adoption => " (adoption)",
        Cause::Removal => " (removal)",
        Cause::Recovery => " (recovery)",
    };
    lines.push(format!("{}{title}{cause}", change.key));
    for field in &change.fields {
        lines.push(format!("  {}: {} → {}", field.path, value(&field.from), value(&field.to)));
    }
    lines.extend(change.cost.map(|cost| format!("  cost: {} → {}", cost.before, cost.after)));
    if let Step::Waits { why, .. } = &change.step {
        lines.push(format!("  waits for {why}"));
    }
    if let Risk::Downtime(why) = &change.risk {
        lines.push(format!("  downtime: {why}"));
    }
    match &change.standing {
        Standing::Go => lines.extend(change.risk.needs_approval().map(|why| format!("  approved: {why}"))),
        Standing::Held(hold) => lines.extend(hold.reasons.iter().map(|r| format!("  held: {}: {}", r.rule, r.text))),
        Standing::Blocked(why) => lines.push(format!("  blocked: {why}")),
        Standing::Closed(until) => lines.push(format!("  window shut {until}")),
        other => lines.push(format!("  {}", standing(other))),
    }
}

fn standing(standing: &Standing) -> &'static str {
    match standing {
        Standing::Go => "goes on",
        Standing::Held(_) => "is held",
        Standing::Observed => "is only reported",
        Standing::Blocked(_) => "is blocked",
        Standing::Backoff(_) => "is tried again later",
        Standing::Closed(_) => "waits for a window",
    }
}

fn about(finding: &Finding) -> String {
    let weight = match finding.weight {
        Weight::Problem => "problem",
        Weight::Unknown => "unknown",
        Weight::Note => "note",
    };
    match &finding.id {
        Some(id) => format!("{weight}: {id}"),
        None => weight.to_owned(),
    }
}

fn finding(finding: &Finding) -> String {
    format!("{} {}: {}", about(finding), finding.rule, finding.text)
}

fn value(shown: &Shown) -> String {
    match shown {
        Shown::Nothing => "∅".to_owned(),
        Shown::Text(text) if text.is_empty() => "\"\"".to_owned(),
        Shown::Text(text) => text.replace('\n', "⏎"),
        Shown::Set(all) => format!("[{}]", all.join(", ")),
        Shown::Mixed(all) => format!("[{}]", all.iter().map(value).collect::<Vec<_>>().join(", ")),
        Shown::Pending { of, output } => format!("({} of {of})", output.words()),
        Shown::Secret(name) => format!("(secret {name})"),
    }
}

/// The requests that changed or were meant to change something, in the order of their answers.
pub fn sent(mutations: &[Mutation]) -> String {
    let line = |m: &Mutation| {
        let mut body = m.body.clone();
        body.as_object_mut().into_iter().for_each(|fields| fields.retain(|_, value| !value.is_null()));
        let body = if body.is_null() { String::new() } else { format!(" {body}") };
        let ended = match (m.lost, m.status) {
            (true, _) => " … no answer",
            (false, 400..) => " … refused",
            (false, 0) => " … not done",
            _ => "",
        };
        format!("{} {}{body}{ended}", m.method, m.path)
    };
    or_nothing(mutations.iter().map(line).collect())
}

/// What exists, a line each; NS and SOA that come with a zone are left out.
pub fn world(world: &World) -> String {
    let mut lines = Vec::new();
    for vpc in &world.vpcs {
        let default = if vpc.default { " (default)" } else { "" };
        lines.push(format!("vpc {}{default}: {} {} {:?}", vpc.name, vpc.region, vpc.ip_range, vpc.description));
    }
    let mut keys: Vec<String> =
        world.keys.values().map(|key| format!("key {}: {}", key.name, key.fingerprint)).collect();
    keys.sort();
    lines.append(&mut keys);
    let mut droplets: Vec<&Droplet> = world.droplets.values().collect();
    droplets.sort_by_key(|d| (&d.name, d.id));
    lines.extend(droplets.into_iter().map(droplet));
    for firewall in &world.firewalls {
        lines.push(format!("firewall {}: droplets {:?} tags {:?}", firewall.name, firewall.droplet_ids, firewall.tags));
        let inbound = firewall.inbound_rules.iter();
        lines.extend(inbound.map(|r| format!("  in {} {} from {}", r.protocol, r.ports, targets(&r.sources))));
        let outbound = firewall.outbound_rules.iter();
        lines.extend(outbound.map(|r| format!("  out {} {} to {}", r.protocol, r.ports, targets(&r.destinations))));
    }
    for zone in world.domains.values() {
        lines.push(format!("zone {}", zone.name));
        let own = |r: &&Record| r.kind == "SOA" || r.kind == "NS" && r.data.ends_with(".digitalocean.com");
        let mut records: Vec<String> = zone.records.values().filter(|r| !own(r)).map(record).collect();
        records.sort();
        lines.append(&mut records);
    }
    or_nothing(lines)
}

fn droplet(droplet: &Droplet) -> String {
    let tags: BTreeSet<&String> = droplet.tags.iter().collect();
    let tags = tags.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let Droplet { id, name, status, size, region, .. } = droplet;
    let backups = if droplet.backup_policy.is_some() { " with backups" } else { "" };
    format!("droplet {name}: {id}, {status}, {size} in {region}{backups} [{tags}]")
}

fn record(r: &Record) -> String {
    let numbers = [r.priority.map(u32::from), r.weight.map(u32::from), r.port.map(u32::from), r.flags.map(u32::from)];
    let numbers: String = numbers.into_iter().flatten().map(|n| format!("{n} ")).collect();
    let tag = r.tag.as_ref().map_or(String::new(), |tag| format!("{tag} "));
    format!("  {} {} {numbers}{tag}{} ttl {}", r.name, r.kind, r.data, r.ttl)
}

fn targets(targets: &Targets) -> String {
    let droplets = targets.droplet_ids.iter().map(|id| format!("droplet {id}"));
    let tags = targets.tags.iter().map(|tag| format!("tag {tag}"));
    targets.addresses.iter().cloned().chain(droplets).chain(tags).collect::<Vec<_>>().join(", ")
}
