//! Whether one change may go on by itself: mode, earlier failures, lost answers, holds and approvals.
//! Must not look at many changes at once: that is `guard`.

use super::assemble::Draft;
use super::claim::Claim;
use super::{guard, record, sequence, settle};
use crate::model::Finding;
use crate::model::finding::Weight;
use crate::model::{
    AnyKind, Cause, ChangeKey, Digest, Document, Failure, Hold, HoldReason, Mode, Place, Planned, Policy, Reached,
    ResourceId, Shown, Standing, Step, Supply, Verb,
};
use jiff::{SignedDuration, Timestamp};

/// The rule that holds the end of what only looking says is ours.
pub(super) const FOUND: &str = "found-again";

/// How often something is put back within an hour: then somebody or something is working against it.
const PUT_BACKS: usize = 3;
/// For how long that is counted.
pub const LATELY: SignedDuration = SignedDuration::from_hours(1);

/// The replacement that a `Retire` of the same plan belongs to.
struct Replacement {
    key: ChangeKey,
    digest: Digest,
}

impl Draft<'_> {
    /// Fills in what the planner knows: cause, place, order, digest, standing.
    pub(super) fn standing(
        &mut self,
        kind: &dyn AnyKind,
        document: &Document,
        claim: &Claim<'_>,
        mut changes: Vec<Planned>,
    ) -> Vec<Planned> {
        // Gone through once: a zone may need hundreds, and have as many changes.
        let depends: Vec<&ResourceId> = document.depends_on().collect();
        for change in &mut changes {
            let part = if kind.by_part() { change.key.part.clone().unwrap_or_default() } else { String::new() };
            change.settles = document.fingerprints.get(&part).cloned();
            change.cause = self.cause(kind, change, claim, &part);
            change.place = Some(place(document, change));
            self.after(&depends, change);
            change.digest = record::digest(change);
        }
        let takes_over = claim.adopting && !kind.by_part() && changes.iter().any(|c| c.key.verb != Verb::Adopt);
        if takes_over {
            one_digest(&mut changes);
        }
        // A pause that has ended leaves the repo's mode.
        let mode = match document.policy.mode {
            Mode::Paused => self.estate.settings.mode.with(Mode::Enforce),
            _ => document.mode(&self.estate.settings),
        };
        if mode == Mode::Observe {
            changes.iter_mut().for_each(|c| c.standing = Standing::Observed);
            return changes;
        }
        let retirement = changes.iter().find(|c| c.key.verb == Verb::Retire && !is_left(c, claim)).cloned();
        let mut replaced = None;
        for change in &mut changes {
            self.past(change);
            self.depends(&depends, change);
            if change.key.verb == Verb::Retire {
                self.judge_retire(claim, document, change, replaced.as_ref());
                continue;
            }
            let mut reasons = guard::of_itself(change, &document.policy, self.brakes);
            if takes_over && reasons.is_empty() {
                reasons.push(guard::takes_over(change));
            }
            self.judge_unsure(claim, change, &mut reasons);
            if change.key.verb == Verb::Replace {
                // Nobody would agree to the first half alone.
                let other = retirement.as_ref().filter(|_| reasons.is_empty());
                reasons.extend(other.into_iter().flat_map(|c| guard::of_itself(c, &document.policy, self.brakes)));
                replaced = Some(Replacement { key: change.key.clone(), digest: change.digest.clone() });
            }
            guard::hold(change, reasons, self.memory, self.world.as_of);
        }
        changes
    }

    /// What earlier tries say: a failure waits for its time, a lost answer is looked for before anything is sent again.
    pub(super) fn past(&mut self, change: &mut Planned) {
        let same = self.memory.failures.get(&change.key).filter(|f| f.digest == change.digest);
        if let Some(failure) = same.or_else(|| self.unfit(change)) {
            match failure.next {
                Some(next) if next > self.world.as_of => {
                    change.standing = Standing::Backoff(next);
                    self.due(next);
                }
                Some(_) => {}
                None => {
                    let text = format!(
                        "it failed {}; `driftless retry {}` or a changed document tries it again",
                        failure.often(),
                        change.key.id
                    );
                    change.standing = Standing::Blocked(text);
                }
            }
        }
        self.fought(change);
        if let Some((until, text)) = self.unshown(change) {
            change.standing = Standing::Blocked(text.to_owned());
            self.due(until);
        }
    }

    /// What is put back and is off again in the same way, three times an hour, is told and left alone until the first of
    /// them is an hour ago: doing it ever again helps nobody, and hides that something is wrong.
    fn fought(&mut self, change: &mut Planned) {
        let as_of = self.world.as_of;
        let done = self.memory.put_back.get(&change.key).filter(|_| change.cause == Cause::Drift);
        let same = done.into_iter().flatten().filter(|done| done.digest == change.digest).map(|done| done.at);
        let Some(first) = same.filter(|at| as_of.duration_since(*at) < LATELY).rev().nth(PUT_BACKS - 1) else { return };
        if !change.goes() || guard::approved(&change.digest, self.memory, as_of) {
            return;
        }
        let text = format!("it was put back {PUT_BACKS} times within an hour, and is off again");
        let until = first.saturating_add(LATELY).unwrap_or(as_of);
        self.due(until);
        let hint = format!(
            "Somebody or something works against it: a person, a cron job, another tool, or a program that ends again and \
             again. Find it, or change the document. It is left alone until {}; `driftless retry {}` puts it back at once.",
            until.strftime("%H:%M UTC"),
            change.key.id
        );
        let told = format!("{}: {}", change.title, text);
        self.findings.push(Finding::about(&change.key.id, Weight::Problem, "put-back-in-vain", told).hint(hint));
        change.standing = Standing::Blocked(text);
    }

    /// The failure of another change that wanted the same, where that itself is no good: it is not tried by another name.
    fn unfit(&self, change: &Planned) -> Option<&Failure> {
        let wanted = change.settles.as_ref().filter(|_| change.key.part.is_none())?;
        let of_it = |key: &&ChangeKey| key.id == change.key.id && key.part.is_none();
        let mut failures = self.memory.failures.iter().filter(|(key, _)| of_it(key)).map(|(_, failure)| failure);
        failures.find(|failure| failure.unfit.as_ref() == Some(wanted))
    }

    /// Whether this look may lack what was written before, until when, and why. Where a look has shown it once, only what
    /// would add something has the same time to wait: another look may lack it again. Whether the document was changed
    /// meanwhile says nothing of that, since another wish may come to the same record.
    fn unshown(&self, change: &Planned) -> Option<(Timestamp, &'static str)> {
        if !self.shows_later(&change.key) {
            return None;
        }
        let keys = [Verb::Create, Verb::Update].map(|verb| ChangeKey { verb, ..change.key.clone() });
        let open = keys.iter().filter_map(|key| self.memory.intents.get(key));
        let adds = change.fields.iter().any(|field| field.from == Shown::Nothing);
        let open = open.filter(|i| i.reached != Reached::Shown || adds);
        let last = open.max_by_key(|i| i.opened).filter(|i| settle::settles(i) > self.world.as_of)?;
        let text = match last.reached {
            Reached::Begun => "it was sent and no answer came; it is looked for before it is sent again",
            _ => {
                "it was written less than a minute ago; lists lag, so it is looked at again before it is written again"
            }
        };
        Some((settle::settles(last), text))
    }

    /// What `dependsOn` names and cannot be seen, or does not exist, keeps a change back: it hands over no output that would.
    /// So does what is known to be stuck, early enough for a replacement to be planned around.
    fn depends(&self, on: &[&ResourceId], change: &mut Planned) {
        if !change.goes() {
            return;
        }
        let mut unknown = on.iter().filter_map(|need| match self.view.supplies.get(need) {
            Some(Supply::Unknown(why)) => Some(format!("it depends on {need}: {why}")),
            _ => None,
        });
        let mut stuck = change.after.iter().filter_map(|key| self.stuck.get_key_value(key));
        let stuck = stuck.find(|(key, standing)| !sequence::goes_around(key, standing));
        let why = unknown.next().or_else(|| stuck.map(|(key, standing)| sequence::stuck_behind(key, standing)));
        if let Some(why) = why {
            change.standing = Standing::Blocked(why);
        }
    }

    /// The former generation goes with the approval of its replacement; one that a finished replacement left behind has it already.
    fn judge_retire(
        &self,
        claim: &Claim<'_>,
        document: &Document,
        change: &mut Planned,
        replaced: Option<&Replacement>,
    ) {
        if is_left(change, claim) {
            return;
        }
        let as_of = self.world.as_of;
        let Some(replaced) = replaced else { return self.judge_found(&document.policy, change) };
        if !change.after.contains(&replaced.key) {
            change.after.push(replaced.key.clone());
        }
        if change.risk.needs_approval().is_some() && !guard::approved(&replaced.digest, self.memory, as_of) {
            let text = format!("it is the other half of {}", replaced.key);
            let reasons = vec![HoldReason { rule: "replaced".to_owned(), text }];
            change.standing = Standing::Held(Hold { reasons, digest: replaced.digest.clone() });
        }
    }

    /// What was found again after the journal was lost is neither deleted nor replaced before somebody agrees to it.
    pub(super) fn judge_unsure(&self, claim: &Claim<'_>, change: &Planned, reasons: &mut Vec<HoldReason>) {
        let removes = change.key.verb.removes() || change.key.verb == Verb::Stop;
        if reasons.is_empty() && removes && self.is_found(&change.key.id, claim) {
            let text = format!(
                "{} was found again after the journal was lost, and nobody has approved a deletion or replacement of it since",
                change.key.id
            );
            reasons.push(HoldReason { rule: FOUND.to_owned(), text });
        }
    }

    /// Says whether an object is ours only since it was found so, with neither journal nor ledger to say it. Where nothing
    /// says that there was a journal, this is a first start, and what a marker alone names is held by its kind's risk.
    pub(super) fn is_found(&self, id: &ResourceId, claim: &Claim<'_>) -> bool {
        if self.memory.found.contains(id) {
            return true;
        }
        self.memory.lost && claim.owned.is_none() && claim.made_by.is_none() && claim.observed.state().is_some()
    }

    /// A former generation that only its marker names: nobody has agreed to its end.
    pub(super) fn judge_found(&self, policy: &Policy, change: &mut Planned) {
        let mut reasons = guard::of_itself(change, policy, self.brakes);
        if reasons.is_empty() {
            let text = "its marker says that it was replaced, but no replacement of ours is remembered".to_owned();
            reasons.push(HoldReason { rule: FOUND.to_owned(), text });
        }
        guard::hold(change, reasons, self.memory, self.world.as_of);
    }

    /// Tells an edit of the document from a change of reality.
    fn cause(&self, kind: &dyn AnyKind, change: &Planned, claim: &Claim<'_>, part: &str) -> Cause {
        if change.cause != Cause::Document {
            return change.cause;
        }
        if claim.adopting && !kind.by_part() {
            return Cause::Adoption;
        }
        if change.key.verb == Verb::Retire && is_left(change, claim) {
            return Cause::Recovery;
        }
        if change.key.part.is_none() && change.key.verb == Verb::Create && claim.owned.is_some() {
            return Cause::Drift;
        }
        let settled = claim.owned.and_then(|o| o.parts.get(part));
        let as_it_was = settled.is_some() && settled == change.settles.as_ref();
        // What we stopped when its document went is no drift once that is back.
        let stopped = claim.owned.is_some_and(|o| o.stopped.is_some());
        if as_it_was && !stopped && !self.follows_git(change) { Cause::Drift } else { Cause::Document }
    }

    /// Says whether a change follows what git makes anew: that is nobody's drift.
    fn follows_git(&self, change: &Planned) -> bool {
        let Step::Waits { on, .. } = &change.step else { return change.key.verb == Verb::Retire };
        on.iter().filter_map(|id| self.makers.get(id)).any(|(_, cause)| *cause != Cause::Drift)
    }

    /// What must be done before: the makers of what it waits for, and everything of what `dependsOn` names.
    /// Former generations go last of all, so nothing waits for that.
    fn after(&self, depends: &[&ResourceId], change: &mut Planned) {
        if let Step::Waits { on, .. } = &change.step {
            change.after.extend(on.iter().filter_map(|id| self.makers.get(id)).map(|(key, _)| key.clone()));
        }
        for need in depends {
            let changed = self.changed.get(*need).into_iter().flatten();
            change.after.extend(changed.filter(|key| key.verb != Verb::Retire).cloned());
        }
        change.after.sort();
        change.after.dedup();
        change.after.retain(|key| key != &change.key);
    }
}

/// Says whether a `Retire` removes what a replacement of ours left behind.
pub(super) fn is_left(change: &Planned, claim: &Claim<'_>) -> bool {
    change.provider_id.as_ref().is_some_and(|id| claim.left_behind(id))
}

/// All changes of one adoption are approved together: with one of them done the object is owned, and the rest would go.
fn one_digest(changes: &mut [Planned]) {
    if let [_, _, ..] = changes {
        let all: Vec<&Digest> = changes.iter().map(|c| &c.digest).collect();
        let digest = Digest::of(&all);
        changes.iter_mut().for_each(|c| c.digest = digest.clone());
    }
}

/// Where the document says what this change brings about.
fn place(document: &Document, change: &Planned) -> Place {
    match change.fields.first() {
        Some(field) => document.place_of(&format!("spec.{}", field.path)),
        None => document.place.clone(),
    }
}
