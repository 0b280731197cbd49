//! Whether a change as it is now known is the one that was planned, with its placeholders filled and nothing else.

use crate::model::{Cause, FieldChange, Memory, Planned, Shown, Standing, Step};
use jiff::Timestamp;

/// Says why `now` is not `planned` with its placeholders filled; `Ok` where it is.
///
/// What was approved is what is applied: anything else waits for the next plan.
pub fn refines(planned: &Planned, now: &Planned) -> Result<(), String> {
    if planned.key != now.key {
        return Err(format!("{} became {}", planned.key, now.key));
    }
    // What did not exist when it was planned, and so waited, has an id by now, which its own create gave it.
    let made = planned.provider_id.is_none() && matches!(planned.step, Step::Waits { .. });
    if !made && planned.provider_id != now.provider_id {
        return Err("it would act on another object".to_owned());
    }
    if planned.scope != now.scope || planned.wrote != now.wrote {
        return Err("it would write something else than planned".to_owned());
    }
    // What is taken over in the same run is ours by then.
    let ours_now = planned.cause == Cause::Adoption && matches!(now.cause, Cause::Document | Cause::Drift);
    // What followed something that git makes anew looks like drift once that stands.
    let follows = matches!(planned.step, Step::Waits { .. }) && planned.cause == Cause::Document;
    let follows = follows && now.cause == Cause::Drift;
    if planned.generation != now.generation || planned.cause != now.cause && !ours_now && !follows {
        return Err("its reason changed".to_owned());
    }
    if std::mem::discriminant(&planned.risk) != std::mem::discriminant(&now.risk) {
        return Err(format!("its risk changed: {}", now.risk.why()));
    }
    if planned.fields.len() != now.fields.len() {
        return Err("it changes other fields than planned".to_owned());
    }
    for (before, after) in planned.fields.iter().zip(&now.fields) {
        if !field_refines(before, after) {
            return Err(format!("{} is not what was planned", after.path));
        }
    }
    match (&planned.step, &now.step) {
        (Step::Ready(before), after) if !matches!(after, Step::Ready(now) if now == before) => {
            Err("its work is not what was planned".to_owned())
        }
        _ => Ok(()),
    }
}

/// Says why a change that waited may not be done now that its inputs are known; `Ok` where it may.
///
/// An approval names the digest of what was planned, placeholders included: with them filled the digest is another one,
/// so that the same change would be held anew. It still covers what refines the planned change, and nothing else.
pub fn proceeds(planned: &Planned, now: &Planned, memory: &Memory, as_of: Timestamp) -> Result<(), String> {
    refines(planned, now)?;
    let covered = planned.goes() && super::guard::approved(&planned.digest, memory, as_of);
    match (&now.standing, &now.step) {
        (_, Step::Waits { why, .. }) => Err(format!("it still waits for {why}")),
        (Standing::Go, _) => Ok(()),
        (Standing::Held(_), _) if covered => Ok(()),
        _ => Err("it may not go on any more".to_owned()),
    }
}

fn field_refines(planned: &FieldChange, now: &FieldChange) -> bool {
    planned.path == now.path && planned.from == now.from && shown_refines(&planned.to, &now.to)
}

fn shown_refines(planned: &Shown, now: &Shown) -> bool {
    match (planned, now) {
        (Shown::Pending { .. }, Shown::Text(_)) => true,
        (Shown::Mixed(before), Shown::Set(after)) => {
            let known = |s: &Shown| {
                matches!(s, Shown::Text(text) if after.contains(text)) || matches!(s, Shown::Pending { .. })
            };
            before.len() == after.len() && before.iter().all(known)
        }
        (Shown::Mixed(before), Shown::Mixed(after)) => {
            before.len() == after.len()
                && before.iter().all(|s| matches!(s, Shown::Pending { .. }) || after.contains(s))
        }
        (a, b) => a == b,
    }
}
