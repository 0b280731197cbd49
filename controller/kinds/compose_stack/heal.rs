//! What is done about containers that ail while everything else of their stack is as it should be. Pure.
//!
//! A stopped one is started and an unhealthy one started anew where the document says so. How often is not its matter: what
//! is put back in vain, the planner stops.

use super::ComposeStack;
use super::drift::{has_stopped, how_stopped};
use super::live::{State, Step};
use super::ready::{Stopped, Unhealthy};
use super::want::{Run, Want};
use crate::model::{Cause, Change, ChangeKey, Diff, Diffed, Finding, Shown, Step as Work, Verb, finding::Weight};
use crate::ports::host::survey::Container;
use std::collections::{BTreeMap, BTreeSet};

type Ailing<'a> = BTreeMap<&'a str, Vec<&'a Container>>;

fn by_service<'a>(state: &'a State, which: impl Fn(&Container) -> bool) -> Ailing<'a> {
    let mut all = Ailing::new();
    for container in state.of_services().filter(|container| which(container)) {
        all.entry(container.service.as_str()).or_default().push(container);
    }
    all
}

/// Starts what has stopped.
pub(super) fn stopped(input: &Diff<'_, ComposeStack>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    if want.state != Run::Running {
        return;
    }
    let ours = |container: &Container| want.more || want.services.contains_key(&container.service);
    for (service, of) in by_service(state, |container| ours(container) && has_stopped(want, container)) {
        let how = of.first().map(|container| how_stopped(container)).unwrap_or_default();
        match want.heal.stopped {
            Stopped::Start => cure(input, want, (service, &of, false), ("state", &how, "running"), out),
            Stopped::Report => {
                let text = format!("{service} on {} is {how}", want.host);
                out.findings.push(told(input, "stopped", text, &of));
            }
        }
    }
}

/// What bringing it up anew would not cure.
pub(super) fn ailing(input: &Diff<'_, ComposeStack>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    if want.state != Run::Running {
        return;
    }
    for (service, of) in by_service(state, |container| container.state == "restarting") {
        let text = format!("{service} on {} ends again and again, and is started anew each time", want.host);
        out.findings.push(told(input, "restarting", text, &of));
    }
    let sick = |container: &Container| container.state == "running" && container.health.as_deref() == Some("unhealthy");
    for (service, of) in by_service(state, sick) {
        if want.heal.unhealthy == Unhealthy::Restart && out.changes.is_empty() && state.receipt.is_some() {
            cure(input, want, (service, &of, true), ("health", "unhealthy", "healthy"), out);
        } else {
            let text = format!("{service} on {} is unhealthy", want.host);
            out.findings.push(told(input, "unhealthy", text, &of));
        }
    }
}

fn told(input: &Diff<'_, ComposeStack>, rule: &str, text: String, of: &[&Container]) -> Finding {
    let name = of.first().map(|container| container.name.as_str()).unwrap_or_default();
    let hint = format!("See its log there: docker logs --tail 50 {name}");
    Finding::about(input.id, Weight::Problem, rule, text).hint(hint)
}

fn cure(
    input: &Diff<'_, ComposeStack>,
    want: &Want,
    (service, of, anew): (&str, &[&Container], bool),
    (field, from, to): (&str, &str, &str),
    out: &mut Diffed<Step>,
) {
    let containers: BTreeSet<String> = of.iter().map(|container| container.id.clone()).collect();
    let step = Step::Heal { host: want.host.name.clone(), service: service.to_owned(), anew, containers };
    let title = if anew { format!("start {service} anew") } else { format!("start {service}") };
    let key = ChangeKey::part(input.id, format!("service {service}"), Verb::Update);
    let change = Change::new(key, title, Work::Ready(step))
        .on(input.provider_id)
        .generation(input.generation.max(1))
        .cause(Cause::Drift)
        .field(format!("services.{service}.{field}"), Shown::text(from), Shown::text(to));
    out.changes.push(change);
}
