//! The simulator in the hands of a test or the demo, in the same process: faults, edits by hand, what was called, time.

use std::sync::Arc;
use std::time::Duration;

use super::calls::Calls;
use super::clock::millis;
use super::faults::Fault;
use super::hosts::{HostFault, Said};
use super::limits::Limits;
use super::server::Shared;
use super::state::World;

/// Controls a running simulator; cheap to clone.
#[derive(Clone)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) team: String,
}

impl Handle {
    /// Returns the address of the API, such as `http://127.0.0.1:4000`, without `/v2`.
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.addr)
    }

    /// Changes the default team's world by hand, as somebody in the web console would.
    pub fn edit<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        self.edit_team(&self.team, change)
    }

    /// Changes the world of a team by hand.
    pub fn edit_team<T>(&self, team: &str, change: impl FnOnce(&mut World) -> T) -> T {
        let mut core = self.shared.lock();
        let now = core.clock.now();
        let world = core.worlds.entry(team.to_owned()).or_default();
        world.settle(now);
        let result = change(world);
        core.version += 1;
        if let Some(store) = &self.shared.store {
            store.want(core.version);
        }
        drop(core);
        self.shared.told();
        result
    }

    /// Looks at the default team's world.
    pub fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        let mut core = self.shared.lock();
        let now = core.clock.now();
        let world = core.worlds.entry(self.team.clone()).or_default();
        world.settle(now);
        look(world)
    }

    /// Puts a fault in force and returns its number.
    pub fn inject(&self, fault: Fault) -> u64 {
        self.shared.lock().faults.add(fault)
    }

    /// Says how many requests a fault has hit.
    pub fn fired(&self, fault: u64) -> u64 {
        let core = self.shared.lock();
        core.faults.active.iter().find(|active| active.id == fault).map_or(0, |active| active.fired)
    }

    /// Waits until a fault has hit a request.
    pub async fn hit(&self, fault: u64) {
        let mut judged = self.shared.judged.subscribe();
        // The sender lives as long as this handle.
        let _ = judged.wait_for(|_| self.fired(fault) > 0).await;
    }

    /// Waits until so many requests have come since the start, or since they were last forgotten.
    pub async fn requests(&self, many: u64) {
        let mut judged = self.shared.judged.subscribe();
        let _ = judged.wait_for(|_| self.shared.lock().calls.total >= many).await;
    }

    /// Takes one fault out of force.
    pub fn lift(&self, fault: u64) {
        self.shared.lock().faults.active.retain(|active| active.id != fault);
        if let Some(hosts) = &self.shared.hosts {
            hosts.lift(Some(fault));
        }
    }

    /// Takes every fault out of force.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.active.clear();
        if let Some(hosts) = &self.shared.hosts {
            hosts.lift(None);
        }
    }

    /// Returns what was asked so far.
    pub fn calls(&self) -> Calls {
        self.shared.lock().calls.clone()
    }

    /// Forgets what was asked so far.
    pub fn forget_calls(&self) {
        self.shared.lock().calls = Calls::default();
    }

    /// Puts a fault of simulated hosts in force and returns its number; where hosts are containers it never strikes.
    pub fn inject_host(&self, fault: HostFault) -> u64 {
        let id = self.shared.lock().faults.next_id();
        if let Some(hosts) = &self.shared.hosts {
            hosts.inject(fault, id);
        }
        id
    }

    /// Says how often a fault of simulated hosts has struck.
    pub fn host_struck(&self, fault: u64) -> u64 {
        let all = self.shared.hosts.as_ref().map(|hosts| hosts.faults()).unwrap_or_default();
        all.into_iter().find(|(id, ..)| *id == fault).map_or(0, |(.., fired)| fired)
    }

    /// Runs a script on a simulated host as root, as somebody who is logged in there would; by the droplet's name or number.
    pub async fn on_host(&self, host: &str, script: &str) -> Result<Said, String> {
        let hosts = self.shared.hosts.as_ref().ok_or("this simulator has no hosts")?;
        hosts.run(host, script).await
    }

    /// Moves the simulator's time forward.
    pub fn advance(&self, by: Duration) {
        self.shared.lock().clock.advance(by);
        self.shared.told();
    }

    /// Returns the simulator's time, in milliseconds since 1970.
    pub fn now(&self) -> u64 {
        self.shared.lock().clock.now()
    }

    /// Sets how long actions last that begin from now on.
    pub fn set_action_time(&self, time: Duration) {
        self.shared.lock().action_ms = millis(time);
    }

    /// Sets the request limits and forgets what was counted.
    pub fn set_limits(&self, limits: Limits) {
        let mut core = self.shared.lock();
        core.limits = limits;
        core.ledger.clear();
    }
}
