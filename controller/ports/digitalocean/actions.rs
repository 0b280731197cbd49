//! Work that DigitalOcean does in its own time: droplet actions and `/v2/actions`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::call::{Call, Need};
use super::droplets::{BackupPolicy, Droplet};
use super::error::{ApiError, ErrorKind};
use super::wire::or_default;
use super::{Client, Result};

const ACTIONS: Need = Need::of("actions", "Droplet (how its work goes on)");
const DROPLET: Need = Need::of("droplet", "Droplet");

/// A piece of work at DigitalOcean.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Action {
    /// DigitalOcean's id.
    pub id: u64,
    /// How it stands.
    #[serde(default, deserialize_with = "or_default")]
    pub status: ActionStatus,
    /// What it does, such as `resize`.
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub kind: String,
    /// When it began.
    #[serde(default, deserialize_with = "or_default")]
    pub started_at: String,
    /// When it ended.
    #[serde(default)]
    pub completed_at: Option<String>,
    /// On what.
    #[serde(default)]
    pub resource_id: Option<u64>,
}

impl Action {
    /// Tells whether it has ended, well or not.
    pub fn is_over(&self) -> bool {
        self.completed_at.is_some() || matches!(self.status, ActionStatus::Completed | ActionStatus::Errored)
    }
}

/// How an action stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionStatus {
    /// It goes on.
    InProgress,
    /// It ended well.
    Completed,
    /// It ended with an error.
    Errored,
    /// A status that this version does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// What can be done to a droplet in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DropletAction {
    /// Gives it another name.
    Rename {
        /// The name.
        name: String,
    },
    /// Gives it another size; it must be off.
    Resize {
        /// The size's slug.
        size: String,
        /// Whether the disk grows too, for good.
        disk: bool,
    },
    /// Pulls the plug.
    PowerOff,
    /// Asks the system to go down; promises nothing.
    Shutdown,
    /// Starts it.
    PowerOn,
    /// Has it backed up from now on.
    EnableBackups {
        /// When; DigitalOcean picks where there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        backup_policy: Option<BackupPolicy>,
    },
    /// Has it backed up at other times.
    ChangeBackupPolicy {
        /// When.
        backup_policy: BackupPolicy,
    },
    /// Has it backed up no more.
    DisableBackups,
    /// Gives it an IPv6 address, for good.
    EnableIpv6,
    /// Keeps a copy of its disk, which costs money until it is deleted.
    Snapshot {
        /// The copy's name.
        name: String,
    },
}

#[derive(Deserialize)]
struct Answer {
    action: Action,
}

impl Client {
    /// Reads an action by its id alone.
    pub async fn action(&self, id: u64) -> Result<Option<Action>> {
        let call = Call::get(&["actions", &id.to_string()], ACTIONS);
        let answer: Option<Answer> = self.look_up(&call).await?;
        Ok(answer.map(|answer| answer.action))
    }

    /// Starts an action on a droplet; it goes on after the answer.
    pub async fn act(&self, droplet: u64, action: &DropletAction) -> Result<Action> {
        let path = ["droplets", &droplet.to_string(), "actions"];
        let answer: Answer = self.ask(&Call::act(&path, DROPLET).body(action)).await?;
        Ok(answer.action)
    }

    /// Reads an action of a droplet.
    pub async fn droplet_action(&self, droplet: u64, action: u64) -> Result<Action> {
        let answer: Answer = self.ask(&look(droplet, action)).await?;
        Ok(answer.action)
    }

    /// Waits until an action of a droplet has ended well.
    ///
    /// An action that fails is the error `ActionErrored`; one that outlasts `deadline` is
    /// `StillRunning`. Dropping the future stops the looking, not the action.
    pub async fn wait_action(&self, droplet: u64, action: u64, deadline: Duration) -> Result<Action> {
        let mut polling = Polling::new(self, deadline);
        loop {
            let seen = self.droplet_action(droplet, action).await?;
            let what = format!("the {} of droplet {droplet}", seen.kind);
            if seen.status == ActionStatus::Errored {
                return Err(ApiError::new(&look(droplet, action), ErrorKind::ActionErrored)
                    .with_message(format!("{what} ended with an error")));
            }
            if seen.is_over() {
                return Ok(seen);
            }
            polling.pause(&look(droplet, action), &what).await?;
        }
    }

    /// Looks at a droplet until it is as `until` says, and returns it as it was seen last; else `StillRunning`.
    ///
    /// `until` is shown none where DigitalOcean says that there is no such droplet, as it may right after a create.
    pub async fn wait_droplet(
        &self,
        droplet: u64,
        what: &str,
        deadline: Duration,
        until: impl Fn(Option<&Droplet>) -> bool + Send,
    ) -> Result<Option<Droplet>> {
        let mut polling = Polling::new(self, deadline);
        loop {
            let seen = self.droplet(droplet).await?;
            if until(seen.as_ref()) {
                return Ok(seen);
            }
            let call = Call::get(&["droplets", &droplet.to_string()], DROPLET);
            polling.pause(&call, &format!("{what} of droplet {droplet}")).await?;
        }
    }

    /// Waits until DigitalOcean says that a deleted droplet does not exist; else `StillRunning`.
    ///
    /// Until then it still holds its name, its place in a network, and its events. While it is destroyed, an event locks
    /// it: one that stays as it is and unlocked was not destroyed, which is `ActionErrored`.
    pub async fn wait_droplet_gone(&self, droplet: u64, deadline: Duration) -> Result<()> {
        let (mut polling, mut unlocked) = (Polling::new(self, deadline), 0);
        while let Some(seen) = self.droplet(droplet).await? {
            let call = Call::get(&["droplets", &droplet.to_string()], DROPLET);
            unlocked = if seen.locked { 0 } else { unlocked + 1 };
            if unlocked >= STILL_THERE {
                let message = format!("droplet {droplet} is still there, and nothing is under way with it");
                return Err(ApiError::new(&call, ErrorKind::ActionErrored).with_message(message));
            }
            polling.pause(&call, &format!("the destruction of droplet {droplet}")).await?;
        }
        Ok(())
    }
}

/// So many looks in a row have to show a deleted droplet unlocked: over a minute, at the usual pace.
const STILL_THERE: u32 = 20;

/// Looks again after growing pauses until a deadline.
struct Polling {
    began: Instant,
    deadline: Duration,
    pause: Duration,
    most: Duration,
}

impl Polling {
    fn new(client: &Client, deadline: Duration) -> Self {
        let pace = client.config().pace;
        Self { began: Instant::now(), deadline, pause: pace.poll_first, most: pace.poll_most }
    }

    async fn pause(&mut self, call: &Call, what: &str) -> Result<()> {
        let spent = self.began.elapsed();
        if spent >= self.deadline {
            let message = format!("{what} has not ended after {} s", spent.as_secs());
            return Err(ApiError::new(call, ErrorKind::StillRunning).with_message(message));
        }
        sleep(self.pause.min(self.deadline.saturating_sub(spent))).await;
        self.pause = self.pause.mul_f32(1.5).min(self.most);
        Ok(())
    }
}

fn look(droplet: u64, action: u64) -> Call {
    let path = ["droplets", &droplet.to_string(), "actions", &action.to_string()];
    Call::get(&path, DROPLET)
}
