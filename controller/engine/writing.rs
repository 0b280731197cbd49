//! The half of a cycle that writes to the world: under the lease, after catching up with whoever had it before, and as a
//! run of the journal. Decides nothing about what is to be done.

use super::cycle::Controller;
use super::execute::{self, Progress, Run};
use super::lease::Taken;
use super::snapshot::{Snapshot, Trouble};
use super::work::Worker;
use crate::model::{Estate, Plan, World};
use crate::plan::Brakes;
use crate::ports::store::{Ending, StoreError};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

impl Controller {
    /// Does a plan under the lease; gives the plan that was done, and none where it was asked to stop before.
    pub(super) async fn write(
        &self,
        estate: &Arc<Estate>,
        brakes: &Brakes,
        (mut plan, mut world): (Plan, World),
        (stop, heard): (&CancellationToken, &(dyn Fn(Progress<'_>) + Send + Sync)),
        snapshot: &mut Snapshot,
    ) -> Result<Option<Plan>, StoreError> {
        match self.lease.take(&self.mirror).await {
            Ok(Taken::Again) => {}
            Ok(Taken::Over) => {
                // Another wrote since: what this look planned may be done already, and what the other was told to leave
                // alone stands in its ledger.
                if let Err(error) = self.catch_up(estate, snapshot).await {
                    self.lease.release(&self.mirror).await;
                    return error.map_or(Ok(Some(plan)), Err);
                }
                let anew = self.plan(estate, brakes, stop).await;
                let Ok(Some(seen)) = anew else {
                    self.lease.release(&self.mirror).await;
                    return anew.map(|_| None);
                };
                (plan, world) = seen;
                snapshot.plan = Some(Arc::new(plan.clone()));
            }
            Err(why) => {
                tracing::warn!(hint = why.hint(), "{why}");
                snapshot.trouble(why.trouble());
                return Ok(Some(plan));
            }
        }
        let (ending, over) = (stop.child_token(), CancellationToken::new());
        let work = async {
            let done = self.execute(estate, brakes, &plan, world, (&ending, heard), snapshot).await;
            over.cancel();
            done
        };
        let (done, ()) = tokio::join!(work, self.lease.keep(&self.mirror, &over, &ending));
        self.lease.release(&self.mirror).await;
        done.map(|()| Some(plan))
    }

    /// Takes in what another driftless left in its ledger. Fails with nothing more where it could not be read: that is
    /// told.
    async fn catch_up(&self, estate: &Estate, snapshot: &mut Snapshot) -> Result<(), Option<StoreError>> {
        let stands = self.reporter.stands(&self.mirror, &estate.settings.reports).await.map_err(|error| {
            let what = format!("the ledger of another driftless, who wrote last, could not be read: {error}");
            let hint = format!("Nothing is changed before it was. {}", error.hint());
            snapshot.trouble(Trouble::of("ledger", what, &hint));
        });
        let Ok(stands) = stands else {
            self.ledger.doubt();
            return Err(None);
        };
        if let Some(text) = stands.ledger {
            let said = self.ledger.catch_up(&text, estate, &self.keeper).await?;
            said.into_iter().for_each(|trouble| snapshot.trouble(trouble));
        }
        Ok(())
    }

    async fn execute(
        &self,
        estate: &Estate,
        brakes: &Brakes,
        plan: &Plan,
        world: World,
        (stop, heard): (&CancellationToken, &(dyn Fn(Progress<'_>) + Send + Sync)),
        snapshot: &mut Snapshot,
    ) -> Result<(), StoreError> {
        let store = self.keeper.store();
        let run_id = store.begin_run(self.ports.clock.now(), plan).await?;
        let span = tracing::info_span!("run", run = run_id);
        let run = Run {
            ports: &self.ports,
            estate,
            keeper: &self.keeper,
            brakes,
            backoff: &self.backoff,
            lease: Some(&self.lease),
            stop,
            heard,
        };
        let work = async {
            let Run { ports, estate, keeper, backoff, lease, .. } = run;
            let taken_back = Worker { ports, estate, keeper, backoff, lease }.resume().await;
            // What was taken back was not in what the plan looked at: the next look decides.
            if taken_back.is_empty() { execute::execute(&run, plan, world).await } else { taken_back }
        };
        let outcomes = tracing::Instrument::instrument(work, span).await;
        // Told even where the journal cannot take it.
        snapshot.outcomes = outcomes.clone();
        self.pulse.count(&outcomes);
        let stopped = stop.is_cancelled().then(|| match self.lease.check() {
            Ok(()) => "it was asked to stop".to_owned(),
            Err(lost) => lost.to_string(),
        });
        store.finish_run(run_id, &Ending { ended: self.ports.clock.now(), outcomes, stopped }).await
    }
}
