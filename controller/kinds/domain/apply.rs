//! Works on zones and records. Decides nothing: the calls of a step are made one after another, in its order.
//!
//! What happens if interrupted: what was done shows at the next look, and the rest of the set is planned anew. A
//! record's create is never sent twice, since two equal ones would be two records.

use super::super::operate::{Finished, Work};
use super::diff::{State, Step};
use super::observe;
use super::records::{Data, Op, SetKey, Wanted, operations};
use crate::model::{Fault, ProviderId, Verb};
use crate::ports::digitalocean::{Client, Record, RecordBody};
use std::collections::BTreeSet;

pub(super) async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
    let client = &work.ports.digitalocean;
    match step {
        Step::Create { zone } => {
            client.create_domain(&zone).await?;
            let id = ProviderId(zone.clone());
            work.progress.stage(None, Some(&id)).await?;
            let state = observe::read(client, &zone).await?;
            return Ok(Finished { provider_id: Some(id), state: Some(state) });
        }
        Step::Records { zone, ops } => run(work, &zone, &ops).await?,
        Step::Settle { zone, name, kind, ttl, members } => {
            settle(work, &zone, &SetKey::new(name, kind), ttl, &members).await?;
        }
        Step::Release => {}
    }
    // The answers of the calls were held against what was sent; the zone as a whole is read by the next look.
    Ok(Finished { provider_id: None, state: None })
}

async fn settle(work: &Work<'_>, zone: &str, key: &SetKey, ttl: u32, want: &BTreeSet<Data>) -> Result<(), Fault> {
    let state = observe::read(&work.ports.digitalocean, zone).await?;
    let live = state.sets.as_ref().and_then(|sets| sets.get(key)).map_or(&[][..], Vec::as_slice);
    run(work, zone, &operations(key, live, want.iter(), ttl)).await
}

async fn run(work: &Work<'_>, zone: &str, ops: &[Op]) -> Result<(), Fault> {
    for (nth, op) in ops.iter().enumerate() {
        if let Err(fault) = one(&work.ports.digitalocean, zone, op).await {
            if nth > 0 && matches!(work.key.verb, Verb::Create | Verb::Update) {
                // Half of a set stands there that nobody but us made, and no list may show it yet: the intent stays open
                // and says so.
                work.progress.stage(Some("begun"), None).await?;
            }
            return Err(fault);
        }
    }
    Ok(())
}

async fn one(client: &Client, zone: &str, op: &Op) -> Result<(), Fault> {
    match op {
        Op::Update { id, record } => {
            let kept = client.update_record(zone, *id, &wire(record)).await?;
            check(zone, record, &kept)
        }
        Op::Create { record } => {
            let kept = client.create_record(zone, &wire(record)).await?;
            check(zone, record, &kept)
        }
        Op::Delete { id } => Ok(client.delete_record(zone, *id).await?),
    }
}

fn wire(record: &Wanted) -> RecordBody {
    let data = &record.data;
    let is_host = match record.kind.as_str() {
        "CNAME" | "MX" | "NS" | "SRV" => true,
        // Parameters and "nobody" are no hosts, and iodef takes no dot.
        "CAA" => data.tag.as_deref() != Some("iodef") && !data.value.contains(';'),
        _ => false,
    };
    RecordBody {
        kind: record.kind.clone(),
        name: record.name.clone(),
        data: if is_host { format!("{}.", data.value) } else { data.value.clone() },
        ttl: Some(record.ttl),
        priority: data.priority.map(u32::from),
        port: data.port.map(u32::from),
        weight: data.weight.map(u32::from),
        flags: data.flags.map(u32::from),
        tag: data.tag.clone(),
    }
}

/// Says so where DigitalOcean keeps something else than it was sent: else every look would find the same difference.
fn check(zone: &str, sent: &Wanted, kept: &Record) -> Result<(), Fault> {
    let (key, kept) = observe::canonical(zone, kept);
    if key == SetKey::new(&sent.name, &sent.kind) && kept.data == sent.data && kept.ttl == sent.ttl {
        return Ok(());
    }
    let what = format!(
        "{} {} of {zone} was sent as {} (ttl {}), and DigitalOcean keeps {key} {} (ttl {})",
        sent.name, sent.kind, sent.data, sent.ttl, kept.data, kept.ttl
    );
    Err(Fault::permanent(what, "Write it in the document as DigitalOcean keeps it, if that is meant."))
}
